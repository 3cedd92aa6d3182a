"""Sensitivity: how soon a step of three day-to-day standard deviations, and a ramp of .05 a day, are found and named.

The world, the reference and the settings are those of the quiet year. Ten number columns change at once and each is
looked for by itself; the day-to-day standard deviation is that of a column's daily mean, weekdays taken out: its wobble
(.1 of its own standard deviation) and the sampling noise of the night's rows.

    .venv/bin/python -m tests.bench.sensitivity [rows ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tasks.drift import Leeway, build_reference
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.profiles import fit_ruler, profile
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tests.bench.figures import Figures
from tests.bench.quiet_year import CATEGORIES, NIGHTS, NUMBERS, REFERENCE_DAYS, SIZES, START, WOBBLE, World
from tests.bench.sizes import sized

CLEAN_NIGHTS, LONGEST, SEEDS = sized((14, 60, 3), (2, 5, 1))
CHANGED = range(1, NUMBERS, 4)
STEP, RAMP = 3.0, 0.05  # day-to-day standard deviations; a ramp's are a day


def delays(world: World, change: Callable[[int], float]) -> list[int]:
    """Return for each changed column how many nights it took to be named; `change` gives the shift of each night."""
    world.wobbly[list(CHANGED)] = WOBBLE
    frames = [world.night(day) for day in range(REFERENCE_DAYS)]
    numbers, categories = [f"x{j}" for j in range(NUMBERS)], [f"c{j}" for j in range(CATEGORIES)]
    ruler = fit_ruler(pd.concat(frames, ignore_index=True), numbers=numbers, categories=categories, booleans=[])
    days = [(START + timedelta(days=day)).isoformat() for day in range(REFERENCE_DAYS)]
    reference = build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, frames, strict=True)])
    policy = Monitoring()
    monitor = DriftMonitor(reference, Leeway(policy.effect, policy.false_alarms_per_year, NIGHTS))
    memory, found = monitor.begin(), dict.fromkeys(CHANGED, LONGEST)
    for night in range(-CLEAN_NIGHTS, LONGEST):
        day = REFERENCE_DAYS + CLEAN_NIGHTS + night
        frame = world.night(day)
        if night >= 0:
            for j in CHANGED:
                frame[f"x{j}"] += (j + 1) * change(night) * np.hypot(world.wobbly[j], 1 / np.sqrt(world.rows))
        memory, seen = monitor.inputs(memory, START + timedelta(days=day), profile(frame, ruler))
        named = {one.column for one in seen.alarms}
        for j in CHANGED:
            if night >= 0 and f"x{j}" in named:
                found[j] = min(found[j], night + 1)
        if night >= 0 and max(found.values()) < LONGEST:
            break
    return list(found.values())


def table(sizes: tuple[int, ...]) -> Table:
    """Return median and 90 % delays in nights for each size of a night."""
    shown = Table(title=f"nights until found (median and 90 % of {SEEDS * len(CHANGED)})", title_justify="left")
    for heading in ("rows a night", f"step of {STEP:g}", f"ramp of {RAMP:g} a day"):
        shown.add_column(heading, justify="right")
    for rows in sizes:
        changes = (lambda _: STEP, lambda night: RAMP * (night + 1))
        cells = []
        for change in changes:
            taken = [each for seed in range(SEEDS) for each in delays(World(seed, rows), change)]
            cells.append("{:.0f}, {:.0f}".format(*np.quantile(taken, [0.5, 0.9])))
        shown.add_row(f"{rows:,}", *cells)
    return shown


def bench_sensitivity(console: Console) -> Figures:
    """Print the delays; they are no times."""
    console.print(table(SIZES))
    return Figures("sensitivity: see above")


if __name__ == "__main__":
    Console().print(table(tuple(int(each) for each in sys.argv[1:]) or SIZES))
