"""Models after their release: recovery, and the comparison in service."""
