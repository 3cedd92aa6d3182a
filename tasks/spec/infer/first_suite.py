"""The first Great Expectations suite: rules that hold in the given data, with room for normal variation.

Ranges are widened by half of the observed range on each side, but never across zero. Categories are a warning only,
because a new category is not a fault.
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
    """Return a range with half its length added on each side, but without crossing zero.

    >>> widened(2, 10)   # 2 - 4 would cross zero
    (0.0, 14.0)
    >>> widened(-1, 1)
    (-2.0, 2.0)
    """
    room = (high - low) / 2
    below = max(0.0, low - room) if low >= 0 else low - room
    above = min(0.0, high + room) if high <= 0 else high + room
    return float(max(below, -LARGEST)), float(min(above, LARGEST))


def expectations_for(column: pd.Series, kind: str) -> list[dict[str, Any]]:
    """Return the rules that hold for one typed column: no missing value, its range, or its few values."""
    name, rules = str(column.name), []
    if not column.isna().any():
        rules.append(expectation("expect_column_values_to_not_be_null", "no cell is empty in the data", column=name))
    known = column.dropna()
    if kind == "binary":
        rules.append(expectation("expect_column_values_to_be_in_set", "a binary label", column=name, value_set=[0, 1]))
    if kind == "numbers" and len(known):
        low, high = widened(float(known.min()), float(known.max()))
        why = f"observed {known.min():g} to {known.max():g}, widened by half of the range on each side, not across zero"
        rule = "expect_column_values_to_be_between"
        rules.append(expectation(rule, why, column=name, min_value=low, max_value=high))
    if kind == "categories" and known.nunique() <= SMALL_CATEGORY:
        values = sorted(str(value) for value in known.unique())
        why = "the observed values; a new one is reported, not refused"
        rules.append(expectation("expect_column_values_to_be_in_set", why, "warning", column=name, value_set=values))
    return rules


def unique_key(columns: list[str]) -> list[dict[str, Any]]:
    """Return the rules that the id is never empty and identifies each row of a delivery."""
    filled = [expectation("expect_column_values_to_not_be_null", "part of the id", column=name) for name in columns]
    if len(columns) == 1:
        return [*filled, expectation("expect_column_values_to_be_unique", "it identifies a row", column=columns[0])]
    return [
        *filled,
        expectation("expect_compound_columns_to_be_unique", "it identifies a row", column_list=columns),
    ]
