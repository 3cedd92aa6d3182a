"""Lives of a champion on days that resemble each other: how often one without a change is retrained, and how soon a
change is found.

    python -m tests.bench.quiet_lives [lives a correlation]

Days are simulated, not rows: 200 residuals a day of deviation 1, with day effects of deviation .3. The evidence has 112
days (three forward-validation folds and a hold-out), labels arrive a week late, and every night is judged as a real one
is, by `Yardsticks` and `Performance`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date

import numpy as np
from rich.console import Console
from rich.table import Table

from tasks.arrays import FloatArray
from tasks.monitor.cohorts.yardstick import Life, Yardstick, Yardsticks
from tasks.records import Performance, Sustained
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tasks.statistics import DayEvidence, DaySums

CORRELATIONS = (0.0, 0.5, 0.8, 0.9)
EVIDENCE_DAYS, DELAY_DAYS, ROWS_A_DAY, NIGHTS = 112, 7, 200, 120
DEVIATION = 0.3
CHANGES = (0.5, 1.0, 2.0)
ONSET = 40
DAY = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class World:
    """How days differ, and by how many deviations of a residual the bias jumps on the fortieth night."""

    correlation: float
    change: float = 0.0

    def days(self, rng: np.random.Generator) -> tuple[DaySums, DaySums]:
        """Return losses (sizes of residuals) and residuals by day, of the evidence and of a life after it."""
        count = EVIDENCE_DAYS + NIGHTS
        effect = np.zeros(count)
        effect[0] = rng.normal()
        for day in range(1, count):
            step = (1 - self.correlation**2) ** 0.5 * rng.normal()
            effect[day] = self.correlation * effect[day - 1] + step
        effect = DEVIATION * effect + self.change * (np.arange(count) >= EVIDENCE_DAYS + ONSET)
        rows = effect[:, None] + rng.normal(size=(count, ROWS_A_DAY))
        return _sums(np.abs(rows)), _sums(rows)


def first_alarm(world: World, rng: np.random.Generator) -> int | None:
    """Return the first night on which a retraining is wanted; None without one."""
    policy = Monitoring()
    life = Life.of(policy, 365.25)
    losses, residuals = world.days(rng)
    evidence = [_evidence(measure) for measure in (losses, residuals)]
    error = Yardstick(evidence[0], policy.error_leeway * evidence[0].promised.mean)
    bias = Yardstick(evidence[1], policy.bias_leeway * (1 + DEVIATION**2) ** 0.5)
    for night in range(DELAY_DAYS, NIGHTS):
        last = EVIDENCE_DAYS + night - DELAY_DAYS
        lived = (losses.days >= EVIDENCE_DAYS) & (losses.days <= last)
        cohort = lived & (losses.days > last - policy.cohort_days)
        rise, tilt = losses.where(cohort).mean - error.evidence.promised.mean, residuals.where(cohort).mean
        growth = abs(tilt) - abs(bias.evidence.promised.mean)
        if rise <= error.leeway and growth <= bias.leeway:
            continue  # within leeway whatever chance explains: no interval is needed
        newest, whole = ((losses.where(span), residuals.where(span)) for span in (cohort, lived))
        (loss, all_loss), (off, all_off) = Yardsticks(error, bias).compare(newest, whole, life)
        if Performance(DAY, DAY, 1, loss, off, Sustained(1, all_loss, all_off)).past_leeway:
            return night
    return None


def table(lives: int) -> Table:
    """Return the share of lives with a retraining, without a change and with changes of several sizes."""
    shown = Table(title=f"{lives} lives of {NIGHTS} nights", title_justify="left", show_edge=False)
    for heading in (
        "correlation of days",
        "retrained though quiet",
        *(f"found: bias of {each} sd" for each in CHANGES),
    ):
        shown.add_column(heading, justify="right")
    for correlation in CORRELATIONS:
        quiet = [first_alarm(World(correlation), np.random.default_rng([1, life])) for life in range(lives)]
        cells = [f"{sum(night is not None for night in quiet) / lives:.1%}"]
        for change in CHANGES:
            runs = range(max(lives // 5, 1))
            nights = [first_alarm(World(correlation, change), np.random.default_rng([2, life])) for life in runs]
            delays = [night - ONSET for night in nights if night is not None and night >= ONSET]
            median = f", median {np.median(delays):.0f} nights" if delays else ""
            cells.append(f"{len(delays) / len(runs):.0%}{median}")
        shown.add_row(f"{correlation:g}", *cells)
    return shown


def _evidence(days: DaySums) -> DayEvidence:
    known = days.where(days.days < EVIDENCE_DAYS)
    return DayEvidence(known, known)


def _sums(values: FloatArray) -> DaySums:
    count, rows = values.shape
    return DaySums(np.arange(count), np.full(count, float(rows)), values.sum(axis=1), (values**2).sum(axis=1))


if __name__ == "__main__":
    Console().print(table(int(sys.argv[1]) if sys.argv[1:] else 200))
