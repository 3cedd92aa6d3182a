"""Guardrails of a rollout: after how many users a worse metric is found, and how often one that is not worse is.

A day has 2,000 users, a share of them gets the candidate. On a usual day 5 % say it again; one day in five is bad for
all, with 15 %. A rise of 2 points is allowed. Every night looks, for 30 days.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from tasks.arrays import FloatArray
from tasks.rollout import guardrail_evidence
from tests.bench.sizes import sized

RUNS, DAYS = sized((100, 30), (2, 3))
USERS, USUAL, BAD, ALLOWED = 2_000, 0.05, 0.15, 0.02
WORSE, SHOWN = math.log(5 / 0.01), math.log(1 / 0.01)
CASES = [(share, rise) for share in (0.04, 0.16, 0.64) for rise in (0.0, ALLOWED, 0.05, 0.1)]


@dataclass(frozen=True)
class GuardFigures:
    """Lines of a share, a rise, and what was found."""

    lines: tuple[tuple[str, ...], ...]

    def table(self) -> Table:
        """Return them as a table."""
        names = ("share", "rise", "rolled back", "users of the candidate", "shown to hold", "users of the candidate")
        shown = Table(*names, title="Guardrails", title_justify="left", show_edge=False)
        for line in self.lines:
            shown.add_row(*line)
        return shown


def bench_guardrails(_console: Console) -> GuardFigures:
    """Simulate canaries with guardrails, as nights judge them."""
    rng = np.random.default_rng(0)
    lines = []
    for share, rise in CASES:
        ends = [canary(rng, share, rise) for _ in range(RUNS)]
        cells = [f"{100 * share:g} %", f"{100 * rise:g} points"]
        for place in (0, 1):
            found = [end[place] * round(USERS * share) for end in ends if end[place]]
            cells += [f"{len(found)} of {RUNS}", f"{np.median(found):,.0f}" if found else "-"]
        lines.append(tuple(cells))
    return GuardFigures(tuple(lines))


def canary(rng: np.random.Generator, share: float, rise: float) -> tuple[int, int]:
    """Return after how many days it is found that the metric is worse, and that it is not; 0 if it never is."""
    mine, days, found = round(USERS * share), list[tuple[FloatArray, FloatArray]](), [0, 0]
    for day in range(1, DAYS + 1):
        usual = BAD if rng.random() < 1 / 5 else USUAL
        days.append((drawn(rng, usual + rise, mine), drawn(rng, usual, USERS - mine)))
        for place, (known, needed) in enumerate(zip(guardrail_evidence(days, ALLOWED), (WORSE, SHOWN), strict=True)):
            found[place] = found[place] or day * (known >= needed)
        if found[0]:
            break
    return found[0], found[1]


def drawn(rng: np.random.Generator, share: float, count: int) -> FloatArray:
    """Return which of some users say it again."""
    return (rng.random(count) < share).astype(np.float64)
