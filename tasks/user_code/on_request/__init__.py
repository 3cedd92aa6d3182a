"""Functions of a project on request: the code that answers, a digest of it, and rows as cells in JSON."""
