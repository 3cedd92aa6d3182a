"""Label quality."""
