"""The project's own feature function: the same code in training and in scoring."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pandas as pd

from tasks.errors import DataError, SpecError


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
        When the function does not give one row back for each row, in order.

    Examples
    --------
    >>> frame = pd.DataFrame({"area": [50.0]})
    >>> with_features(frame, None, Path()) is frame
    True
    """
    if path is None:
        return frame
    made = function_at(path, folder)(frame.copy())
    if not isinstance(made, pd.DataFrame) or not made.index.equals(frame.index):
        count = len(made) if hasattr(made, "__len__") else "no"
        raise DataError(
            f"{path} got {len(frame)} rows and gave back {type(made).__name__} with {count} rows; "
            "it must return a frame with the same rows in the same order"
        )
    return made


def function_at(path: str, folder: Path) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return the function a `module:function` names.

    Raises
    ------
    SpecError
        When there is none.
    """
    module_name, name = path.split(":")
    beside = str(folder.resolve())
    if beside not in sys.path:
        sys.path.insert(0, beside)
    try:
        function = getattr(import_module(module_name), name)
    except Exception as error:
        raise SpecError(
            [f"features.function is {path!r}, but {error}; put the module beside project.yaml or install it"]
            if isinstance(error, ImportError | AttributeError)
            else [f"features.function is {path!r}, but importing it fails: {error!r}"]
        ) from error
    if not callable(function):
        raise SpecError([f"features.function is {path!r}, which is a {type(function).__name__}; expected a function"])
    return function  # type: ignore[no-any-return]  # callable() cannot tell the signature
