"""Lives of a champion on days that resemble each other: how often one without a change is retrained, and how soon a
change is found.

    python -m tests.bench.quiet_lives [lives of each kind]

Numbers have 200 residuals a day of deviation 1, with day effects of deviation .3. Rare classes have 200 rows a day, of
which one in 120 or in 20 is of the class, with and without day effects on its rate; the champion knows the probability
of each row, until from a night on it says several times as much. The evidence has 112 days (three forward-validation
folds and a hold-out), labels arrive a week late, and every night is judged as a real one is, by `Yardsticks` and
`Performance`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

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
ODDS, ODDS_DEVIATION = (1.5, 2.5, 5.0), 1.5
ONSET = 40
SINCE_ONSET = (np.arange(EVIDENCE_DAYS + NIGHTS) >= EVIDENCE_DAYS + ONSET).astype(np.float64)
DAY = date(2026, 1, 1)


class Lived(Protocol):
    """What happens to a champion."""

    @property
    def unit(self) -> float:
        """The unit of the bias: the deviation of a residual, or the rate of the class."""

    def days(self, rng: np.random.Generator) -> tuple[DaySums, DaySums]:
        """Return losses and residuals by day, of the evidence and of a life after it."""


@dataclass(frozen=True, slots=True)
class World:
    """How days differ, and by how many deviations of a residual the bias jumps on the fortieth night."""

    correlation: float
    change: float = 0.0

    @property
    def unit(self) -> float:
        """The deviation of a residual."""
        return float((1 + DEVIATION**2) ** 0.5)

    def days(self, rng: np.random.Generator) -> tuple[DaySums, DaySums]:
        """Return losses (sizes of residuals) and residuals by day."""
        effect = DEVIATION * _effects(self.correlation, rng) + self.change * SINCE_ONSET
        rows = effect[:, None] + rng.normal(size=(len(effect), ROWS_A_DAY))
        return _sums(np.abs(rows)), _sums(rows)


@dataclass(frozen=True, slots=True)
class RareClass:
    """A class of one row in many, how days differ in its rate, and by what its odds are multiplied since the change."""

    one_in: int
    deviation: float = 0.0
    correlation: float = 0.0
    change: float = 1.0

    @property
    def unit(self) -> float:
        """About the rate of the class."""
        return 1 / self.one_in

    def days(self, rng: np.random.Generator) -> tuple[DaySums, DaySums]:
        """Return log losses and residuals by day."""
        effect = self.deviation * _effects(self.correlation, rng) - self.deviation**2 / 2
        middle = math.log(self.unit) - ODDS_DEVIATION**2 / 2  # the mean of the odds is the rate, nearly
        odds = rng.normal(middle, ODDS_DEVIATION, (len(effect), ROWS_A_DAY))
        came = rng.random(odds.shape) < np.exp(effect)[:, None] / (1 + np.exp(-odds))
        said = 1 / (1 + np.exp(-odds - math.log(self.change) * SINCE_ONSET[:, None]))
        return _sums(-np.log(np.where(came, said, 1 - said))), _sums(came - said)


def first_alarm(world: Lived, rng: np.random.Generator) -> int | None:
    """Return the first night on which a retraining is wanted; None without one."""
    policy = Monitoring()
    life = Life.of(policy, 365.25)
    losses, residuals = world.days(rng)
    evidence = [_evidence(measure) for measure in (losses, residuals)]
    error = Yardstick(evidence[0], policy.error_leeway * evidence[0].promised.mean)
    bias = Yardstick(evidence[1], policy.bias_leeway * world.unit, sides=2)
    for night in range(DELAY_DAYS, NIGHTS):
        last = EVIDENCE_DAYS + night - DELAY_DAYS
        lived = (losses.days >= EVIDENCE_DAYS) & (losses.days <= last)
        cohort = lived & (losses.days > last - policy.cohort_days)
        newest, whole = ((losses.where(span), residuals.where(span)) for span in (cohort, lived))
        if all(_is_usual(each, (error, bias)) for each in (newest, whole)):
            continue  # no interval is needed
        (loss, all_loss), (off, all_off) = Yardsticks(error, bias).compare(newest, whole, life)
        if Performance(DAY, DAY, 1, loss, off, Sustained(1, all_loss, all_off)).past_leeway:
            return night
    return None


def _is_usual(days: tuple[DaySums, DaySums], yardsticks: tuple[Yardstick, Yardstick]) -> bool:
    """Return whether losses and residuals are as near to their promise as a single look at rows alone explains."""
    apart = [one.mean - yardstick.evidence.promised.mean for one, yardstick in zip(days, yardsticks, strict=True)]
    variances = [yardstick.evidence.effects.row_variance for yardstick in yardsticks]
    chances = [2 * (variance / one.count) ** 0.5 for one, variance in zip(days, variances, strict=True)]
    limits = [max(chance, yardstick.leeway) for chance, yardstick in zip(chances, yardsticks, strict=True)]
    return bool(apart[0] <= limits[0] and abs(apart[1]) <= limits[1])


def table(lives: int) -> Table:
    """Return the share of lives with a retraining, without a change and with changes of several sizes."""
    shown = Table(title=f"{lives} lives of {NIGHTS} nights", title_justify="left", show_edge=False)
    sizes = (f"found: bias of {each} sd, or odds x {odds:g}" for each, odds in zip(CHANGES, ODDS, strict=True))
    for heading in ("days", "retrained though quiet", *sizes):
        shown.add_column(heading, justify="right")
    for name, quiet, changed in KINDS:
        alarms = [first_alarm(quiet, np.random.default_rng([1, life])) for life in range(lives)]
        cells = [f"{sum(night is not None for night in alarms) / lives:.1%}"]
        for world in changed:
            runs = range(max(lives // 5, 1))
            nights = [first_alarm(world, np.random.default_rng([2, life])) for life in runs]
            delays = [night - ONSET for night in nights if night is not None and night >= ONSET]
            median = f", median {np.median(delays):.0f} nights" if delays else ""
            cells.append(f"{len(delays) / len(runs):.0%}{median}")
        shown.add_row(name, *cells)
    return shown


def _kinds() -> Iterator[tuple[str, Lived, list[Lived]]]:
    for each in CORRELATIONS:
        yield f"numbers, correlation {each:g}", World(each), [World(each, change) for change in CHANGES]
    for one_in in (120, 20):
        for deviation, correlation in ((0.0, 0.0), (DEVIATION, 0.0), (DEVIATION, 0.8)):
            how = f"1 in {one_in}, day effects {deviation:g}, correlation {correlation:g}"
            quiet = RareClass(one_in, deviation, correlation)
            yield how, quiet, [replace(quiet, change=each) for each in ODDS]


KINDS = tuple(_kinds())


def _effects(correlation: float, rng: np.random.Generator) -> FloatArray:
    """Return effects of days with the variance 1, of which neighbours have a correlation."""
    effect = np.zeros(EVIDENCE_DAYS + NIGHTS)
    effect[0] = rng.normal()
    for day in range(1, len(effect)):
        effect[day] = correlation * effect[day - 1] + (1 - correlation**2) ** 0.5 * rng.normal()
    return effect


def _evidence(days: DaySums) -> DayEvidence:
    known = days.where(days.days < EVIDENCE_DAYS)
    return DayEvidence(known, known)


def _sums(values: FloatArray) -> DaySums:
    count, rows = values.shape
    return DaySums(np.arange(count), np.full(count, float(rows)), values.sum(axis=1), (values**2).sum(axis=1))


if __name__ == "__main__":
    Console().print(table(int(sys.argv[1]) if sys.argv[1:] else 200))
