"""Memory: what a loaded model takes while it answers, measured on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from threading import Event, Thread

import pandas as pd

from tasks.model import Predictor

MOST_ROWS = 5_000
EVERY_SECONDS = 0.002


def memory_mb(model: Predictor, rows: pd.DataFrame) -> float:
    """Return the most memory this process grew by while a fresh copy was loaded and answered, in megabytes.

    At most 5,000 rows at once. Memory the process had to spare is not counted, so a small model may show nothing; then
    the size of its file counts. In a busy process others' growth is counted too: it is a bound, not a balance.
    """
    with _watched() as found:
        copy(model).predict(rows.iloc[:MOST_ROWS])
    return max(found[-1] - found[0], model.size_mb)


@contextmanager
def _watched() -> Iterator[list[float]]:
    """Give the resident megabytes at the start, and after the block the most that were seen."""
    from psutil import Process

    process, done = Process(), Event()
    found = [process.memory_info().rss / 1e6]

    def watch() -> None:
        most = found[0]
        while not done.wait(EVERY_SECONDS):
            most = max(most, process.memory_info().rss / 1e6)
        found.append(max(most, process.memory_info().rss / 1e6))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
