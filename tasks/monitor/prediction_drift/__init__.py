"""What predictions meant on the hold-out, and how they compare with those of another version."""
