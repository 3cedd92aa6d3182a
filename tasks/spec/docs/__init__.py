"""Generated documentation of the spec: JSON schema and key reference."""
