"""Cost of a model in service: the time of one row and the memory of the loaded model, measured on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from threading import Event, Thread
from time import perf_counter_ns

import pandas as pd

from tasks.model import Predictor

WARM_UP, REPEATS = 3, 30
MOST_ROWS = 5_000
EVERY_SECONDS = 0.002


def latency_ms(model: Predictor, rows: pd.DataFrame) -> float:
    """Return the shortest time of the prediction of one row, from frame to prediction, in milliseconds.

    Thirty rows are measured, one at a time, after three that are not counted. The shortest is what the model costs;
    what others take longer is the time of other processes, so a busy machine refuses no model. The time to load the
    model is not part of it.
    """
    times = []
    for turn in range(WARM_UP + REPEATS):
        index = turn % len(rows)
        row = rows.iloc[index : index + 1]
        start = perf_counter_ns()
        model.predict(row)
        times.append((perf_counter_ns() - start) / 1e6)
    return min(times[WARM_UP:])


def memory_mb(model: Predictor, rows: pd.DataFrame) -> float:
    """Return by how much the memory of this process grows while a new copy is loaded and predicts, in megabytes.

    At most 5,000 rows at once. Free memory of the process is not counted, so a small model may show no growth; then
    the size of its file counts. In a busy process the growth caused by other threads is included: the number is an
    upper bound.
    """
    with _watched_memory() as readings:
        copy(model).predict(rows.iloc[:MOST_ROWS])
    return max(readings[-1] - readings[0], model.size_mb)


@contextmanager
def _watched_memory() -> Iterator[list[float]]:
    """Give the resident megabytes at the start and, after the block, the largest value that was read."""
    from psutil import Process

    process, done = Process(), Event()
    readings = [process.memory_info().rss / 1e6]

    def watch() -> None:
        most = readings[0]
        while not done.wait(EVERY_SECONDS):
            most = max(most, process.memory_info().rss / 1e6)
        readings.append(max(most, process.memory_info().rss / 1e6))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield readings
    finally:
        done.set()
        watcher.join()
