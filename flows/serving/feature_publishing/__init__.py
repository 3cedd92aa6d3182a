"""What requests need of the project: its function for one row, what its feature tables hold, and proofs of both."""
