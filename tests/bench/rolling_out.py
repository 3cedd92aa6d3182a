"""Rollouts: how many requests until a fault of serving is found, and how many healthy candidates are rolled back.

A world of two classes: the champion knows most of the effects, the candidate all of them, and 1,000 rows of the gate
promise how they differ. Then one fault is put into what the candidate receives. Paired is what the service does: both
answer each request, and the tests of `tasks.rollout` are looked at after every 10 rows. Split is what is usual: 5 % of
the requests get the candidate, and its answers are compared with the champion's in windows of 200 of them, by fixed
thresholds: a mean that differs by .05, or a Kolmogorov-Smirnov distance with a p-value below .001.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from tasks.arrays import FloatArray
from tasks.rollout import SHAPE, AnswerChange, limits, log_wealth, probability_change
from tasks.rollout.betting import ALARMS, CONFIRMING, evidence, threshold
from tasks.serving_store import RolloutGrant
from tasks.serving_store.rollout_ledger import RolloutLedger, ledger_path
from tasks.statistics import mean_margin, share_upper
from tests.bench.sizes import sized

SEEDS, HEALTHY, LONGEST = sized((30, 300, 20_000), (2, 2, 2_000))
GATE_ROWS, LOOK_ROWS, ALPHA, LEEWAY = 1000, 10, 0.01, 0.5
SPLIT, WINDOW = 0.05, 200
EFFECTS = np.array([1.2, 0.8, -0.6, 0.4, 0.3, -0.2])
CITIES = np.array([0.9, -0.7, 0.3, -0.4, 0.0])
Fault = Callable[[FloatArray, FloatArray, np.random.Generator], tuple[FloatArray, FloatArray]]


def column_lost(values: FloatArray, cities: FloatArray, _rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """The most important number is missing, which the model reads as its mean."""
    values = values.copy()
    values[:, 0] = 0
    return values, cities


def codes_shifted(values: FloatArray, cities: FloatArray, _rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Each city has the code of the next one."""
    return values, (cities + 1) % len(CITIES)


def columns_swapped(values: FloatArray, cities: FloatArray, _rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Two numbers are read for each other."""
    return values[:, [2, 1, 0, 3, 4, 5]], cities


def other_unit(values: FloatArray, cities: FloatArray, _rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A number is ten times as large."""
    values = values.copy()
    values[:, 1] *= 10
    return values, cities


def rows_mixed(values: FloatArray, cities: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Each row gets the answer of another one: as many ones as before."""
    order = rng.permutation(len(values))
    return values[order], cities[order]


def nulls_as_zeros(values: FloatArray, cities: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A number is 0 in 5 % of the rows: a fault within the promise, for which the inputs must be watched."""
    values = values.copy()
    values[rng.random(len(values)) < 0.05, 0] = 0
    return values, cities


FAULTS: dict[str, Fault] = {
    "a column lost": column_lost,
    "codes of categories shifted": codes_shifted,
    "two columns swapped": columns_swapped,
    "another unit": other_unit,
    "rows mixed up": rows_mixed,
    "5 % of a column zero (within the promise)": nulls_as_zeros,
}


@dataclass(frozen=True)
class World:
    """The answers of two versions to the same rows."""

    seed: int

    def answers(self, rows: int, stream: int, fault: Fault | None = None) -> tuple[FloatArray, FloatArray]:
        """Return the probabilities of the champion and of the candidate for rows."""
        rng = np.random.default_rng([self.seed, stream])
        values, cities = rng.normal(size=(rows, len(EFFECTS))), rng.integers(0, len(CITIES), rows).astype(np.float64)
        given = (values, cities) if fault is None else fault(values, cities, rng)
        learned = np.random.default_rng([self.seed, 99]).normal(0, 0.05, len(EFFECTS))
        champion = values @ (EFFECTS * [1, 1, 1, 1, 1, 0.5] + learned) + CITIES[cities.astype(np.int64)]
        candidate = given[0] @ EFFECTS + CITIES[given[1].astype(np.int64)]
        return 1 / (1 + np.exp(-champion)), 1 / (1 + np.exp(-candidate))


def change_of(champion: FloatArray, candidate: FloatArray) -> AnswerChange:
    """Return how answers differ, with decisions at one half."""
    return probability_change(champion, candidate, (champion >= 0.5, candidate >= 0.5))


def promised(world: World) -> tuple[float, ...]:
    """Return the limits that follow from the rows of the gate."""
    change = change_of(*world.answers(GATE_ROWS, 0))
    reach, shift = 2 * mean_margin((1 + change.shift) / 2, 0.99), float(change.shift.mean())
    changed = share_upper(int(change.changed.sum()), GATE_ROWS, 0.99)
    size = float(change.size.mean()) + mean_margin(change.size, 0.99)
    return limits(changed, size, (shift - reach, shift + reach), LEEWAY)


def paired(world: World, fault: Fault | None) -> tuple[int | None, int | None]:
    """Return after how many requests a candidate was rolled back, and shown to be within its limits; None for never."""
    change, tested = change_of(*world.answers(LONGEST, 1, fault)), promised(world)
    wealth, confirmed = np.zeros(SHAPE), None
    for start in range(0, LONGEST, LOOK_ROWS):
        part = slice(start, start + LOOK_ROWS)
        wealth += log_wealth(AnswerChange(change.changed[part], change.size[part], change.shift[part]), tested)
        if max(evidence(wealth, test) for test in ALARMS) >= threshold(ALPHA, len(ALARMS)):
            return start + LOOK_ROWS, confirmed
        if confirmed is None and min(evidence(wealth, test) for test in CONFIRMING) >= threshold(ALPHA):
            confirmed = start + LOOK_ROWS
    return None, confirmed


def split(world: World, fault: Fault | None) -> int | None:
    """Return after how many requests the windows of a split differ; None for never."""
    from scipy.stats import ks_2samp

    champion, candidate = world.answers(LONGEST, 1, fault)
    drawn = np.random.default_rng([world.seed, 2]).random(LONGEST) < SPLIT
    places = np.flatnonzero(drawn)
    for end in range(WINDOW, len(places) + 1, WINDOW):
        own = candidate[places[end - WINDOW : end]]
        others = champion[places[end - WINDOW] : places[end - 1]][~drawn[places[end - WINDOW] : places[end - 1]]]
        if abs(own.mean() - others.mean()) > 0.05 or ks_2samp(own, others).pvalue < 0.001:
            return int(places[end - 1]) + 1
    return None


def most_spent(folder: Path, quota: int, workers: int, seed: int) -> int:
    """Return how many changed answers workers send together that are asked for far more, and are restarted."""
    grant = RolloutGrant(
        protocol=1, project="bench", serial=1, rollout=f"1-{seed}", stage=1, champion="", candidate="", version=1,
        share=1.0, entity="", quota=quota, slots=workers, unit=0.0, limits=(), not_after=0.0,
    )  # fmt: skip
    rng, sent = np.random.default_rng(seed), 0
    for _ in range(3):
        ledgers = [RolloutLedger(ledger_path(folder, "bench", grant.rollout, slot)) for slot in range(workers)]
        for slot, changed in zip(rng.integers(0, workers, 200), rng.integers(0, 4, 200), strict=True):
            sent += int(changed) * ledgers[slot].spend(int(changed), grant.quota_of(int(slot)))
        for ledger in ledgers:
            ledger.close()
    return sent


def quantiles(found: list[int | None]) -> str:
    """Return the median and the 90 % quantile of requests, with the share that was found at all."""
    known = [LONGEST + 1 if each is None else each for each in found]
    middle, late = (int(np.quantile(known, q, method="higher")) for q in (0.5, 0.9))
    words = [f"{each:,}" if each <= LONGEST else "never" for each in (middle, late)]
    return f"{words[0]}; {words[1]} ({sum(each is not None for each in found)} of {len(found)})"


@dataclass
class RolloutFigures:
    """What was found, a line each: its name, paired, paired within 1,000 requests, and with a split."""

    lines: list[tuple[str, str, str, str]] = field(default_factory=list)

    def table(self) -> Table:
        shown = Table(title="requests until found: median; 90 %", title_justify="left", show_edge=False)
        for heading in ("", "paired", "paired within 1,000", "5 % split, fixed thresholds"):
            shown.add_column(heading)
        for line in self.lines:
            shown.add_row(*line)
        return shown


def bench_rollout(_console: Console) -> RolloutFigures:
    """Return requests until each fault was found, false rollbacks, and what was sent of a quota."""
    figures = RolloutFigures()
    for name, fault in FAULTS.items():
        worlds = [World(seed) for seed in range(SEEDS)]
        found = [paired(world, fault)[0] for world in worlds]
        within = sum(each is not None and each <= 1000 for each in found)
        apart = [split(world, fault) for world in worlds]
        figures.lines.append((name, quantiles(found), f"{within} of {SEEDS}", quantiles(apart)))
    healthy = [paired(World(1000 + seed), None) for seed in range(HEALTHY)]
    alarms = sum(split(World(1000 + seed), None) is not None for seed in range(HEALTHY))
    rolled_back = sum(end is not None for end, _ in healthy)
    ends = f"{rolled_back} of {HEALTHY} in {LONGEST:,} requests"
    figures.lines.append(("healthy, rolled back", ends, "", f"{alarms} of {HEALTHY}"))
    figures.lines.append(("healthy, shown to be within the limits", quantiles([end for _, end in healthy]), "", ""))
    with TemporaryDirectory() as place:
        sent = [most_spent(Path(place), 37, workers, workers) for workers in (1, 2, 5)]
    figures.lines.append(("changed answers sent of 37, by 1, 2, 5 workers", ", ".join(map(str, sent)), "", ""))
    return figures
