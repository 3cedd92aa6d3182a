"""Runs that other programs logged to the MLflow of a project."""
