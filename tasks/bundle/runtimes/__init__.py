"""Runtimes: what answers inside of a bundle, without Leeway; the modules in Python need its standard library only."""
