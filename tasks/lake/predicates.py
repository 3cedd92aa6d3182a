"""Which rows of a table are read, as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

Filter = tuple[str, Literal["=", "<", "<=", ">", ">="], date | str | int]


def predicate(where: Sequence[Filter]) -> str | None:
    """Return filters as SQL; values are quoted, so no text of a delivery becomes a part of the query.

    Examples
    --------
    >>> print(predicate([("event_date", ">", date(2026, 1, 2)), ("batch_id", "=", "it's"), ("version", "=", 3)]))
    "event_date" > date '2026-01-02' AND "batch_id" = 'it''s' AND "version" = 3
    """
    return " AND ".join(f'"{column}" {operator} {literal(value)}' for column, operator, value in where) or None


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the filter that a column has one of some texts as SQL; the texts are quoted.

    >>> print(one_of("row_id", ["b", "it's"]))
    "row_id" IN ('b', 'it''s')
    """
    return f'"{column}" IN ({", ".join(map(literal, values))})'


def literal(value: date | str | int) -> str:
    """Return a value as SQL; a text cannot end before its own end.

    >>> print(literal("it's"), literal(3))
    'it''s' 3
    """
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
