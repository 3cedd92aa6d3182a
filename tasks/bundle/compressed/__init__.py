"""Smaller forms of a model for bundles: narrower leaves, fewer trees, and students, with their size and their bound."""
