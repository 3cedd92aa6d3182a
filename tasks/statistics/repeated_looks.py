"""Intervals of a mean that hold at every look, and evidence that it is above a target, however often one looks.

Rows may be counted again every night: with probability 1 - alpha all of these intervals contain the true mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.arrays import FloatArray
from tasks.statistics.confidence_sequences import best_share, estimate_spread

FEWEST_ROWS, FEWEST_DAYS = 30, 5
"""Before, a mean of numbers has no bounds: its interval estimates the variance, which takes some rows and days."""
TUNED_ROWS = 300
"""With so many rows, the interval of a mean of numbers is narrowest for its confidence."""
FEWEST = 2
BETS = np.array([15 / 16, *(0.5**power for power in range(1, 8))])
"""The bets, as shares of the largest one; the largest is below 1, so that no value takes all of the wealth."""


class Looked(NamedTuple):
    """A mean with the bounds of its interval."""

    value: float
    low: float
    high: float


def share_interval(counted: float, rows: float, confidence: float) -> Looked:
    """Return the share `counted / rows` of 0 and 1 with an interval that holds at every look.

    The likelihood of the rows when the share is drawn uniformly from 0 to 1, divided by that under the share p, is a
    martingale under p. It passes 1 / alpha with probability alpha at most (Ville), so the p for which it has not are
    the interval:

        B(1 + k, 1 + n - k) / (p^k (1 - p)^(n - k)) < 1 / alpha.

    Notes
    -----
    H. Robbins (1970), Statistical methods related to the law of the iterated logarithm, Annals of Mathematical
    Statistics 41(5). S. Howard, A. Ramdas, J. McAuliffe and J. Sekhon (2021), Annals of Statistics 49(2).

    Examples
    --------
    None of 10 at 95 %: 1 / 11 / (1 - p)^10 = 20, so p = 1 - 220^(-1 / 10) = .417. A single look has .308 (two-sided).

    >>> share_interval(0, 10, 0.95)._replace(high=round(share_interval(0, 10, 0.95).high, 3))
    Looked(value=0.0, low=0.0, high=0.417)
    >>> share_interval(0, 0, 0.95)
    Looked(value=nan, low=0.0, high=1.0)
    """
    if rows <= 0:
        return Looked(math.nan, 0.0, 1.0)
    value = counted / rows
    beta = math.lgamma(1 + counted) + math.lgamma(1 + rows - counted) - math.lgamma(2 + rows)
    limit = beta + math.log(1 - confidence)

    def is_inside(share: float) -> bool:
        return counted * math.log(share) + (rows - counted) * math.log1p(-share) > limit

    low = 0.0 if counted <= 0 else _edge(is_inside, value, 0.0)
    high = 1.0 if counted >= rows else _edge(is_inside, value, 1.0)
    return Looked(value, low, high)


def _edge(is_inside: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return the share between one inside of an interval and one outside at which it ends, by bisection."""
    for _ in range(50):
        middle = (inside + outside) / 2
        if 0 < middle < 1 and is_inside(middle):
            inside = middle
        else:
            outside = middle
    return outside


def mean_interval_at_every_look(
    values: FloatArray, days: npt.ArrayLike, confidence: float, *, are_shares: bool
) -> Looked:
    """Return the mean of values with an interval that holds at every look; days are taken as clusters.

    Shares have `share_interval`, with the rows divided by how many dependent rows of a day count as one. Others have
    the normal mixture of `all_looks_margin`, for a mean to which nothing was promised; it holds for many rows, so that
    the first ones, and values that do not differ, have no bounds.

    Parameters
    ----------
    values : array, shape (n,)
        Finite.
    days : array, shape (n,)
        The day of each row.
    are_shares : bool
        Whether values can only be 0 or 1; it is not guessed from those that have come so far.

    Examples
    --------
    >>> halves = np.array([0.0, 1.0] * 50)
    >>> found = mean_interval_at_every_look(halves, np.zeros(100, dtype=int), 0.95, are_shares=True)
    >>> [round(bound, 2) for bound in found] == [round(bound, 2) for bound in share_interval(50, 100, 0.95)]
    True
    """
    mean = float(values.mean()) if len(values) else math.nan
    if len(values) < FEWEST:
        return Looked(mean, 0.0, 1.0) if are_shares else Looked(mean, -math.inf, math.inf)
    spread = estimate_spread(values, days)
    if are_shares:
        effect = spread.effective / spread.variance if spread.variance else 1.0
        return share_interval(float(values.sum()) / effect, len(values) / effect, confidence)
    alpha = 1 - confidence
    variance, change = spread.effective / len(values), spread.effective / TUNED_ROWS * best_share(alpha)
    if variance == 0 or len(values) < FEWEST_ROWS or len(np.unique(days)) < FEWEST_DAYS:
        return Looked(mean, -math.inf, math.inf)
    margin = math.sqrt(variance * (1 + variance / change) * math.log((1 + change / variance) / alpha**2))
    return Looked(mean, mean - margin, mean + margin)


def evidence_above(values: FloatArray, days: npt.ArrayLike, target: float) -> float:
    """Return the logarithm of the evidence that the mean of values of at least 0 is above a target by now.

    A bet from a day on multiplies its wealth by 1 + b (x / target - 1) with the mean x of each day, where b is between
    0 and 1. If no day is expected to have a mean above the target, the expected wealth never grows. Rows of a day may
    depend on each other, as those of a bad day do: a day is one bet. The evidence is the wealth of many bets with a
    wealth of 1 together: over a grid of b, and with the weight 1 / (d (d + 1)) of those that begin on the d-th day, so
    that an error that has grown is found in spite of a long time with few errors. It passes 1 / alpha with a
    probability of at most alpha, however often one looks.

    Parameters
    ----------
    values : array, shape (n,)
        Losses of at least 0, in the unit of the target.
    days : array of int, shape (n,)
        The number of the day of each row, from 1 on.

    Notes
    -----
    I. Waudby-Smith and A. Ramdas (2023), Estimating means of bounded random variables by betting, JRSS B 86(1);
    J. Shin, A. Ramdas and A. Rinaldo (2023), E-detectors, New England Journal of Statistics in Data Science 2(2), for
    bets that begin later.

    Examples
    --------
    One row with an error of twice the target, on the first day: bets multiply by 1 + b, half of the wealth is bet then.

    >>> found = evidence_above(np.array([1.0]), np.array([1]), target=0.5)
    >>> round(math.exp(found), 6) == round(0.5 * (1 + float(BETS.mean())) + 0.5, 6)
    True
    >>> evidence_above(np.array([]), np.array([], dtype=int), target=0.5)
    0.0
    """
    numbers = np.asarray(days, dtype=np.int64)
    if not len(values):
        return 0.0
    last = int(numbers.max())
    rows = np.bincount(numbers, minlength=last + 1)
    means = np.bincount(numbers, weights=values, minlength=last + 1) / np.maximum(rows, 1)
    by_day = np.where(rows[:, None] > 0, np.log1p(BETS * (means[:, None] / target - 1)), 0.0)
    from_day = np.cumsum(by_day[:0:-1], axis=0)[::-1]  # what bets have won that began on day 1, 2, ...
    starts = np.arange(1, last + 1)
    weights = -np.log(starts * (starts + 1.0)) - math.log(len(BETS))
    logs = np.append((from_day + weights[:, None]).ravel(), -math.log(last + 1))  # the last: bets that have not begun
    highest = float(logs.max())
    return highest + math.log(float(np.exp(logs - highest).sum()))
