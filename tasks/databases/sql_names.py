"""Names and texts as SQL reads them."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return a name as SQL reads it without changing its case.

    >>> quoted("Fare"), quoted('a"b')
    ('"Fare"', '"a""b"')
    """
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def relation_name(table: str) -> str:
    """Return the name of a table, after that of its schema if it is given.

    >>> relation_name("public.rides"), relation_name("Rides")
    ('"public"."rides"', '"Rides"')
    """
    return ".".join(quoted(part) for part in table.split("."))


def literal(text: str) -> str:
    """Return a text as a value in SQL.

    >>> literal("it's")
    "'it''s'"
    """
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
