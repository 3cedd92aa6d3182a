"""From delivered cells to typed columns."""
