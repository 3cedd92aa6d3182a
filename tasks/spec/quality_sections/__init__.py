"""Sections of a spec that say what else is measured of a model's answers, in addition to the one metric."""
