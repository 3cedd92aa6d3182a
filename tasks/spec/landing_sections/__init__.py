"""Sections of a spec that say where deliveries come from, and in which form."""
