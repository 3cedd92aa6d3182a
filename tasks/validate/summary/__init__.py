"""A night's validation in words."""
