"""Whether the code of a function asks the clock: it is read, not run, because a day passes too rarely for a trial."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

CLOCKS = frozenset({"now", "today", "utcnow", "time_ns", "localtime", "gmtime"})
ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
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
    >>> clock_call(lambda frame: frame.assign(age=frame["sold"] - frame["built"], now=1)) is None
    True
    """
    return next((name for code in _codes(function, set()) if (name := _clock_in(code)) is not None), None)


def _clock_in(code: CodeType) -> str | None:
    steps = [*dis.get_instructions(code)]
    for before, step in pairwise(steps):
        is_time = step.argval == "time" == before.argval  # `.time` of anything but the module is a part of a date
        if step.opname in ATTRIBUTES and (step.argval in CLOCKS or is_time):
            return str(step.argval)
    words = [word for word in code.co_consts if isinstance(word, str) and word.lower() in WORDS]
    readers = [name for name in code.co_names if name in READERS]
    return f"{readers[0]}({words[0]!r})" if words and readers else None


def _codes(function: object, seen: set[CodeType]) -> Iterator[CodeType]:
    """Yield the code of a function, of those inside it, and of those in its folder that it names."""
    if not isinstance(function, FunctionType) or function.__code__ in seen:
        return
    seen.add(function.__code__)
    folder, open_codes = Path(function.__code__.co_filename).parent, [function.__code__]
    while open_codes:
        code = open_codes.pop()
        yield code
        open_codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        for name in code.co_names:
            other = function.__globals__.get(name)
            if isinstance(other, FunctionType) and Path(other.__code__.co_filename).parent == folder:
                yield from _codes(other, seen)
