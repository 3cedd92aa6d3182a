"""Whether the code of a function asks the clock: it is read, not run, because a day passes too rarely for a trial."""

from __future__ import annotations

import dis
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

CLOCKS = frozenset({"now", "today", "utcnow", "time_ns", "localtime", "gmtime"})
TIME_FUNCTIONS = tuple(vars(time)[name] for name in ("time", "time_ns", "localtime", "gmtime"))
ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
BETWEEN = frozenset({"CACHE", "PRECALL", "PUSH_NULL"})  # these stand between a function and its first argument
WORDS = frozenset({"now", "today"})  # as pandas and numpy read them
READERS = frozenset({"to_datetime", "Timestamp", "datetime64", "DatetimeIndex", "Period"})


def clock_call(function: Callable[..., Any]) -> str | None:
    """Return the name by which a function, or one next to it that it calls, asks the clock; None if there is none.

    A clock behind a function of another package is not seen.

    Examples
    --------
    >>> import pandas as pd
    >>> clock_call(lambda frame: frame.assign(age=pd.Timestamp.now() - frame["built"]))
    'now'
    >>> clock_call(lambda frame: frame.assign(age=pd.to_datetime("today") - frame["built"]))
    "to_datetime('today')"
    >>> clock_call(lambda frame: frame.assign(age=pd.to_datetime(frame["today"]) - frame["built"], now=1)) is None
    True
    """
    if not isinstance(function, FunctionType):
        return None
    return next((name for code, names in _codes(function, set()) if (name := _clock_in(code, names))), None)


def _clock_in(code: CodeType, names: dict[str, Any]) -> str | None:
    """Return the clock that one code object asks; `names` are the globals it sees."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in BETWEEN]
    if any(step.opname == "IMPORT_NAME" and step.argval == "time" for step in steps):
        names = {**names, "time": time}
    for before, step in pairwise(steps):
        if step.opname in ATTRIBUTES and (step.argval in CLOCKS or _is_time_module(before, step, names)):
            return str(step.argval)
        if step.opname in {"LOAD_GLOBAL", "IMPORT_FROM"} and _is_time_function(before, step, names):
            return str(step.argval)
        is_word = step.opname == "LOAD_CONST" and isinstance(step.argval, str) and step.argval.lower() in WORDS
        if is_word and before.argval in READERS:
            return f"{before.argval}({step.argval!r})"
    return None


def _is_time_module(before: dis.Instruction, step: dis.Instruction, names: dict[str, Any]) -> bool:
    """Return whether `.time` is that of the module: that of anything else is a part of a date."""
    return bool(step.argval == "time" and names.get(str(before.argval)) is time)


def _is_time_function(before: dis.Instruction, step: dis.Instruction, names: dict[str, Any]) -> bool:
    if step.opname == "IMPORT_FROM":
        return before.argval == "time" and getattr(time, step.argval, None) in TIME_FUNCTIONS
    return any(names.get(step.argval) is function for function in TIME_FUNCTIONS)


def _codes(function: FunctionType, seen: set[CodeType]) -> Iterator[tuple[CodeType, dict[str, Any]]]:
    """Yield the code of a function, of those inside it, and of those in its folder that it names; with their globals.

    A function of the folder is named by itself, or as an attribute of a module of the folder.
    """
    if function.__code__ in seen:
        return
    seen.add(function.__code__)
    names, folder = function.__globals__, Path(function.__code__.co_filename).parent
    open_codes = [function.__code__]
    while open_codes:
        code = open_codes.pop()
        yield code, names
        open_codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        found = [names.get(name) for name in code.co_names]
        modules = [module for module in found if isinstance(module, ModuleType) and _file_in(module, folder)]
        found += [vars(module).get(name) for module in modules for name in code.co_names]
        for other in found:
            if isinstance(other, FunctionType) and Path(other.__code__.co_filename).parent == folder:
                yield from _codes(other, seen)


def _file_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).parent == folder
