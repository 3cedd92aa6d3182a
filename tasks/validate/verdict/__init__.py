"""The verdicts on deliveries of rows, labels and feature tables."""
