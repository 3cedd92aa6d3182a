"""Flows: what Leeway runs with Prefect, and the commands that start it."""
