"""The stores that deliveries are read from: folders and S3."""
