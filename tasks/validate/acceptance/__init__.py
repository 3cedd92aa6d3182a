"""How accepted, refused and corrected rows are stored."""
