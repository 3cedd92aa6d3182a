"""Which rows of a table are read, as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from deltalake import DeltaTable

Cell: TypeAlias = "date | str | bool | int | float"
Filter = tuple[str, Literal["=", "<", "<=", ">", ">="], date | str | int]


def predicate(where: Sequence[Filter]) -> str | None:
    """Return filters as SQL; values are quoted, so no text of a delivery becomes a part of the query.

    Examples
    --------
    >>> print(predicate([("event_date", ">", date(2026, 1, 2)), ("batch_id", "=", "it's"), ("version", "=", 3)]))
    "event_date" > date '2026-01-02' AND "batch_id" = 'it''s' AND "version" = 3
    """
    return " AND ".join(f'"{column}" {operator} {literal(value)}' for column, operator, value in where) or None


def one_of(column: str, values: Iterable[Cell]) -> str:
    """Return the filter that a column has one of some values as SQL; the values are of the type of the column.

    >>> print(one_of("row_id", ["b", "it's"]), one_of("age", [7.0]))
    "row_id" IN ('b', 'it''s') "age" IN (7.0)
    """
    return f'"{column}" IN ({", ".join(map(literal, values))})'


def literal(value: Cell) -> str:
    """Return a value as SQL; a text cannot end before its own end.

    >>> print(literal("it's"), literal(3), literal(True), literal(-0.5), literal(datetime(2026, 1, 2)))
    'it''s' 3 true -0.5 timestamp '2026-01-02T00:00:00'
    """
    if isinstance(value, date):
        return f"{'timestamp' if isinstance(value, datetime) else 'date'} '{value.isoformat()}'"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else "'" + value.replace("'", "''") + "'"


def known_columns(opened: DeltaTable, columns: list[str] | None) -> list[str] | None:
    """Return those of some columns that a table has, which may be older than one of them; None for all of it."""
    there = {field.name for field in opened.schema().fields}
    return None if columns is None else [name for name in columns if name in there]
