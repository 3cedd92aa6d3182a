"""The first Great Expectations suite: what held in the data at hand, with room for what may honestly change.

Ranges are widened by half of what was observed on each side, and a sign is kept: what was never negative may not become
so. Categories are a warning only: a new one is news, not a fault.
"""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

Severity = Literal["critical", "warning"]
SMALL_CATEGORY = 50
LARGEST = 1.7e308  # JSON has no infinity


def expectation(kind: str, why: str, severity: Severity = "critical", **kwargs: Any) -> dict[str, Any]:
    """Return one expectation in the JSON form of Great Expectations 1.x."""
    return {"type": kind, "kwargs": kwargs, "meta": {"why": why}, "severity": severity}


def widened(low: float, high: float) -> tuple[float, float]:
    """Return a range with half its length added on each side, cut at 0 where it never crossed it.

    >>> widened(2, 10)   # 8 long: -2 would change the sign
    (0.0, 14.0)
    >>> widened(-1, 1)
    (-2.0, 2.0)
    """
    room = (high - low) / 2
    below = max(0.0, low - room) if low >= 0 else low - room
    above = min(0.0, high + room) if high <= 0 else high + room
    return float(max(below, -LARGEST)), float(min(above, LARGEST))


def expectations_for(column: pd.Series, kind: str) -> list[dict[str, Any]]:
    """Return what held for one typed column: filled everywhere, its range, or its few values."""
    name, held = str(column.name), []
    if not column.isna().any():
        held.append(expectation("expect_column_values_to_not_be_null", "no cell was empty", column=name))
    known = column.dropna()
    if kind == "binary":
        held.append(expectation("expect_column_values_to_be_in_set", "a binary label", column=name, value_set=[0, 1]))
    if kind == "numbers" and len(known):
        low, high = widened(float(known.min()), float(known.max()))
        why = f"seen {known.min():g} to {known.max():g}, widened by half of that on each side, the sign kept"
        rule = "expect_column_values_to_be_between"
        held.append(expectation(rule, why, column=name, min_value=low, max_value=high))
    if kind == "categories" and known.nunique() <= SMALL_CATEGORY:
        values = sorted(str(value) for value in known.unique())
        why = "the values seen; a new one is reported, not refused"
        held.append(expectation("expect_column_values_to_be_in_set", why, "warning", column=name, value_set=values))
    return held


def unique_key(columns: list[str]) -> list[dict[str, Any]]:
    """Return the expectation that an id names each row once in a delivery, and that it is never empty."""
    filled = [expectation("expect_column_values_to_not_be_null", "part of the id", column=name) for name in columns]
    if len(columns) == 1:
        return [*filled, expectation("expect_column_values_to_be_unique", "it names a row", column=columns[0])]
    return [
        *filled,
        expectation("expect_compound_columns_to_be_unique", "it names a row", column_list=columns),
    ]
