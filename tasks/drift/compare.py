"""A night against its reference: every statistic beside its leeway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache

import numpy as np

from tasks.drift.cusum import Charts, begin, threshold
from tasks.drift.layout import CELL, LEVEL, NULLS, STATISTICS, Layout
from tasks.drift.local import local_columns, local_moves
from tasks.drift.night import Night
from tasks.drift.quiet import two_sided
from tasks.drift.rare import JEFFREYS, rare_strain
from tasks.drift.reference import Reference
from tasks.errors import DataError
from tasks.profiles import TableProfile
from tasks.profiles.axis import Floats
from tasks.records import Moved

# A mean place of u moves by this much less than the values do: a shift of one standard deviation moves the mean of u by
# 1 / (2 sqrt(pi)) = .28 of a normal column, and u, being uniform, has a standard deviation of 1 / sqrt(12) = .29.
SCALE_OF_U = 12**0.5
FAMILIES = 3  # single nights, creep, and what labels show: each gets a third of the false alarms


@dataclass(frozen=True, slots=True)
class Leeway:
    """How far statistics may move, and how often they may do so by chance.

    Parameters
    ----------
    effect : float
        Smallest change that matters, above 0: in standard deviations for numbers, in share of rows for categories and
        nulls.
    false_alarms_per_year : float
        Alarms by chance that are accepted in a year, over all columns and nights together; above 0.
    nights_per_year : float
        Comparisons made in a year; above 0.
    """

    effect: float
    false_alarms_per_year: float
    nights_per_year: float

    def __post_init__(self) -> None:
        wrong = {f.name: getattr(self, f.name) for f in fields(self) if not getattr(self, f.name) > 0}
        if wrong:
            raise DataError(f"{wrong} was found in a Leeway; each must be above 0, or every night would be an alarm")

    def alpha(self, statistics: int) -> float:
        """Return the false-alarm probability that one statistic has on one night, the budget being shared evenly.

        Single nights, creep and labels have a third each. Expected alarms add up whatever the columns share
        (Bonferroni), and also over windows that overlap.

        >>> Leeway(effect=0.1, false_alarms_per_year=6, nights_per_year=400).alpha(statistics=50)
        0.0001
        """
        return min(self.false_alarms_per_year / (FAMILIES * self.nights_per_year * statistics), 0.25)

    def run_length_nights(self, count: int) -> float:
        """Return the nights between false alarms of one of so many cumulative charts.

        >>> Leeway(effect=0.1, false_alarms_per_year=6, nights_per_year=400).run_length_nights(50)
        10000.0
        """
        return max(FAMILIES * self.nights_per_year * count / self.false_alarms_per_year, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A night beside its reference.

    `moved` has every statistic, the most strained first; `z` each feature's shift in standard units, for the charts;
    `unit` what one of those units is, in the statistic's own, and `doubt` how well the expectation is known, in them.
    """

    moved: tuple[Moved, ...]
    z: Floats
    unit: Floats
    doubt: Floats


def compare(
    reference: Reference,
    window: TableProfile,
    policy: Leeway,
    day: date | None = None,
    *,
    window_days: int = 1,
    alpha: float | None = None,
) -> Compared:
    """Return how far each statistic of a window has moved and how far it may.

    Numbers are watched by level, shape and what lies outside the known range, categories by shape and unknown
    ones, every column by its share of nulls and for a slice that moves alone. The leeway is the largest of the effect
    size and what sampling noise and the reference's own swing, by weekday and season, explain; a strain above 1 is an
    alarm.

    Parameters
    ----------
    reference : Reference
        What the champion learned from. It must not hold any row of the window: a batch that is compared with itself
        looks quieter than it is. Seeing to that is the caller's duty, profiles cannot tell.
    window : TableProfile
        The newest rows, of the reference's ruler.
    policy : Leeway
        Effect size and false-alarm budget.
    day : date, optional
        Its first day; the reference's last when left out.
    window_days : int
        Its length.
    alpha : float, optional
        False-alarm probability of one statistic; left out, the policy's budget is shared by those of this table.

    Raises
    ------
    DataError
        The window has no rows, or another ruler.
    """
    if window.ruler != reference.total.ruler:
        raise DataError(
            "the window's ruler is not the reference's, so their bins lie elsewhere; profile the window with "
            "`reference.total.ruler`"
        )
    if not window.rows:
        raise DataError("the window has no rows; merge it with the days before until it has enough to be judged")
    layout, quiet = reference.layout, reference.quiet(window_days)
    found = layout.means(window)
    alpha = alpha or policy.alpha(tests(layout))
    shift = quiet.shift(found.sums, found.rows, day or reference.days[-1])
    leeway = quiet.leeway(shift, alpha)
    night = Night(layout, quiet, found, shift, leeway, alpha, policy.effect)
    moved = [*_means(night), *_shapes(night), *_outside(night), *_unknown(night)]
    moved += local_moves(night, reference.total)
    unit = quiet.unit(shift)
    moved.sort(key=lambda one: (-one.strain, one.column, one.statistic))
    return Compared(tuple(moved), shift.shift / unit, unit * units(layout), shift.doubt / unit)


def tests(layout: Layout) -> int:
    """Return how many statistics a night is judged by: four a number column, three a category, and slices."""
    return max(4 * len(layout.numbers) + 3 * len(layout.categories) + local_columns(layout), 1)


def charts(layout: Layout, policy: Leeway, columns: int) -> Charts:
    """Return cumulative charts for a table before its first night, the budget shared evenly by so many columns.

    Numbers are followed by their level, categories by the shares of their cells, and every column with nulls in the
    reference by their share; what is followed by no chart has a threshold out of reach.
    """
    number = np.arange(len(layout.names)) < len(layout.numbers)
    followed = np.where(
        layout.statistic == CELL, ~number[layout.column], (layout.statistic == LEVEL) | (layout.mean > 0)
    )
    of_column = np.bincount(layout.column[followed], minlength=len(layout.names))
    heights = np.full(len(layout.column), np.inf)
    for index in np.flatnonzero(followed):
        heights[index] = threshold(policy.run_length_nights(columns * int(of_column[layout.column[index]])))
    return begin(heights)


def units(layout: Layout) -> Floats:
    """Return by what a feature's shift is multiplied to be read: standard deviations for numbers, shares else."""
    return np.where(layout.statistic == LEVEL, SCALE_OF_U, 1.0)


def _means(night: Night) -> Iterator[Moved]:
    """Yield the level of numbers and the nulls of every column."""
    layout, unit = night.layout, units(night.layout)
    limit = np.maximum(night.leeway * unit, night.effect)
    nulls = layout.statistic == NULLS
    counted = rare_strain(
        night.found.sums[nulls],
        night.found.rows[nulls],
        layout.mean[nulls] * layout.rows[nulls] + JEFFREYS,
        layout.rows[nulls],
        night.alpha,
    )
    distance = np.abs(night.shift.shift) * unit
    rises = night.shift.shift[nulls] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        by_count = np.where(rises & (counted > 0), distance[nulls] / counted, limit[nulls])
    limit[nulls] = np.maximum(limit[nulls], by_count)
    for index in np.flatnonzero(layout.statistic != CELL):
        yield Moved(
            layout.names[layout.column[index]],
            STATISTICS[layout.statistic[index]],
            float(distance[index]),
            float(limit[index]),
            direction=int(np.sign(night.shift.shift[index])),
        )


def _shapes(night: Night) -> Iterator[Moved]:
    """Yield the shares of cells of every column together, by Pearson's chi-squared distance: the sum of (q - p)^2 / p.

    Sampling noise has k - 1 directions, the swing from day to day may have a single one, in which all cells move
    together; that one has the widest tail and is assumed.
    """
    layout, shift = night.layout, night.shift
    cells = np.flatnonzero(layout.statistic == CELL)
    if not len(cells):
        return
    owner, size = layout.column[cells], len(layout.names)
    share = np.maximum(layout.mean[cells], 0.5 / np.maximum(layout.rows[cells], 1.0))
    plain = np.hypot(two_sided(night.alpha) * shift.noise, night.quiet.quantiles(night.alpha) * shift.swing)[cells]
    moved = shift.shift[cells] * plain / night.leeway[cells]  # less what skewness explains
    count = np.bincount(owner, minlength=size)
    squares, noise, swing, distance = (
        np.bincount(owner, each, minlength=size)
        for each in (
            moved**2 / share,
            shift.noise[cells] ** 2 / share,
            (night.quiet.quantiles(night.alpha) * shift.swing)[cells] ** 2 / share,
            np.abs(shift.shift[cells]) / 2,
        )
    )
    for place in np.flatnonzero(count > 1):
        degrees = int(count[place]) - 1
        # noise^2 / p sums to k - 1 parts of (1 - p) each: a degree of freedom has its mean
        limit = noise[place] / degrees * _chi_squared(degrees, night.alpha) + swing[place]
        strain = float(np.sqrt(squares[place] / limit))
        leeway = max(night.effect, distance[place] / strain) if strain > 0 else night.effect
        yield Moved(layout.names[place], "shape", float(distance[place]), float(leeway))


@lru_cache(maxsize=1024)
def _chi_squared(degrees: int, alpha: float) -> float:
    from scipy.special import chdtri

    return float(chdtri(degrees, alpha))


def _outside(night: Night) -> Iterator[Moved]:
    """Yield the share of rows beyond the reference's range; they must also carry the mean by the effect size.

    Where the level swings from day to day, by more than that: a range that ends abruptly swings with it.
    They are looked at twice: how many there are, whatever the distribution, and how many are far beyond, where the tail
    of the reference says how few reach so far (Weissman, J. American Statistical Association 73, 1978).
    """
    layout, found = night.layout, night.found
    level = np.flatnonzero(layout.statistic == LEVEL)
    rows, known = found.rows[level], layout.rows[level]
    ones = np.ones(len(level))
    alpha, known = night.alpha / 4, np.maximum(known, 1.0)  # two sides, two looks
    looks = [rare_strain(each, rows, ones, known, alpha) for each in (found.below, found.above)]
    looks += [
        rare_strain(far, rows, ones, known * np.minimum(ratio**tail, 1e12), alpha)
        for far, ratio, tail in zip(found.far, found.far_ratio, layout.tails, strict=True)
    ]
    swing = (night.quiet.quantiles(night.alpha) * night.shift.swing)[level] * SCALE_OF_U
    strain = np.minimum(np.max(looks, axis=0), found.excess / np.maximum(night.effect, swing))
    share = (found.below + found.above) / np.maximum(rows, 1.0)
    for place, name in enumerate(layout.numbers):
        limit = share[place] / strain[place] if strain[place] > 0 else 1.0
        up = 1 if found.above[place] >= found.below[place] else -1
        yield Moved(name, "outside", float(share[place]), float(limit), direction=up)


def _unknown(night: Night) -> Iterator[Moved]:
    """Yield the share of rows in categories the reference does not know."""
    layout, found = night.layout, night.found
    if not layout.known:
        return
    known = np.array([max(each.named, 1.0) for each in layout.known])
    singles = np.array([each.singles for each in layout.known])
    strain = rare_strain(found.unknown, found.named, singles + JEFFREYS, known, night.alpha)
    share = found.unknown / np.maximum(found.named, 1.0)
    strain = np.minimum(strain, share / night.effect)
    for place, name in enumerate(layout.categories):
        limit = share[place] / strain[place] if strain[place] > 0 else night.effect
        yield Moved(name, "unknown", float(share[place]), float(max(limit, night.effect)), direction=1)
