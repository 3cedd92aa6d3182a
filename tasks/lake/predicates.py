"""Which rows of a table are read, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
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
    return " AND ".join(f'"{column}" {operator} {_literal(value)}' for column, operator, value in where) or None


def _literal(value: date | str | int) -> str:
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
