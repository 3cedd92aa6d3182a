"""What runs: Prefect flows as thin compositions of the rooms, and the command line."""
