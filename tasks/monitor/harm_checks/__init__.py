"""Once the error is past its leeway: whether the rows or labels by which it is measured may be broken instead."""
