"""Delta tables as landing zones: each of their versions is a delivery, and one of the rows that it deletes."""
