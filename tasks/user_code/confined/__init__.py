"""A process with fewer rights than ours: how it is started, limited and asked, and how its answers are read."""
