"""The commands as typer parses them: options and help, one module for each group; they import what they run."""
