"""After release."""
