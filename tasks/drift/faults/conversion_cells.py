"""The cells of a column's values, and what a conversion of some of the rows does to the shares of the cells.

A share p of converted rows adds p (q - s) to the shares s of the cells, where q are the shares that the values have
once they are converted. The score at p = 0 weighs a cell by q / s - 1, the sharpest test of a small share; its estimate
of p has the variance 1 / (n I), with the information I = sum of (q - s)^2 / s of one row (C. Rao 1948, Proceedings of
the Cambridge Philosophical Society 44).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.faults.displacement import FEWEST_EXPECTED, FITS
from tasks.drift.faults.unit_change import FACTORS, GREAT, WeightedValues
from tasks.drift.quantiles import normal_quantile
from tasks.records import DriftStatistic, Statistic

CUTS = np.array([0.01, 0.025, *np.arange(0.05, 0.96, 0.05), 0.975, 0.99])  # cells are finer where factors show most
QUARTILES = np.array([0.25, 0.5, 0.75])


@dataclass(frozen=True, slots=True)
class Limits:
    """The smallest share of rows that matters, and the level of each test: against the reference, and earlier rows.

    `likelier` is how many times as likely the rows must be with some of them converted as with all of them moved by one
    factor, whichever fits best; 0 where both are the same to the caller.
    """

    effect: float
    reference: float
    earlier: float
    likelier: float = 0.0


def _directions() -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Return the factors that make values larger, and those that make them smaller, the least first."""
    up = sorted(((words, factor) for words, factor in FACTORS.items() if 1 < factor < GREAT), key=lambda each: each[1])
    return up, [(f"1/{words}", 1 / factor) for words, factor in up]


DIRECTIONS = _directions()  # larger factors take values out of their range


@dataclass(frozen=True, slots=True)
class Conversion:
    """The share of converted rows, the factor in words, and the score as a share of its limit."""

    share: float
    words: str
    evidence: float

    def statistic(self, column: str, effect: float) -> DriftStatistic:
        """Return the conversion as the statistic of a column.

        Parameters
        ----------
        effect : float
            Smallest share of rows that matters: the leeway is at least that.

        Examples
        --------
        >>> found = Conversion(0.2, "1.609 x", 4.0).statistic("distance", effect=0.1)
        >>> found.distance, found.leeway, found.how
        (0.2, 0.1, 'in some rows as if 1.609 x')
        """
        how, leeway = f"in some rows as if {self.words}", max(effect, self.share / self.evidence)
        return DriftStatistic(column, Statistic.CONVERTED, self.share, leeway, direction=1, how=how)


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """New values, those of the same weekdays before, and what the swing from day to day adds to their variance."""

    now: WeightedValues
    earlier: WeightedValues | None
    swing: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class ConversionCells:
    """The cells of a column before: their upper edges but the last, their shares, and the values."""

    before: WeightedValues
    edges: FloatArray
    share: FloatArray

    @classmethod
    def of(cls, before: WeightedValues, rows: int) -> ConversionCells:
        """Return cells in which as many of some new rows are expected as their test needs."""
        cuts = CUTS[np.minimum(CUTS, 1 - CUTS) * rows >= FEWEST_EXPECTED]
        at = np.searchsorted(before.cumulative_share(before.values), cuts)
        edges = before.values[np.unique(np.clip(at, 0, max(len(before.values) - 2, 0)))]
        return cls(before, edges, _shares(before, edges))

    def conversion(self, factors: list[tuple[str, float]], rows: NewRows, limits: Limits) -> Conversion | None:
        """Return the conversion of some of the rows; None where it is not past its limit, or does not fit.

        One test, of the least factor, is made for all factors of a direction, since the others move the same cells by
        more. Of the factors with a share that matters, the one that fits best is named.
        """
        z, limit = self._score(factors[0][1], rows, limits)
        if z <= limit:
            return None
        shares = [(words, factor, self._share(factor, rows)) for words, factor in factors]
        fits = [
            (self._misfit(factor, share, rows), share, words, factor)
            for words, factor, share in shares
            if limits.effect < share <= 1
        ]
        misfit, share, words, factor = min(fits, default=(np.inf, 0.0, "", 1.0))
        if misfit > 1 or (limits.likelier and self._evidence(factor, share, rows) < np.log(limits.likelier)):
            return None
        return Conversion(share, words, float(z / limit))

    def _share(self, factor: float, rows: NewRows) -> float:
        """Return the share of converted rows that the score estimates."""
        change = _shares(self.before, self.edges / factor) - self.share
        information = float((change**2 / self.share).sum())
        return float(change / self.share @ _shares(rows.now, self.edges)) / information if information else 0.0

    def _score(self, factor: float, rows: NewRows, limits: Limits) -> tuple[float, float]:
        """Return the normal score of a share of converted rows, 0 if it is no break, and its limit."""
        change = _shares(self.before, self.edges / factor) - self.share
        weights = change / self.share
        information = float(weights @ change)
        limit = normal_quantile(2 * limits.reference)
        if not information:
            return 0.0, limit

        mean, variance = _moments(_shares(rows.now, self.edges), weights)
        skewness = max(float(weights**3 @ self.share) / information**1.5, 0.0)
        limit += skewness * (limit**2 - 1) / 6 / float(np.sqrt(rows.now.rows))
        if rows.earlier is not None:
            then, spread = _moments(_shares(rows.earlier, self.edges), weights)
            noise = variance / rows.now.rows + spread / rows.earlier.rows + 2 * information * rows.swing
            if mean - then <= normal_quantile(2 * limits.earlier) * np.sqrt(noise):
                return 0.0, limit
        noise = information * (1 / rows.now.rows + 1 / self.before.rows + rows.swing)
        return mean / float(np.sqrt(noise)), limit

    def _evidence(self, factor: float, share: float, rows: NewRows) -> float:
        """Return the log-likelihood ratio of some converted rows against all moved by one factor, the best for them."""
        from scipy.optimize import minimize_scalar

        seen, floor = _shares(rows.now, self.edges), 1 / self.before.rows

        def surprise(expected: FloatArray) -> float:
            return -rows.now.rows * float(seen @ np.log(np.maximum(expected, floor)))

        def surprise_of_move(step: float) -> float:
            return surprise(_shares(self.before, self.edges / np.exp(step)))

        converted = (1 - share) * self.share + share * _shares(self.before, self.edges / factor)
        steps = self._steps(factor, rows.now)  # far from these all values are in one cell, which is no way down
        least = [surprise_of_move(step) for step in steps]
        best = int(np.argmin(least))
        bounds = steps[max(best - 1, 0)], steps[min(best + 1, len(steps) - 1)]
        moved = minimize_scalar(surprise_of_move, bounds=bounds, method="bounded")
        return min(float(moved.fun), least[best]) - surprise(converted)

    def _steps(self, factor: float, now: WeightedValues) -> FloatArray:
        """Return the logarithms of what takes an edge to where new values have its share, from none to a factor."""
        at = np.searchsorted(now.cumulative_share(now.values), self.before.cumulative_share(self.edges))
        moved = now.values[np.minimum(at, len(now.values) - 1)]
        known = (self.edges > 0) & (moved > 0)
        steps = np.log(moved[known] / self.edges[known])
        low, high = sorted((0.0, float(np.log(factor))))
        return np.unique(np.clip(np.append(steps, 0.0), low, high))

    def _misfit(self, factor: float, share: float, rows: NewRows) -> float:
        """Return Pearson's statistic of a mixture, as a share of its limit; cells also divide the converted values.

        The swing is no excuse: it does not move rows to where a factor takes them, or away from there.
        """
        from scipy.special import chdtri

        quartiles = np.searchsorted(self.before.cumulative_share(self.before.values), QUARTILES)
        edges = np.unique(np.concatenate([self.edges, factor * self.before.values[quartiles]]))
        usual, converted, found = (
            _shares(values, at)
            for values, at in ((self.before, edges), (self.before, edges / factor), (rows.now, edges))
        )
        expected = (1 - share) * usual + share * converted
        cell = np.where(expected * rows.now.rows >= FEWEST_EXPECTED, np.arange(len(expected)) + 1, 0)
        among, seen = np.bincount(cell, expected), np.bincount(cell, found)
        among, seen = among[among > 0], seen[among > 0]
        noise = 1 / rows.now.rows + 1 / self.before.rows
        limit = float(chdtri(max(len(among) - 2, 1), FITS))
        return float(((seen - among) ** 2 / among).sum()) / noise / limit


def _moments(shares: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Return the mean and the variance of the weight of one row.

    >>> _moments(np.array([0.5, 0.5]), np.array([0.0, 2.0]))
    (1.0, 1.0)
    """
    mean = float(weights @ shares)
    return mean, float((weights - mean) ** 2 @ shares)


def _shares(values: WeightedValues, edges: FloatArray) -> FloatArray:
    """Return the share of rows in each cell."""
    return np.diff(np.concatenate([[0.0], values.cumulative_share(edges), [1.0]]))
