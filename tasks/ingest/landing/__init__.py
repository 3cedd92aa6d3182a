"""Which deliveries landed, and where."""
