"""Read a spec, and word its faults."""
