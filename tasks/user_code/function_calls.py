"""Calls functions of a project's own code: each project has one process for them, as long as this process lives."""

from __future__ import annotations

import atexit
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import pandas as pd

from tasks.errors import DataError
from tasks.logs import line, logger
from tasks.spec.find_project import FILE, home
from tasks.user_code.confined.child_process import PRINTED_BYTES, ChildProcess, EndedError, Printed
from tasks.user_code.confined.confinement import hidden_folders
from tasks.user_code.confined.framing import ChildMessage, EncodedFrame
from tasks.user_code.frame_codec import decoded, encoded
from tasks.user_code.row_attempts import LONGEST

MOST_PROCESSES = 4
PRINTED_LINES = 20
Read = TypeVar("Read")

_RUNNING: OrderedDict[tuple[int, Path], ChildProcess] = OrderedDict()
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class UserFunction:
    """A function of a project.

    Parameters
    ----------
    path : str
        `module:function`.
    folder : Path
        The folder of the project; its modules take precedence over installed ones.
    is_private : bool
        Whether what it prints is not logged, because it may quote a value.
    """

    path: str
    folder: Path
    is_private: bool = False


class UnusableFunctionError(Exception):
    """A function that cannot be called.

    Attributes
    ----------
    kind : str
        `missing`: there is no such module or function; `failing`: its module raises an error; `none`: it is no
        function; `memory`: it needs more than there is.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class MadeRows:
    """What a function made of rows.

    Attributes
    ----------
    rows : DataFrame or None
        The result for the rows that pass; None when no row passes, or when they only pass apart.
    failures : dict of int to str
        The message of each failing row, by position, in order.
    impurity : tuple of str and str, optional
        Why the function is not pure: the kind and text of an `Impurity`.
    """

    rows: pd.DataFrame | None
    failures: dict[int, str]
    impurity: tuple[str, str] | None = None


def load(function: UserFunction) -> None:
    """Import the module of a function in the project's process.

    Raises
    ------
    UnusableFunctionError
        It cannot be called.
    DataError
        The process ended.
    """
    _asked(function, {}, None, _rows_made)


def features_made(function: UserFunction, frame: pd.DataFrame, *, pure: bool) -> MadeRows:
    """Return what a function from a frame to a frame makes of rows.

    Columns that it leaves as they are do not travel back: they are those of `frame`.

    Parameters
    ----------
    pure : bool
        Whether it must be pure, which is tried once in its process.

    Raises
    ------
    UnusableFunctionError
        It cannot be called.
    DataError
        The process ended before it answered, or answered something that is no result.
    """
    return _asked(function, {"pure": pure, "predicts": False}, frame, _rows_made)


def predictions_made(function: UserFunction, frame: pd.DataFrame) -> MadeRows:
    """Return the numbers that a rule from a frame to numbers gives for rows, as columns; see `features_made`."""
    return _asked(function, {"pure": False, "predicts": True}, frame, _rows_made)


def metric_values(function: UserFunction, frame: pd.DataFrame, blocks: int) -> tuple[list[float], str]:
    """Return a metric of the project of all rows, and without each block of them; or none and why not.

    Parameters
    ----------
    frame : DataFrame
        `truth` and `block` (its number, from 0 on), then the prediction in one column, or one for each class.

    Raises
    ------
    UnusableFunctionError
        It cannot be called.
    DataError
        The process ended before it answered, or answered something that is no result.
    """
    values, fault = _asked(function, {"measures": blocks}, frame, _numbers)
    if not fault and len(values) != blocks + 1:
        return [], f"its process answered {len(values)} numbers; expected {blocks + 1}"
    return values, fault


def _numbers(answer: ChildMessage, _frame: pd.DataFrame | None) -> tuple[list[float], str]:
    header = answer.header
    return [float(value) for value in header["values"]], str(header["fault"])[: 2 * LONGEST]


def _asked(
    function: UserFunction,
    header: dict[str, Any],
    frame: pd.DataFrame | None,
    read: Callable[[ChildMessage, pd.DataFrame | None], Read],
) -> Read:
    rows = 0 if frame is None else len(frame)
    question = ChildMessage({**header, "path": function.path}, None if frame is None else encoded(frame))
    child = _child_of(function.folder)
    try:
        answer = child.ask(question, rows, lambda message: _unusable(message) or read(message, frame))
    except EndedError as error:
        last = [] if function.is_private else child.printed.text.strip().splitlines()[-1:]
        said = "".join(f"; it printed last: {text[:LONGEST]}" for text in last)
        raise DataError(
            f"the process that runs {function.path!r} {error}, on {rows} rows{said}. Correct the function, or give the "
            "machine more memory; `leeway check PROJECT --run` tries it on the newest delivery"
        ) from error
    finally:
        _log(function, child.printed)
    if isinstance(answer, UnusableFunctionError):
        if answer.kind == "memory":
            raise DataError(
                f"{function.path!r} needs more memory for {rows} rows than its process may use: {child.memory_mb:,.0f} "
                "MB, three quarters of what the machine or container has. Correct the function, or give it more memory"
            )
        raise answer
    return answer


def _unusable(answer: ChildMessage) -> UnusableFunctionError | None:
    """Return why a function cannot be called, if an answer says so; whatever this raises means that it is none."""
    if "unusable" not in answer.header:
        return None
    kind, text, trace = map(str, answer.header["unusable"])
    unusable = UnusableFunctionError(kind, text)
    unusable.add_note(trace)
    return unusable


def _rows_made(answer: ChildMessage, frame: pd.DataFrame | None) -> MadeRows:
    """Return what an answer says of rows; whatever this raises means that it is none."""
    header = answer.header
    if frame is None:
        return MadeRows(None, {})
    failures = {int(place): str(message)[: 2 * LONGEST] for place, message in header["failures"]}
    if not all(0 <= place < len(frame) for place in failures):
        raise ValueError("found a row that was not asked about")
    impurity = header.get("impurity")
    return MadeRows(
        None if answer.frame is None else _made(answer.frame, header["columns"], frame.iloc[_passing(frame, failures)]),
        failures,
        None if impurity is None else (str(impurity[0]), str(impurity[1])),
    )


def _passing(frame: pd.DataFrame, failures: dict[int, str]) -> list[int] | slice:
    return [place for place in range(len(frame)) if place not in failures] if failures else slice(None)


def _made(sent: EncodedFrame, columns: list[list[Any]], passing: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of an answer together with those that the function left as they were."""
    made = decoded(sent)
    if len(made) != len(passing):
        raise ValueError(f"found {len(made)} rows; expected {len(passing)}")
    source = {"kept": passing, "made": made}
    parts = [(source[kind], int(place)) for kind, place in columns]
    values = [rows.iloc[:, place].set_axis(passing.index) for rows, place in parts]
    names = pd.Index([rows.columns[place] for rows, place in parts], tupleize_cols=False)
    return pd.DataFrame(dict(enumerate(values)), index=passing.index, copy=False).set_axis(names, axis=1)


def _child_of(folder: Path) -> ChildProcess:
    """Return the process of a project; a process that was forked from this one has processes of its own."""
    key = (os.getpid(), folder.resolve())
    with _ONE_AT_A_TIME:
        child = _RUNNING.pop(key, None)
        if child is None or not child.is_alive:
            if child is not None:
                child.end()
            child = ChildProcess(key[1], os.environ, hidden_folders(home(folder / FILE), os.environ))
        _RUNNING[key] = child
        own = [other for other in _RUNNING if other[0] == key[0]]
        for other in own[:-MOST_PROCESSES]:
            _RUNNING.pop(other).end()
    return child


def _log(function: UserFunction, printed: Printed) -> None:
    """Log what a function printed; of private rows only how much it was."""
    if not printed.size:
        return
    texts = [text for text in printed.text.splitlines() if text.strip()]
    for text in [] if function.is_private else texts[:PRINTED_LINES]:
        logger().info(line("function_printed", function=function.path, text=text))
    if function.is_private or printed.size > PRINTED_BYTES or len(texts) > PRINTED_LINES:
        logger().info(line("function_printed_more", function=function.path, printed_bytes=printed.size))


def _end_all() -> None:
    for (owner, _), child in _RUNNING.items():
        if owner == os.getpid():
            child.end()


atexit.register(_end_all)
