"""Estimators that were trained elsewhere, read without running code and put on the inputs of the project's models."""
