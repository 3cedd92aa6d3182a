"""Rows of requests in the process of a project's code: typed cells in JSON become a frame, and a frame cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks.user_code.row_attempts import RowFunction, applied

TYPES: dict[str, Any] = {"number": "float64", "boolean": "boolean", "category": "str", "time": "datetime64[us]"}
"""The types of the columns that a night gives a function."""
UNREADABLE: list[Any] = []
"""A cell of a kind that no column has."""


def made_cells(function: RowFunction, asked: dict[str, Any]) -> list[dict[str, Any] | None]:
    """Return the cells that a function makes of each row; None for a row that it fails on.

    Parameters
    ----------
    asked : dict
        `cells`, a list for each column; `kinds` of the columns; and `makes`, the columns that are wanted.

    Examples
    --------
    >>> asked = {"cells": {"area": [50.0, None]}, "kinds": {"area": "number"}, "makes": ["half"]}
    >>> made_cells(lambda frame: frame.assign(half=frame["area"] / 2), asked)
    [{'half': 25.0}, {'half': None}]
    """
    columns = {name: pd.Series(cells, dtype=object) for name, cells in asked["cells"].items()}
    typed = {name: typed_column(cells, asked["kinds"][name]) for name, cells in columns.items()}
    frame = pd.DataFrame(typed)
    made, failures = applied(function, frame)
    if made is None:
        return [None] * len(frame)
    cells = {name: [_cell(value) for value in made[name]] for name in asked["makes"] if name in made}
    found = iter([dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)])
    return [None if place in failures else next(found, {}) for place in range(len(frame))]


def typed_column(cells: pd.Series, kind: str) -> pd.Series:
    """Return cells in JSON as a column of a kind.

    >>> typed_column(pd.Series(["2026-01-02", None], dtype=object), "time").tolist()
    [Timestamp('2026-01-02 00:00:00'), NaT]
    """
    read = pd.to_datetime(cells, format="ISO8601") if kind == "time" else cells
    return read.astype(TYPES[kind])


def _cell(value: Any) -> Any:
    if not pd.api.types.is_scalar(value):
        return UNREADABLE
    if pd.isna(value):
        return None
    plain = value.item() if isinstance(value, np.generic) and not isinstance(value, np.datetime64) else value
    if isinstance(plain, float) and not np.isfinite(plain):
        return None
    if isinstance(plain, bool | int | float | str):
        return plain
    return plain.isoformat() if isinstance(plain, pd.Timestamp) else UNREADABLE
