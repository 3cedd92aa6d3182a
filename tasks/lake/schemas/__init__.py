"""The columns of the tables: their Arrow types, and how kinds are stored."""
