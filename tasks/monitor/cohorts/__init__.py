"""How well a version answers: cohorts of labels, what was promised, and the yardstick between them."""
