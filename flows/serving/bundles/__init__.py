"""Bundles on the side of Leeway: how a version is made one, and how its answers come back."""
