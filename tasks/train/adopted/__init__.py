"""Pipelines that were trained elsewhere: proven in a process of their own, whatever is in their file."""
