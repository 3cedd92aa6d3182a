"""Local slices: how soon a worse slice is found against the error of all rows; false alarms; and what a look costs.

Fifty columns make two hundred slices; losses are |N(0, 1)| with a swing of .2 from day to day. A tenth of the rows, one
category, is then answered half as badly again: all rows together only 5 %, which no leeway of 10 % shows.

    .venv/bin/python -m tests.bench.local_slices [rows ...]
"""

from __future__ import annotations

import sys
from collections import deque
from datetime import date, timedelta
from time import process_time

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tasks.drift import Leeway
from tasks.monitor import Slices, local_errors, performance, slices, tolerance
from tasks.monitor.cohorts.cohort_performance import Promise
from tasks.monitor.slicing.slice_errors import Tally, merged
from tasks.spec.spec_sections.feature_sections import Features
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tests.bench.figures import Figures
from tests.bench.sizes import sized

SIZES, SEEDS, LEARNT, QUIET, LONGEST = sized(((50, 300, 1000), 3, 28, 60, 40), ((50,), 1, 28, 3, 3))
NUMBERS, CATEGORIES = [f"x{n}" for n in range(40)], [f"c{n}" for n in range(10)]
FEATURES = Features(numbers=NUMBERS, categories=CATEGORIES)
LOOKED_AT = sized(200_000, 2_000)
START, SWING, NIGHTS, POLICY = date(2026, 1, 5), 0.2, 365.25, Monitoring()
LEEWAY = Leeway(POLICY.effect, POLICY.false_alarms_per_year, NIGHTS)


def night(seed: int, number: int, rows: int, times: float = 1.0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng([seed, number])
    columns = {name: rng.normal(size=rows) for name in NUMBERS}
    named = {name: rng.choice(list("abcd"), rows, p=[0.4, 0.3, 0.2, 0.1]) for name in CATEGORIES}
    frame = pd.DataFrame(columns | named).assign(event_date=START + timedelta(days=number))
    errors = rng.normal(size=rows) * np.exp(SWING * rng.normal())
    return frame, np.where(frame["c0"] == "d", times, 1.0) * errors


def learnt(seed: int, rows: int) -> tuple[Slices, Promise]:
    parts = [night(seed, number, rows) for number in range(LEARNT)]
    frame, losses = (
        pd.concat([part for part, _ in parts], ignore_index=True),
        np.abs(np.concatenate([each for _, each in parts])),
    )
    known = slices(frame, losses, FEATURES, 5)
    assert known is not None
    return known, Promise("mean_absolute_error", float(losses.mean()), 0.0, len(losses))


def watched(seed: int, rows: int, nights: range, times: float) -> tuple[list[int], list[int]]:
    """Return the nights, from 1, on which a slice was past its leeway, and those on which the error of all rows was."""
    known, promise = learnt(seed, rows)
    tallies: deque[Tally] = deque(maxlen=POLICY.cohort_days)
    cohort: deque[pd.DataFrame] = deque(maxlen=POLICY.cohort_days)
    local, whole = [], []
    for count, number in enumerate(nights, 1):
        frame, errors = night(seed, number, rows, times)
        tallies.append(known.tally(frame, np.abs(errors)))
        cohort.append(frame[["event_date"]].assign(prediction=0.0, label=errors))
        found = local_errors(known, merged(tallies), tolerance(POLICY, LEEWAY))
        if any(each.strain > 1 and each.alone for each in found):
            local.append(count)
        seen = performance(pd.concat(cohort), promise, POLICY, NIGHTS)
        if seen is not None and seen.past_leeway:
            whole.append(count)
    return local, whole


def cost(rows: int = LOOKED_AT) -> float:
    """Return the CPU seconds of a look at so many labelled rows."""
    known, _ = learnt(0, 300)
    frame, errors = night(0, 99, rows)
    began = process_time()
    local_errors(known, known.tally(frame, np.abs(errors)), tolerance(POLICY, LEEWAY))
    return process_time() - began


def table(sizes: tuple[int, ...]) -> Table:
    """Return, for each size of a night, delays and false alarms."""
    shown = Table(title="one category answered half as badly again: nights until found", title_justify="left")
    for heading in ("rows a night", "by slice", "by all rows", f"quiet nights with an alarm, of {SEEDS * QUIET}"):
        shown.add_column(heading, justify="right")
    after = range(LEARNT + QUIET, LEARNT + QUIET + LONGEST)
    for rows in sizes:
        changed = [watched(seed, rows, after, 1.5) for seed in range(SEEDS)]
        quiet = [watched(seed, rows, range(LEARNT, LEARNT + QUIET), 1.0)[0] for seed in range(SEEDS)]
        delays = [", ".join(str(min(each[side], default="never")) for each in changed) for side in (0, 1)]
        shown.add_row(f"{rows:,}", *delays, str(sum(map(len, quiet))))
    return shown


def bench_local_slices(console: Console) -> Figures:
    """Print the delays, and what a look costs."""
    console.print(table(SIZES))
    console.print(f"{LOOKED_AT:,} labelled rows in 200 slices: {cost():.2f} CPU s")
    return Figures("local slices: see above")


if __name__ == "__main__":
    Console().print(table(tuple(int(each) for each in sys.argv[1:]) or SIZES))
    Console().print(f"{LOOKED_AT:,} labelled rows in 200 slices: {cost():.2f} CPU s")
