"""A feature function in the process of the project's own code against the same function called here; and its start."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from rich.console import Console

from tasks.user_code.confined.child_process import ChildProcess
from tasks.user_code.confined.framing import ChildMessage
from tasks.user_code.function_calls import UserFunction, features_made, load
from tasks.user_code.row_attempts import applied
from tasks.user_code.user_modules import module_of
from tests.bench.figures import Figures, Time
from tests.bench.scoring import rows_of
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized

ROWS = 100_000
TIMES = sized(5, 1)
SOURCE = """
def add(frame):
    return frame.assign(ratio=frame["number_00"] / frame["number_01"], both=frame["category_0"] + frame["category_1"])
"""
HERE = "called in this process"


def bench_user_code(console: Console) -> Figures:
    frame = rows_of(rows_measured(ROWS), seed=0)
    dated = frame.assign(event_date=pd.Timestamp("2026-01-02").date())
    figures = Figures(f"a feature function, {len(frame):,} rows x {frame.shape[1]}, two made (median of {TIMES})")
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "features.py").write_text(SOURCE)
        function = UserFunction("features:add", folder)
        figures.add("start of a process until it can be asked", _median(partial(_started, folder)))
        load(function)
        figures.add(HERE, _median(partial(applied, module_of("features", folder).add, frame)))
        figures.add("in its own process", _median(partial(features_made, function, frame, pure=False)), HERE)
        with_dates = _median(partial(features_made, function, dated, pure=False))
        figures.add("the same with a column of Python's dates", with_dates, HERE)
    console.print("seconds of the other process are not in the CPU seconds")
    return figures


def _started(folder: Path) -> None:
    child = ChildProcess(folder, os.environ)
    child.ask(ChildMessage({"path": "features:add"}), 0, lambda answer: answer)
    child.end()


def _median(work: Callable[[], object]) -> Time:
    return Time.median([Time.of(work) for _ in range(TIMES)])
