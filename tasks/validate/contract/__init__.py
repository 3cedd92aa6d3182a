"""The Great Expectations suite of a project, and its evaluation."""
