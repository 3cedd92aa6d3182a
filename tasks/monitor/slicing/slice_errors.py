"""Errors by slice: where, among the values of a category or the ranges of a number, the champion has become worse.

Every column is cut once, on the hold-out: numbers at their quartiles, categories into their most frequent values and
the rest, with a slice of its own for rows without a value. Columns are measured one by one, never in pairs, so the cost
is one pass over the labelled rows. The losses of each slice are added up by day.

A slice is compared by how much more its mean loss rose than that of all other rows (see
`tasks.monitor.slicing.slice_error_change`). All slices share one budget of false alarms (Bonferroni). A loss counts at
most three standard deviations above the mean, so that one wild label is one row. Where rows count differently, a mean
is the weighted one, as at the gate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.drift import Leeway
from tasks.monitor.slicing.cuts import Cut, cut_of
from tasks.monitor.slicing.slice_error_change import Period, Rise
from tasks.records import LocalError
from tasks.spec.spec_sections.feature_sections import Features
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tasks.statistics import LOSSES, weighted_values, weights_of

CLIPPED = 3.0
FEWEST_ROWS = 50
FEWEST_DAYS = 5
MOST_REPORTED = 10
MOST_ROWS = 200_000
EXACT_BITS = 35  # with 18 for the rows, as many as a float holds
PARTS_OF_LABELS = 3  # single nights, creep, slices
Tally: TypeAlias = Mapping[date, FloatArray]
LOSS, WEIGHT, ROWS = range(3)  # parts of a day's sums


@dataclass(frozen=True)
class Slices:
    """The champion's losses on its hold-out, slice by slice.

    Parameters
    ----------
    cap, skewness : float
        The most that a loss counts, and the skewness of such losses.
    cuts : tuple of Cut
        How each column is cut.
    days : mapping of date to ndarray, shape (3, 1 + slices)
        Of each day the weighted sum of losses, the sum of weights and the rows: of all rows first, then of every slice
        of every cut. Weights have the mean 1 on the hold-out.
    mean_weight : float, optional
        Of a row of the hold-out; None where all rows count alike.
    """

    cap: float
    skewness: float
    cuts: tuple[Cut, ...]
    days: Tally
    mean_weight: float | None = None

    @cached_property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Column of each slice, and the slice in words."""
        return tuple((cut.column, cut.name(place)) for cut in self.cuts for place in range(cut.size))

    @cached_property
    def enough(self) -> np.ndarray:
        """Which slices have rows and days enough on the hold-out to be measured."""
        table = self.table
        rows, days = table[:, ROWS, 1:].sum(axis=0), (table[:, ROWS, 1:] > 0).sum(axis=0)
        return np.asarray((rows >= FEWEST_ROWS) & (days >= FEWEST_DAYS) & (rows < table[:, ROWS, 0].sum()))

    @cached_property
    def table(self) -> FloatArray:
        """The sums by day, in order of date."""
        return _table(self.days)

    def tally(self, rows: pd.DataFrame, losses: FloatArray, weights: FloatArray | None = None) -> Tally:
        """Return the sums of some rows, by day; the sums of rows together are the sums of their tallies, exactly.

        Weighted losses are rounded to a multiple of a power of two, at most 2**-34 of the cap, and weights to one of
        2**-35: then the sums of 200,000 rows that weigh as those of the hold-out do not depend on the order of the
        rows. Weights are not looked at where all rows of the hold-out count alike.
        """
        unit = 2.0 ** (math.frexp(self.cap)[1] - EXACT_BITS)
        counted = np.ones(len(rows))
        if self.mean_weight is not None and weights is not None:
            counted = _rounded(weights / self.mean_weight, 2.0**-EXACT_BITS)
        return tallied(self.cuts, rows, _rounded(counted * np.minimum(losses, self.cap), unit), counted)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The tolerance of a slice: its false-alarm probability, a relative rise, and how many rows it needs."""

    alpha: float
    error_leeway: float
    min_rows: int


def slices(
    rows: pd.DataFrame, losses: FloatArray, features: Features, fewest: int, weights: FloatArray | None = None
) -> Slices | None:
    """Measure the champion's losses by slice on rows that it was not trained on.

    Parameters
    ----------
    rows : DataFrame
        `event_date` and the features.
    losses : ndarray
        Of each row; rows with a loss that is not finite are left out.
    features : Features
        The columns by kind.
    fewest : int
        Fewest rows of a category that may be named.
    weights : ndarray, optional
        How much each row counts.

    Returns
    -------
    Slices or None
        None where no slice has enough rows.
    """
    scored = np.isfinite(losses)
    rows, losses = rows[scored], losses[scored]
    if len(rows) < FEWEST_ROWS:
        return None
    mean_weight, counted = None, np.ones(len(rows))
    if weights is not None:
        mean_weight = float(weights[scored].mean())
        counted = weights[scored] / mean_weight
    mean = np.average(losses, weights=counted)
    cap = float(mean + CLIPPED * np.sqrt(np.average((losses - mean) ** 2, weights=counted)))
    cuts = tuple(cut_of(rows[name], name in features.numbers, max(fewest, FEWEST_ROWS)) for name in features.columns)
    capped = np.minimum(losses, cap)
    linear = weighted_values(capped, counted)
    standard = (linear - linear.mean()) / max(float(linear.std()), 1e-12)
    days = tallied(cuts, rows, counted * capped, counted)
    found = Slices(cap, float((standard**3).mean()), cuts, days, mean_weight)
    return found if found.enough.any() else None


def tallied(cuts: tuple[Cut, ...], rows: pd.DataFrame, losses: FloatArray, weights: FloatArray) -> Tally:
    """Return of each day the sum of weighted losses, of weights, and the rows, of all and of every slice."""
    which, days = pd.factorize(rows["event_date"], sort=True)
    many, start = len(days), 1
    table = np.zeros((many, 3, 1 + sum(cut.size for cut in cuts)))
    parts = ((LOSS, losses), (WEIGHT, weights), (ROWS, None))
    for part, values in parts:
        table[:, part, 0] = np.bincount(which, values, minlength=many)
    for cut in cuts:
        at, cells = which * cut.size + cut.places(rows[cut.column]), many * cut.size
        mine = slice(start, start + cut.size)
        for part, values in parts:
            table[:, part, mine] = np.bincount(at, values, minlength=cells).reshape(many, cut.size)
        start += cut.size
    return dict(zip(days, table, strict=True))


def merged(tallies: Iterable[Tally]) -> Tally:
    """Return the sums of several tallies."""
    found: dict[date, FloatArray] = {}
    for tally in tallies:
        for day, sums in tally.items():
            found[day] = found[day] + sums if day in found else sums
    return found


def local_errors(known: Slices, now: Tally, tolerance: Tolerance) -> tuple[LocalError, ...]:
    """Return the slices with the loss furthest past its leeway, or nearest to it, the worst first.

    The leeway is the larger of what is tolerated and what chance explains; `alone` says that the other rows' loss is
    within what is tolerated, or what chance explains one time in twenty.

    Parameters
    ----------
    now : mapping
        `Slices.tally` of the newest matured rows.
    tolerance : Tolerance
        `alpha` is that of all slices together.
    """
    before_days, now_days = known.table, _table(now)
    if not len(now_days):
        return ()
    rows, days = now_days[:, ROWS, 1:].sum(axis=0), (now_days[:, ROWS, 1:] > 0).sum(axis=0)
    looked = np.flatnonzero(known.enough & (rows >= tolerance.min_rows) & (days >= FEWEST_DAYS))
    if not len(looked):
        return ()
    rise = Rise.between(Period.of(before_days, looked), Period.of(now_days, looked))
    alpha = 2 * tolerance.alpha / int(known.enough.sum())  # only a rise counts
    limit = rise.leeway(alpha, tolerance.error_leeway, known.skewness)
    still = rise.others_still(tolerance.error_leeway)
    names = known.names
    return tuple(
        LocalError(
            column=names[looked[place]][0],
            where=names[looked[place]][1],
            rows=int(rows[looked[place]]),
            loss=float(rise.expected[place] + rise.size[place]),
            expected=float(rise.expected[place]),
            leeway=float(limit[place]),
            alone=bool(still[place]),
        )
        for place in np.argsort(-rise.size / limit, kind="stable")[:MOST_REPORTED]
    )


def tolerance(policy: Monitoring, leeway: Leeway) -> Tolerance:
    """Return the tolerance of a policy: slices have a third of the false alarms that labels may raise."""
    return Tolerance(leeway.alpha(PARTS_OF_LABELS), policy.error_leeway, policy.min_rows)


def bounded_cohort(cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the newest whole days of a cohort that hold at most 200,000 rows, the newest day in any case.

    More rows would hardly make the mean of a slice more certain, and every night would read them again.
    """
    if len(cohort) <= MOST_ROWS:
        return cohort
    counts = cohort["event_date"].value_counts().sort_index(ascending=False)
    upto = counts.cumsum()
    first = counts.index[max(int((upto <= MOST_ROWS).sum()), 1) - 1]
    found: pd.DataFrame = cohort[cohort["event_date"] >= first]
    return found


def cohort_tally(known: Slices, cohort: pd.DataFrame, pieces: Iterable[pd.DataFrame], metric: str) -> Tally:
    """Return the sums of a labelled cohort with features that are read in pieces.

    Parameters
    ----------
    cohort : DataFrame
        `row_id`, `prediction` and `label`, and a `weight` where rows count differently.
    pieces : iterable of DataFrame
        `row_id`, `event_date` and the features of these rows and maybe others.
    """
    losses = LOSSES[metric](cohort["label"].to_numpy(float), cohort["prediction"].to_numpy(float))
    weights = weights_of(cohort)
    counted = np.ones(len(cohort)) if weights is None else weights
    of_row = pd.DataFrame({"loss": losses, "weight": counted}, index=cohort["row_id"])

    def tallies() -> Iterator[Tally]:
        for piece in pieces:
            mine = of_row.reindex(piece["row_id"]).to_numpy(np.float64)
            scored = np.isfinite(mine).all(axis=1)
            if scored.any():
                yield known.tally(piece[scored], *mine[scored].T)

    return merged(tallies())


def _table(tally: Tally) -> FloatArray:
    return np.array([tally[day] for day in sorted(tally)], dtype=np.float64)


def _rounded(values: FloatArray, unit: float) -> FloatArray:
    return np.round(values / unit) * unit
