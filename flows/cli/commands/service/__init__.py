"""Commands of the prediction service."""
