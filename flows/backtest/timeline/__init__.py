"""A history in memory, night by night."""
