"""Rows that a function of the project cannot be applied to: which they are, and what the function says of them.

A function is called on many rows at once, and one row can make the whole call fail. Halving finds that row: 200,000
rows with one such row take 36 further calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sized
from typing import TypeAlias

import pandas as pd

RowFunction: TypeAlias = Callable[[pd.DataFrame], pd.DataFrame]
MOST_CALLS = 2_000  # after so many, a part in which a row fails counts as failing
LONGEST = 200  # characters of a message that are kept
TWICE = "returned several columns of one name"


def applied(function: RowFunction, frame: pd.DataFrame) -> tuple[pd.DataFrame | None, dict[int, str]]:
    """Return what a function makes of the rows that it can be applied to, and why not of the others.

    Parameters
    ----------
    function : callable
        From a frame to a frame with the same rows in the same order; each call gets a copy.
    frame : DataFrame
        Rows.

    Returns
    -------
    DataFrame or None
        The result for the rows that pass, together; None when no row passes, or when they only pass apart.
    dict of int to str
        The message of each failing row, by position, in order.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": ["50", "many", "70"]})
    >>> made, failures = applied(lambda frame: frame.assign(half=[int(area) // 2 for area in frame["area"]]), rows)
    >>> made["half"].tolist(), failures
    ([25, 35], {1: "ValueError: invalid literal for int() with base 10: 'many'"})
    """
    result = attempted(function, frame)
    if isinstance(result, pd.DataFrame):
        return result, {}
    failures = _failing(function, frame, result)
    passing = [place for place in range(len(frame)) if place not in failures]
    made = attempted(function, frame.iloc[passing]) if passing else ""
    return (made, failures) if isinstance(made, pd.DataFrame) else (None, dict.fromkeys(range(len(frame)), result))


def attempted(function: RowFunction, frame: pd.DataFrame) -> pd.DataFrame | str:
    """Return what a function makes of a copy of some rows, or why that is no frame with these rows.

    Examples
    --------
    >>> attempted(lambda frame: frame.iloc[1:], pd.DataFrame({"area": [50.0, 70.0]}))
    'got 2 rows and returned DataFrame with 1 rows; it must return a frame with the same rows in the same order'
    """
    try:
        result: object = function(frame.copy())
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's function may raise anything
        return described(error)
    if isinstance(result, pd.DataFrame) and result.columns.is_unique and result.index.equals(frame.index):
        return result
    if isinstance(result, pd.DataFrame) and not result.columns.is_unique:
        return f"{TWICE}: {result.columns[result.columns.duplicated()][0]!r}; expected one of each name"
    count = len(result) if isinstance(result, Sized) else "no"
    return (
        f"got {len(frame)} rows and returned {type(result).__name__} with {count} rows; "
        "it must return a frame with the same rows in the same order"
    )


def described(error: BaseException) -> str:
    """Return the kind and the message of an error on one line, shortened.

    >>> described(ValueError("math domain error"))
    'ValueError: math domain error'
    """
    text = " ".join(f"{type(error).__name__}: {error}".removesuffix(": ").split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _failing(function: RowFunction, frame: pd.DataFrame, message: str) -> dict[int, str]:
    """Return the failing rows of a frame that fails as a whole, by halving it; broad parts first."""
    failures: dict[int, str] = {}
    parts, calls = deque([(0, len(frame), message)]), 1
    while parts:
        start, end, said = parts.popleft()
        if end - start <= 1 or calls >= MOST_CALLS:
            failures |= dict.fromkeys(range(start, end), said)
            continue
        middle = (start + end) // 2
        for first, last in ((start, middle), (middle, end)):
            result = attempted(function, frame.iloc[first:last])
            calls += 1
            if isinstance(result, str):
                parts.append((first, last, result))
    return dict(sorted(failures.items()))
