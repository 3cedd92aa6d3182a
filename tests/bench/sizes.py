"""How much a bench does: all of it, or with `LEEWAY_BENCH=small` the least that shows that it runs, in seconds."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")
SMALL = os.environ.get("LEEWAY_BENCH") == "small"


def sized(whole: T, small: T) -> T:
    """Return what is measured, or the least of it."""
    return small if SMALL else whole


def rows(whole: int, small: int = 2_000) -> int:
    """Return how many rows are measured; `LEEWAY_BENCH_ROWS` chooses another number."""
    return int(os.environ.get("LEEWAY_BENCH_ROWS", sized(whole, small)))
