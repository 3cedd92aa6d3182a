"""Checks of the labels that a training uses."""
