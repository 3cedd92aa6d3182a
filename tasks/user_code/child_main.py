"""The process that runs a project's own code: it answers a flow until that closes the connection.

Nothing here is believed by the flow: the code that runs next to it can change all of it.
"""

from __future__ import annotations

import operator
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.user_code.confined.answer_loop import answer_flow
from tasks.user_code.confined.framing import ChildMessage
from tasks.user_code.frame_codec import decoded, encoded
from tasks.user_code.metric_attempts import metric_without_each
from tasks.user_code.on_request.cell_rows import made_cells
from tasks.user_code.on_request.code_digest import code_digest
from tasks.user_code.on_request.online_rows import online_rows
from tasks.user_code.purity import checked_once
from tasks.user_code.row_attempts import RowFunction, applied
from tasks.user_code.user_modules import module_of

TRACE_LINES = 8


class UnusableError(Exception):
    """A function that cannot be called, in three texts: the kind of `UnusableFunctionError`, why, and a traceback."""


def main() -> None:
    """Answer until the flow has ended."""
    answer_flow(_answered)


def _answered(asked: ChildMessage, folder: Path) -> ChildMessage:
    try:
        if "cells" in asked.header:
            return _rows_answered(asked.header, folder)
        if "online" in asked.header:
            return _online_answered(asked.header)
        function = _function(asked.header["path"], folder)
        return ChildMessage({}) if asked.frame is None else _result(decoded(asked.frame), asked.header, function)
    except UnusableError as error:
        return ChildMessage({"unusable": list(error.args)})
    except MemoryError:
        return ChildMessage({"unusable": ["memory", "", ""]})


def _rows_answered(asked: dict[str, Any], folder: Path) -> ChildMessage:
    """Return what a function makes of rows of a request, unless its code has changed since it was proven."""
    if code_digest(asked["path"], folder) != asked["code"]:
        raise UnusableError("changed", "", "")
    return ChildMessage({"made": made_cells(_function(asked["path"], folder), asked)})


def _online_answered(asked: dict[str, Any]) -> ChildMessage:
    try:
        return ChildMessage({"made": online_rows(asked)})
    except (Exception, SystemExit) as error:
        raise UnusableError("failing", repr(error), _tail()) from error


def _result(frame: pd.DataFrame, asked: dict[str, Any], function: RowFunction) -> ChildMessage:
    if "measures" not in asked:
        return _made(frame, asked, function)
    values, fault = metric_without_each(function, frame, asked["measures"])
    return ChildMessage({"values": values, "fault": fault})


def _function(path: str, folder: Path) -> RowFunction:
    module, name = path.split(":")
    try:
        function = getattr(module_of(module, folder), name)
    except (ImportError, AttributeError) as error:
        raise UnusableError("missing", str(error), _tail()) from error
    except (Exception, SystemExit) as error:
        raise UnusableError("failing", repr(error), _tail()) from error
    if not callable(function):
        raise UnusableError("none", type(function).__name__, "")
    return cast("RowFunction", function)


def _made(frame: pd.DataFrame, asked: dict[str, Any], function: RowFunction) -> ChildMessage:
    """Return what a function makes of rows, without the columns that it leaves as they are."""
    predicts = asked["predicts"]
    called = _predicting(function) if predicts else function
    made, failures = applied(called, frame)
    header: dict[str, Any] = {"failures": list(failures.items())}
    passing = frame.iloc[[place for place in range(len(frame)) if place not in failures]] if failures else frame
    if asked["pure"]:
        header["impurity"] = checked_once(function, passing)
    if made is None:
        return ChildMessage(header)
    kept = {} if predicts else {name: place for place, name in enumerate(passing.columns)}
    changed = [
        place
        for place, name in enumerate(made.columns)
        if name not in kept or not is_same(made.iloc[:, place], passing.iloc[:, kept[name]])
    ]
    position = {place: number for number, place in enumerate(changed)}
    header["columns"] = [
        ["made", position[place]] if place in position else ["kept", kept[name]]
        for place, name in enumerate(made.columns)
    ]
    return ChildMessage(header, encoded(made.iloc[:, changed].reset_index(drop=True)))


def is_same(one: pd.Series, other: pd.Series) -> bool:
    """Return whether two columns have the same cells to the bit, so that one can replace the other.

    Examples
    --------
    >>> is_same(pd.Series([0.0]), pd.Series([0.0])), is_same(pd.Series([0.0]), pd.Series([-0.0]))
    (True, False)
    """
    if one.dtype != other.dtype:
        return False
    if one.dtype == object:  # 1, 1.0 and True are equal
        return all(map(operator.is_, one.tolist(), other.tolist()))
    if isinstance(one.dtype, np.dtype):
        return one.to_numpy().tobytes() == other.to_numpy().tobytes()
    return bool(one.array.equals(other.array))


def _predicting(rule: Callable[[pd.DataFrame], Any]) -> RowFunction:
    """Return a rule as a function from rows to a frame of its numbers."""

    def predicted(frame: pd.DataFrame) -> pd.DataFrame:
        prediction = np.asarray(rule(frame), dtype=np.float64)
        if len(prediction) != len(frame):
            raise DataError(f"got {len(frame)} rows and returned {len(prediction)}; expected one each")
        return pd.DataFrame(prediction, index=frame.index)

    return predicted


def _tail() -> str:
    """Return the last lines of the traceback of the error that is being handled."""
    return "".join(traceback.format_exc().splitlines(keepends=True)[-TRACE_LINES:])


if __name__ == "__main__":
    main()
