"""Runs the own code of a project in a process without secrets: its feature function, and its rule as a baseline."""
