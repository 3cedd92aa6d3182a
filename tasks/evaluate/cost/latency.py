"""Latency: what one row costs, measured on this machine."""

from __future__ import annotations

from statistics import median
from time import perf_counter_ns

import pandas as pd

from tasks.model import Predictor

WARM_UP, REPEATS = 3, 30


def latency_ms(model: Predictor, rows: pd.DataFrame) -> float:
    """Return the median time of one row's prediction, frame to answer, in milliseconds.

    Thirty rows, one at a time, after three that are not counted: loading the model is no part of it.
    """
    taken = []
    for turn in range(WARM_UP + REPEATS):
        place = turn % len(rows)
        row = rows.iloc[place : place + 1]
        start = perf_counter_ns()
        model.predict(row)
        taken.append((perf_counter_ns() - start) / 1e6)
    return median(taken[WARM_UP:])
