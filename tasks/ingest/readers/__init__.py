"""From bytes to rows, in chunks."""
