"""A quiet year: how often the monitor pages for nothing, compared with K-S p < .05 and PSI > .1 on the same nights.

50 columns, 40 numbers and 10 categories, each with a weekday pattern and a wobble of its own from day to day, both
harmless. Half a year of reference, then a year of nights.

    .venv/bin/python -m tests.bench.quiet_year [rows ...]
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, timedelta
from time import perf_counter, process_time

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tasks.drift import Leeway, build_reference
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.profiles import TableProfile, fit_ruler, profile
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tests.bench.figures import Figures, Time
from tests.bench.profile_distances import kolmogorov_smirnov, psi
from tests.bench.sizes import sized

NUMBERS, CATEGORIES, CELLS = 40, 10, 6
REFERENCE_DAYS, NIGHTS = sized((182, 365), (56, 14))
START = date(2026, 1, 5)
SIZES = sized((200, 1_000, 10_000), (100,))
SEEDS = sized(3, 1)
WEEKDAY, WOBBLE = 0.2, 0.1  # standard deviations of a column, resp. of a category's log odds


@dataclass
class World:
    """A source that goes on as it always did."""

    seed: int
    rows: int

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, self.rows])
        self.weekday = self.rng.normal(0, WEEKDAY, (7, NUMBERS + CATEGORIES))
        self.wobbly = self.rng.uniform(0.3, 1.7, NUMBERS + CATEGORIES) * WOBBLE
        self.tilt = self.rng.normal(size=(CATEGORIES, CELLS))

    def night(self, day: int) -> pd.DataFrame:
        moved = self.weekday[day % 7] + self.wobbly * self.rng.normal(size=NUMBERS + CATEGORIES)
        draw = self.rng.normal(size=(self.rows, NUMBERS))
        draw[:, ::4] = self.rng.exponential(size=(self.rows, len(range(0, NUMBERS, 4))))
        frame = {f"x{j}": 100.0 * j + (j + 1) * (draw[:, j] + moved[j]) for j in range(NUMBERS)}
        for j in range(CATEGORIES):
            odds = np.exp(self.tilt[j] * (1 + moved[NUMBERS + j]))
            frame[f"c{j}"] = self.rng.choice([f"k{cell}" for cell in range(CELLS)], self.rows, p=odds / odds.sum())
        return pd.DataFrame(frame)


@dataclass
class Year:
    """Alarm nights of a year by each method, and what the monitor cost."""

    leeway: int = 0
    ks: int = 0
    psi: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def year(world: World) -> Year:
    """Return the alarm nights of a year in which nothing happens."""
    frames = [world.night(day) for day in range(REFERENCE_DAYS)]
    reference_rows = pd.concat(frames, ignore_index=True)
    numbers, categories = [f"x{j}" for j in range(NUMBERS)], [f"c{j}" for j in range(CATEGORIES)]
    ruler = fit_ruler(reference_rows, numbers=numbers, categories=categories, booleans=[])
    days = [(START + timedelta(days=day)).isoformat() for day in range(REFERENCE_DAYS)]
    reference = build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, frames, strict=True)])
    policy = Monitoring()
    monitor = DriftMonitor(reference, Leeway(policy.effect, policy.false_alarms_per_year, NIGHTS))
    memory, found = monitor.begin(), Year()
    for day in range(REFERENCE_DAYS, REFERENCE_DAYS + NIGHTS):
        summary = profile(world.night(day), ruler)
        began, cpu_began = perf_counter(), process_time()
        memory, seen = monitor.inputs(memory, START + timedelta(days=day), summary)
        found.seconds += perf_counter() - began
        found.cpu_seconds += process_time() - cpu_began
        found.leeway += bool(seen.alarms)
        found.ks += any(_ks(reference.total, summary, name) for name in numbers)
        found.psi += any(psi(reference.total.columns[n], summary.columns[n]) > 0.1 for n in ruler.columns)
    return found


def _ks(reference: TableProfile, night: TableProfile, name: str) -> bool:
    """Tell whether the two-sample K-S test has p < .05 (the asymptotic quantile 1.358)."""
    before, now = reference.columns[name], night.columns[name]
    limit = 1.358 * np.sqrt(1 / before.present + 1 / now.present)
    return bool(kolmogorov_smirnov(before, now) > limit)


def table(sizes: tuple[int, ...]) -> Table:
    """Return alarm nights of a year (median of some) for each size of a night."""
    shown = Table(title=f"alarm nights in a quiet year of {NIGHTS} (median of {SEEDS})", title_justify="left")
    for heading in ("rows a night", "Leeway", "K-S p<.05", "PSI>.1", "CPU s of the monitor"):
        shown.add_column(heading, justify="right")
    for rows in sizes:
        years = [year(World(seed, rows)) for seed in range(SEEDS)]
        medians = [np.median([getattr(each, name) for each in years]) for name in ("leeway", "ks", "psi")]
        cpu = np.median([each.cpu_seconds for each in years])
        shown.add_row(f"{rows:,}", *[f"{value:.0f}" for value in medians], f"{cpu:.1f}")
    return shown


def bench_quiet_year(console: Console) -> Figures:
    """Print the alarms, and return what a year of nights cost."""
    console.print(table(SIZES))
    found = year(World(0, sized(1_000, 100)))
    figures = Figures("a quiet year of 50 columns")
    figures.add(f"{NIGHTS} nights of the monitor", Time(found.seconds, found.cpu_seconds))
    return figures


if __name__ == "__main__":
    Console().print(table(tuple(int(each) for each in sys.argv[1:]) or SIZES))
