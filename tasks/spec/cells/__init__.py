"""Typed values: delivered cells and keys as the types of the spec."""
