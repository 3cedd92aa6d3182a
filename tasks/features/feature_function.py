"""The feature function of a project: the same code in training and in scoring, and a check that it is pure.

A function is pure when its result for a row depends on that row only, every time.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from pathlib import Path

import pandas as pd

from tasks.errors import DataError, SpecError
from tasks.features.user_modules import module_of

ROWS_TRIED = 50
FeatureFunction = Callable[[pd.DataFrame], pd.DataFrame]
_CHECKED: dict[int, FeatureFunction] = {}  # by identity: a callable need not be hashable


def with_features(frame: pd.DataFrame, path: str | None, folder: Path) -> pd.DataFrame:
    """Return the frame with the columns that the project's function adds.

    Parameters
    ----------
    frame : DataFrame
        Accepted rows.
    path : str or None
        `module:function`; None returns the frame unchanged.
    folder : Path
        The folder of the project; its modules take precedence over installed ones.

    Raises
    ------
    SpecError
        The function does not exist.
    DataError
        The function does not return one row for each row, in order, or is not pure.

    Examples
    --------
    >>> frame = pd.DataFrame({"area": [50.0]})
    >>> with_features(frame, None, Path()) is frame
    True
    """
    if path is None:
        return frame
    function = function_at(path, folder)
    featured = function(frame.copy())
    _require_rows(path, featured, frame)
    _require_pure(path, function, frame)
    return featured


def function_at(path: str, folder: Path) -> FeatureFunction:
    """Return the function named `module:function`; modules next to project.yaml take precedence over installed ones.

    Raises
    ------
    SpecError
        The function does not exist.
    """
    module_name, name = path.split(":")
    try:
        function = getattr(module_of(module_name, folder), name)
    except Exception as error:
        raise SpecError(
            [f"features.function is {path!r}, but {error}; put the module next to project.yaml or install it"]
            if isinstance(error, ImportError | AttributeError)
            else [f"features.function is {path!r}, but importing it fails: {error!r}"]
        ) from error
    if not callable(function):
        raise SpecError([f"features.function is {path!r}, which is a {type(function).__name__}; expected a function"])
    return function  # type: ignore[no-any-return]  # callable() does not check the signature


def _require_pure(path: str, function: FeatureFunction, frame: pd.DataFrame) -> None:
    """Check a function once per process, on the first rows it is given."""
    if id(function) in _CHECKED or frame.empty:
        return
    head = frame.head(ROWS_TRIED)
    _require_rows(path, function(head.copy()), head)
    if fault := impurity(function, head):
        raise DataError(
            f"{path} must give the same result for a row in training, in the nightly batch and in service, but {fault}"
        )
    _CHECKED[id(function)] = function


def _require_rows(path: str, result: object, frame: pd.DataFrame) -> None:
    if not isinstance(result, pd.DataFrame) or not result.index.equals(frame.index):
        count = len(result) if isinstance(result, Sized) else "no"
        raise DataError(
            f"{path} got {len(frame)} rows and returned {type(result).__name__} with {count} rows; "
            "it must return a frame with the same rows in the same order"
        )


def impurity(function: FeatureFunction, frame: pd.DataFrame) -> str:
    """Return why a function is not pure, or an empty text; it is tried on the first 50 rows.

    Training and the nightly batch pass many rows, the service one at a time: the results must agree.

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
