"""Whether a function of the project is pure: its result for a row depends on that row only, every time."""

from __future__ import annotations

from typing import Literal, NamedTuple

import pandas as pd

from tasks.user_code.clock_calls import clock_call
from tasks.user_code.row_attempts import RowFunction, attempted, described

ROWS_TRIED = 50
_CHECKED: dict[int, RowFunction] = {}  # by identity: a callable need not be hashable


class Impurity(NamedTuple):
    """Why a function is not pure, in words; `kind` says whether these are those of an error that it raised.

    `head` is such an error for the first rows alone, `fewer` one for still fewer rows, `found` what was found.
    """

    kind: Literal["head", "fewer", "found"]
    text: str


def checked_once(function: RowFunction, frame: pd.DataFrame) -> Impurity | None:
    """Return why a function is not pure; it is tried once, on the first rows that it is given in this process."""
    if id(function) in _CHECKED or frame.empty:
        return None
    head = frame.head(ROWS_TRIED)
    if isinstance(result := attempted(function, head), str):
        return Impurity("head", result)
    try:
        fault = impurity(function, head)
    except Exception as error:  # noqa: BLE001 - a user's function may raise anything
        return Impurity("fewer", described(error))
    if fault:
        return Impurity("found", fault)
    _CHECKED[id(function)] = function
    return None


def impurity(function: RowFunction, frame: pd.DataFrame) -> str:
    """Return why a function is not pure, or an empty text; it is tried on the first 50 rows.

    Training and the nightly batch pass many rows, the service one at a time: the results must agree. A clock gives the
    same day twice in one check, so the code of the function is searched for one.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": [50.0, 70.0]})
    >>> impurity(lambda frame: frame.assign(twice=2 * frame["area"]), rows)
    ''
    >>> impurity(lambda frame: frame.assign(share=frame["area"] / frame["area"].sum()), rows)
    'the result for a row depends on the other rows: for one row alone, it gives another share'
    """
    head = frame.head(ROWS_TRIED)
    if head.empty:
        return ""
    if (asked := clock_call(function)) is not None:
        return f"it asks the clock ({asked}): another night gives another result; subtract from the row's event time"
    argument = head.copy(deep=True)
    first = function(argument)
    if not _same(argument, head):
        return "it changes the frame it is given: copy it, or use frame.assign(...)"
    if changed := _unlike(first, function(head.copy(deep=True))):
        return f"for the same rows it gives another {changed} the second time: use no clock, no random number, no state"
    if changed := _unlike(first.iloc[[0]], function(head.iloc[[0]].copy(deep=True))):
        return f"the result for a row depends on the other rows: for one row alone, it gives another {changed}"
    return ""


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return list(one) == list(other) and one.index.equals(other.index) and one.equals(other)


def _unlike(one: pd.DataFrame, other: object) -> str:
    """Return what differs: the name of a column, the number of rows or the set of columns."""
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
