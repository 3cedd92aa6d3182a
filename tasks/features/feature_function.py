"""The project's own feature function: the same code in training and in scoring."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path

import pandas as pd

from tasks.errors import DataError, SpecError
from tasks.features.purity import ROWS, FeatureFunction, impurity
from tasks.features.user_modules import module_of

_FOUND_PURE: dict[int, FeatureFunction] = {}  # by identity: a callable need not be hashable


def with_features(frame: pd.DataFrame, path: str | None, folder: Path) -> pd.DataFrame:
    """Return the frame with the columns that the project's function adds.

    Parameters
    ----------
    frame : DataFrame
        Accepted rows.
    path : str or None
        `module:function`; None gives the frame back as it is.
    folder : Path
        The project's folder, where its own modules are looked for first.

    Raises
    ------
    SpecError
        When there is no such function.
    DataError
        When the function does not give one row back for each row, in order, or is not pure.

    Examples
    --------
    >>> frame = pd.DataFrame({"area": [50.0]})
    >>> with_features(frame, None, Path()) is frame
    True
    """
    if path is None:
        return frame
    function = function_at(path, folder)
    made = function(frame.copy())
    _require_rows(path, made, frame)
    _require_pure(path, function, frame)
    return made


def function_at(path: str, folder: Path) -> FeatureFunction:
    """Return the function a `module:function` names; modules beside project.yaml come before installed ones.

    Raises
    ------
    SpecError
        When there is none.
    """
    module_name, name = path.split(":")
    try:
        function = getattr(module_of(module_name, folder), name)
    except Exception as error:
        raise SpecError(
            [f"features.function is {path!r}, but {error}; put the module beside project.yaml or install it"]
            if isinstance(error, ImportError | AttributeError)
            else [f"features.function is {path!r}, but importing it fails: {error!r}"]
        ) from error
    if not callable(function):
        raise SpecError([f"features.function is {path!r}, which is a {type(function).__name__}; expected a function"])
    return function  # type: ignore[no-any-return]  # callable() cannot tell the signature


def _require_pure(path: str, function: FeatureFunction, frame: pd.DataFrame) -> None:
    """Try a function once a process, on the first rows it is given."""
    if id(function) in _FOUND_PURE or frame.empty:
        return
    head = frame.head(ROWS)
    _require_rows(path, function(head.copy()), head)
    if fault := impurity(function, head):
        raise DataError(
            f"{path} must make the same of a row in training, in the nightly batch and in service, but {fault}"
        )
    _FOUND_PURE[id(function)] = function


def _require_rows(path: str, made: object, frame: pd.DataFrame) -> None:
    if not isinstance(made, pd.DataFrame) or not made.index.equals(frame.index):
        count = len(made) if isinstance(made, Sized) else "no"
        raise DataError(
            f"{path} got {len(frame)} rows and gave back {type(made).__name__} with {count} rows; "
            "it must return a frame with the same rows in the same order"
        )
