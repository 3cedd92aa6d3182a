"""Versions in service: how a released one and one that waits do, and whether rows were served as they are scored."""
