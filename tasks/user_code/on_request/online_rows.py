"""A function for one row in the process of a project's code, where it is tried before a worker calls it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tasks.row_contract.compiled_contract import ServedFunction
from tasks.row_contract.made_values import MadeColumns, OwnRowFunction
from tasks.row_contract.row_reader import TypedRow
from tasks.row_contract.table_values import kinds_of


def online_rows(asked: Mapping[str, Any]) -> list[dict[str, Any] | None]:
    """Return what a function makes of each row, in its kinds and as JSON has them; None for a row that it fails on.

    Parameters
    ----------
    asked : mapping
        `online`, the fields of a `ServedFunction` with a source; `time_zone`; `rows` of cells in JSON, and their
        `kinds`.

    Examples
    --------
    >>> function = ServedFunction(path="f:f", source="def f(row): return {'y': 2 * row['x']}", numbers=("y",))
    >>> asked = {"online": msgspec.to_builtins(function), "time_zone": "UTC", "kinds": {"x": "number"}}
    >>> online_rows({**asked, "rows": [{"x": 1.5}, {"x": None}]})
    [{'y': 3.0}, None]
    """
    function = msgspec.convert(asked["online"], ServedFunction)
    columns, names = MadeColumns(function, asked["time_zone"]), list(kinds_of(function))
    rows = [TypedRow("", typed_row(row, asked["kinds"])) for row in asked["rows"]]
    added = [columns.added(row, made) for row, made in zip(rows, OwnRowFunction(function).made(rows), strict=True)]
    return [None if row is None else msgspec.to_builtins({name: row.values[name] for name in names}) for row in added]


def typed_row(row: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return cells in JSON as a request's row has them.

    >>> typed_row({"at": "2026-01-02T00:00:00"}, {"at": "time"})
    {'at': datetime.datetime(2026, 1, 2, 0, 0)}
    """
    return {
        name: datetime.fromisoformat(cell) if kinds[name] == "time" and cell is not None else cell
        for name, cell in row.items()
    }
