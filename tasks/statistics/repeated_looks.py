"""Intervals of a mean that hold at every look.

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

TUNED_ROWS = 300
"""With so many rows, the interval of a mean of numbers is narrowest for its confidence."""
FEWEST = 2


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


def mean_interval_at_every_look(values: FloatArray, days: npt.ArrayLike, confidence: float) -> Looked:
    """Return the mean of values with an interval that holds at every look; days are taken as clusters.

    Values of 0 and 1 have `share_interval`, with the rows divided by how many dependent rows of a day count as one.
    Others have the normal mixture of `all_looks_margin`, for a mean to which nothing was promised.

    Parameters
    ----------
    values : array, shape (n,)
        Finite.
    days : array, shape (n,)
        The day of each row.

    Examples
    --------
    >>> found = mean_interval_at_every_look(np.array([0.0, 1.0] * 50), np.zeros(100, dtype=int), 0.95)
    >>> [round(bound, 2) for bound in found] == [round(bound, 2) for bound in share_interval(50, 100, 0.95)]
    True
    """
    if len(values) < FEWEST:
        value = float(values.mean()) if len(values) else math.nan
        return Looked(value, -math.inf, math.inf) if np.any((values != 0) & (values != 1)) else Looked(value, 0.0, 1.0)
    spread = estimate_spread(values, days)
    if np.all((values == 0) | (values == 1)):
        effect = spread.effective / spread.variance if spread.variance else 1.0
        return share_interval(float(values.sum()) / effect, len(values) / effect, confidence)
    alpha, mean = 1 - confidence, float(values.mean())
    variance, change = spread.effective / len(values), spread.effective / TUNED_ROWS * best_share(alpha)
    if variance == 0:
        return Looked(mean, mean, mean)
    margin = math.sqrt(variance * (1 + variance / change) * math.log((1 + change / variance) / alpha**2))
    return Looked(mean, mean - margin, mean + margin)
