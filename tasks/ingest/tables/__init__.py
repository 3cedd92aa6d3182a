"""Tables of databases as landing zones: each night, the rows that changed since the last one are a delivery."""
