"""Intervals of statistics that are no mean over rows, by leaving out blocks of days, or of entities.

A block is left out as a whole, so rows of one day may have common causes. The number of blocks is bounded: the cost is
that of at most 60 further evaluations, however many days or entities there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.arrays import FloatArray, IntArray
from tasks.statistics.day_dependence import long_run_factor
from tasks.statistics.intervals import t_quantile

MOST_BLOCKS = 60
FEWEST_BLOCKS = 3  # two have one degree of freedom


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Rows in blocks that are left out one after the other.

    Attributes
    ----------
    codes : array, shape (n,)
        The block of each row, from 0 on.
    count : int
        How many there are.
    in_order : bool
        Whether neighbouring blocks may resemble each other, as days do.
    """

    codes: IntArray
    count: int
    in_order: bool

    @classmethod
    def of_days(cls, days: npt.ArrayLike) -> Blocks:
        """Return a block for each day; of more than 60 days, as many blocks of days in a row.

        >>> Blocks.of_days(["2026-01-01", "2026-01-03", "2026-01-01"]).codes.tolist()
        [0, 1, 0]
        """
        names, codes = np.unique(np.asarray(days), return_inverse=True)
        count = min(len(names), MOST_BLOCKS)
        return cls(codes.astype(np.int64) * count // max(len(names), 1), count, in_order=True)

    @classmethod
    def of_entities(cls, entities: npt.ArrayLike) -> Blocks:
        """Return a block for each entity; of more than 60, as many blocks of entities.

        >>> Blocks.of_entities(["ann", "bob", "ann"]).codes.tolist()
        [0, 1, 0]
        """
        names, codes = np.unique(np.asarray(entities).astype(str), return_inverse=True)
        count = min(len(names), MOST_BLOCKS)
        return cls(codes.astype(np.int64) % max(count, 1), count, in_order=False)

    def without_each(self, statistic: Callable[[npt.NDArray[np.bool_]], float]) -> FloatArray:
        """Return a statistic of the rows that are left without each block; `statistic` takes which rows stay.

        NaN where no row is left.

        >>> Blocks.of_days(["2026-01-01"]).without_each(lambda kept: float(kept.sum())).tolist()
        [nan]
        """
        left = (self.codes != block for block in range(self.count))
        return np.array([statistic(kept) if kept.any() else np.nan for kept in left], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ErrorBounds:
    """What bounds a standard error that few of the blocks say something about.

    Attributes
    ----------
    least : float
        The standard error is not taken to be smaller: rows that are all alike have no spread by chance.
    blocks : int or None
        How many blocks the statistic rests on, for the degrees of freedom; None for all of them.
    """

    least: float = 0.0
    blocks: int | None = None


NO_BOUNDS = ErrorBounds()


def jackknife_interval(
    value: float, without: FloatArray, confidence: float, *, in_order: bool, bounds: ErrorBounds = NO_BOUNDS
) -> tuple[float, float]:
    """Return the interval of a statistic from its values without each of some blocks.

    Parameters
    ----------
    value : float
        The statistic of all rows.
    without : array, shape (blocks,)
        The statistic of the rows without each block, in order of date where they are days.
    confidence : float
        Confidence of the two-sided interval.
    in_order : bool
        Whether the blocks are days: then resembling neighbours make it wider (`long_run_factor`).
    bounds : ErrorBounds
        The least standard error, and the number of blocks that count.

    Returns
    -------
    (low, high) : tuple of float
        NaN with fewer than three blocks, or where a value is not finite.

    Notes
    -----
    Delete-a-group jackknife: P. Kott (2001), Journal of Official Statistics 17(4); of blocks of a series: H. Künsch
    (1989), The Annals of Statistics 17(3). Of the area under an ROC curve and rows as blocks it is the interval of
    E. DeLong, D. DeLong and D. Clarke-Pearson (1988), Biometrics 44(3), up to terms of 1 / n.

    Examples
    --------
    Three blocks with means 1, 3 and 2: without each, 2.5, 1.5 and 2. Their mean is 2, the variance 2 / 3 x .5 = 1 / 3,
    and t(0.75, 2 degrees) = .8165: 2 - .4714 to 2 + .4714.

    >>> found = jackknife_interval(2.0, np.array([2.5, 1.5, 2.0]), 0.5, in_order=True)
    >>> [round(bound, 4) for bound in found]
    [1.5286, 2.4714]
    """
    error, degrees = _standard_error(without, bounds, in_order=in_order)
    if not math.isfinite(value + error):
        return math.nan, math.nan
    reach = t_quantile(confidence, degrees) * error
    return value - reach, value + reach


def p_value_beyond(
    value: float, without: FloatArray, limit: float, *, in_order: bool, bounds: ErrorBounds = NO_BOUNDS
) -> float:
    """Return the p-value of "the statistic is not further from 0 than a limit, on either side".

    That is the chance of one as far from 0, on either side, if it is truly at the limit; of a limit of 0 it is the
    two-sided p-value. NaN where there is no interval, see `jackknife_interval`. Without any spread it is 0 beyond the
    limit and 1 otherwise.

    Examples
    --------
    Three blocks with means 1, 3 and 2 have a mean of 2 with a standard error of .5774; a limit of 1 is 1.732 of them
    nearer, and of two degrees t exceeds the root of 3 with a probability of 1 / 2 - root(3 / 5) / 2 = .1127. On the
    other side it is 3 / .5774 of them to -2, which adds 1 / 2 - root(27 / 29) / 2 = .0176.

    >>> round(p_value_beyond(2.0, np.array([2.5, 1.5, 2.0]), 1.0, in_order=True), 4)
    0.1303
    """
    error, degrees = _standard_error(without, bounds, in_order=in_order)
    if not math.isfinite(value + error):
        return math.nan
    beyond = abs(value) - limit
    if error == 0:
        return 0.0 if beyond > 0 else 1.0
    from scipy.special import stdtr

    return float(stdtr(degrees, -beyond / error) + stdtr(degrees, -(abs(value) + limit) / error))


def _standard_error(without: FloatArray, bounds: ErrorBounds, *, in_order: bool) -> tuple[float, int]:
    """Return the standard error and its degrees of freedom; NaN where there are too few blocks."""
    count = len(without)
    filled = count if bounds.blocks is None else min(bounds.blocks, count)
    if filled < FEWEST_BLOCKS or not np.isfinite(without).all():
        return math.nan, 0
    influence = without.mean() - without
    variance = (count - 1) / count * float((influence**2).sum())
    found = math.sqrt(variance * (long_run_factor(influence) if in_order else 1.0))
    return max(found, bounds.least), filled - 1
