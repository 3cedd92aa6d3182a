"""Commands about model versions: approve, reject, roll back, reproduce."""
