"""Parquet: its columns may be far smaller in the file than in memory."""
