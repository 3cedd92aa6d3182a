"""Checks of what feature tables deliver."""
