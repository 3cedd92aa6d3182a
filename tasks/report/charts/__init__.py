"""The charts of a project's page: each reads what nights recorded, and returns a drawn figure."""
