"""The rooms: what Leeway does, one verb a package. Flows chain them; no room imports another."""
