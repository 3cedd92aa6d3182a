"""Degrees of automation: how often one falls without a reason, and after how many audited rows with one.

The floor is what the audit replaces: labels of deferred rows alone, as an estimate of the error of the automatic rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from tasks.arrays import BoolArray
from tasks.statistics import evidence_above, share_interval
from tests.bench.sizes import sized

TARGET, LIMIT, ROWS_A_DAY = 0.05, math.log(1 / 0.05), 20
DEPLOYMENTS, NIGHTS = sized((1_000, 100), (3, 5))
FLIPS = (0.1, 0.15, 0.2, 0.5)


@dataclass(frozen=True)
class FallFigures:
    """Lines of what happened: a situation, and how often or when the degree fell."""

    lines: tuple[tuple[str, str], ...]

    def table(self) -> Table:
        """Return them as a table."""
        shown = Table("deployments", "result", title="Degrees of automation", title_justify="left", show_edge=False)
        for line in self.lines:
            shown.add_row(*line)
        return shown


def bench_degrees(_console: Console) -> FallFigures:
    """Simulate deployments with an error at the target, and with one that grows late; target 5 %, 20 audits a day."""
    rng = np.random.default_rng(0)
    fell = sum(falls_on(rng.random((NIGHTS, ROWS_A_DAY)) < TARGET, first=1) is not None for _ in range(DEPLOYMENTS))
    lines = [
        (f"{DEPLOYMENTS} of {NIGHTS} nights, error at the target", f"{fell} fell: {100 * fell / DEPLOYMENTS:.1f} %")
    ]
    for error in FLIPS:
        before, after = rng.random((60, ROWS_A_DAY)) < 0.02, NIGHTS
        rows = []
        for _ in range(max(2, DEPLOYMENTS // 10)):
            found = falls_on(np.concatenate([before, rng.random((after, ROWS_A_DAY)) < error]), first=61)
            rows.append(math.inf if found is None else (found - 60) * ROWS_A_DAY)
        within = 100 * float(np.mean(np.array(rows) <= 300))
        middle, late = np.median(rows), np.percentile(rows, 90)
        text = f"{middle:.0f} audited rows (the median), {late:.0f} (90 %); {within:.0f} % within 300"
        lines.append((f"2 % for 60 nights, then {100 * error:.0f} %", text))
    return FallFigures((*lines, *biases(rng)))


def biases(rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return how far off estimates are of an automatic error of 4 %, where deferred rows have one of 30 %."""
    covered, audits, deferred = 0, [], []
    for _ in range(DEPLOYMENTS):
        audited = rng.random(400) < 0.04
        found = share_interval(int(audited.sum()), 400, 0.95)
        covered += found.low <= 0.04 <= found.high
        audits.append(found.value)
        deferred.append(float((rng.random(400) < 0.3).mean()))
    return [
        (
            "400 audited rows, true error 4 %",
            f"{100 * np.mean(audits):.2f} %, in the interval {100 * covered / DEPLOYMENTS:.1f} %",
        ),
        ("400 labels of deferred rows alone", f"{100 * np.mean(deferred):.2f} %"),
    ]


def falls_on(wrong: BoolArray, first: int) -> int | None:
    """Return the day of the first look, from `first` on, on which the evidence is past the limit."""
    days = np.repeat(np.arange(1, len(wrong) + 1), ROWS_A_DAY)
    values = wrong.ravel().astype(np.float64)
    ends = ((day, day * ROWS_A_DAY) for day in range(first, len(wrong) + 1))
    return next((day for day, end in ends if evidence_above(values[:end], days[:end], TARGET) >= LIMIT), None)
