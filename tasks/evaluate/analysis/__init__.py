"""Where the errors of a model are."""
