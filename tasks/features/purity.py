"""Whether a feature function is pure: what it makes of a row depends on that row alone, each time."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

ROWS = 50
FeatureFunction = Callable[[pd.DataFrame], pd.DataFrame]


def impurity(function: FeatureFunction, frame: pd.DataFrame) -> str:
    """Return in which way a function is not pure, or nothing; its first 50 rows are tried.

    Training and the nightly batch give it many rows, the service one at a time: the three must agree.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": [50.0, 70.0]})
    >>> impurity(lambda frame: frame.assign(twice=2 * frame["area"]), rows)
    ''
    >>> impurity(lambda frame: frame.assign(share=frame["area"] / frame["area"].sum()), rows)
    'what it makes of a row depends on the other rows: of one row alone it makes another share'
    """
    head = frame.head(ROWS)
    if head.empty:
        return ""
    given = head.copy(deep=True)
    first = function(given)
    if not _same(given, head):
        return "it changes the frame it is given: copy it, or use frame.assign(...)"
    if changed := _unlike(first, function(head.copy(deep=True))):
        return f"of the same rows it makes another {changed} the second time: no clock, no chance, no state"
    if changed := _unlike(first.iloc[[0]], function(head.iloc[[0]].copy(deep=True))):
        return f"what it makes of a row depends on the other rows: of one row alone it makes another {changed}"
    return ""


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return list(one) == list(other) and one.index.equals(other.index) and one.equals(other)


def _unlike(one: pd.DataFrame, other: object) -> str:
    """Return what differs: a column's name, or that it is no such frame."""
    if not isinstance(other, pd.DataFrame) or not one.index.equals(other.index):
        return "number of rows"
    if list(one) != list(other):
        return f"set of columns ({', '.join(sorted(map(str, set(one) ^ set(other)))) or 'another order'})"
    for name in one:
        try:
            pd.testing.assert_series_equal(one[name], other[name], check_dtype=False)
        except AssertionError:
            return str(name)
    return ""
