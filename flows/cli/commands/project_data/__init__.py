"""Commands about a project's data: check it, release quarantined batches, review rows, build Data Docs."""
