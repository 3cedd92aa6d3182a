"""Snapshots of feature tables: memory-mapped arrays, a signed description, and rows that a reader must join alike."""
