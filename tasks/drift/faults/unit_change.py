"""Unit changes: detects values that have the old distribution in another unit of measure.

Factors are those between units that are often confused: powers of ten (metric prefixes, cents, per cent), time, and the
customary units of length, area, mass, volume and temperature (NIST Special Publication 811, appendix B), and between
mass and amount of substance of what laboratories measure most (molar masses of haemoglobin's monomer, glucose,
cholesterol, creatinine).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.faults.resemblance import DECISIVE
from tasks.profiles import NumberProfile
from tasks.profiles.axis import bin_edges

FACTORS = {
    **{f"{10**power:,} x": float(10**power) for power in (1, 2, 3, 6, 9)},
    "60 x": 60.0,
    "3,600 x": 3600.0,
    "24 x": 24.0,
    "7 x": 7.0,
    "12 x": 12.0,
    "365.25 x": 365.25,
    "2.54 x (inch, centimetre)": 2.54,
    "3.281 x (metre, foot)": 1 / 0.3048,
    "1.609 x (mile, kilometre; haemoglobin in mmol/L, g/dL)": 1.609344,  # haemoglobin: 1.611
    "10.76 x (square metre, square foot)": 1 / 0.3048**2,
    "2.205 x (kilogram, pound)": 1 / 0.45359237,
    "3.785 x (gallon, litre)": 3.785411784,
    "4.184 x (calorie, joule)": 4.184,
    "3.6 x (metre a second, kilometre an hour)": 3.6,
    "1,024 x": 1024.0,
    "18.02 x (glucose in mmol/L, mg/dL)": 18.016,
    "38.67 x (cholesterol in mmol/L, mg/dL)": 38.665,
    "88.42 x (creatinine in mg/dL, umol/L)": 88.42,
    "-1 x (sign)": -1.0,
}
FEWEST = 2  # values; rows alone are the contract's matter
GREAT = 10.0  # a column of both signs may double its spread without a change of unit, but not multiply it by this
KOLMOGOROV = 1.63  # asymptotic quantile of the Kolmogorov distribution at .99 (Smirnov, 1948)
ROUNDING = 1 + 1e-9
FEW = 8  # values that usually suffice to show that two distributions differ
WHOLE = 0.5  # below that share the values in another unit are a minority among the rest


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A detected change of unit: its factor, the factor in words, and the share of values affected (1 is all)."""

    factor: float
    words: str
    share: float


def find_unit_change(before: NumberProfile, now: NumberProfile, *, partly: bool = True) -> UnitChange | None:
    """Return the change of unit that explains a column: of all values or, if `partly`, of those beyond its range."""
    reference, now_values = weighted_values(before), weighted_values(now)
    if not len(reference.values) or now.present < FEWEST:
        return None
    whole = _best(reference, now_values, partly=False) if distributions_differ(reference, now_values) else None
    if whole is not None:
        return UnitChange(*whole, share=1.0)
    if not partly:
        return None
    outside = now_values.where(reference.beyond(now_values.values))
    if outside.rows < FEWEST or outside.rows > WHOLE * now.present:
        return None
    part = _best(reference, outside, partly=True)
    return None if part is None else UnitChange(*part, share=outside.rows / now.present)


@dataclass(frozen=True, eq=False)
class WeightedValues:
    """Values in ascending order, in the units of the data, with the rows of each."""

    values: FloatArray
    weights: FloatArray

    @cached_property
    def rows(self) -> float:
        """Rows in all."""
        return float(self.weights.sum())

    def cumulative_share(self, values: FloatArray) -> FloatArray:
        """Return the share of rows up to each value."""
        return self._shares[np.searchsorted(self.values, values, side="right")]

    @cached_property
    def _shares(self) -> FloatArray:
        return np.append(0.0, np.cumsum(self.weights)) / self.rows

    def where(self, chosen: np.ndarray) -> WeightedValues:
        """Return the chosen values."""
        return WeightedValues(self.values[chosen], self.weights[chosen])

    def beyond(self, values: FloatArray) -> np.ndarray:
        """Return which of the given values are outside the range of these."""
        return np.asarray((values < self.values[0]) | (values > self.values[-1]))

    def mean(self) -> float:
        """Return the mean."""
        return float(self.values @ self.weights) / self.rows

    def spread(self) -> float:
        """Return the standard deviation."""
        return math.sqrt(float((self.values - self.mean()) ** 2 @ self.weights) / self.rows)


def weighted_values(column: NumberProfile, weight: float = 1.0) -> WeightedValues:
    """Return the middle of each bin in the units of the data, and its rows; of the bin around zero, zero.

    A zero is the same in every unit, so that values of which many are zero can be compared after a conversion.

    Parameters
    ----------
    weight : float
        How much a row counts: rows of one day resemble each other where a column swings from day to day.
    """
    low, high = bin_edges(column.bins)
    counts = column.counts.astype(np.float64) * weight
    low, high = (column.axis.center + column.axis.scale * edges for edges in (low, high))
    return WeightedValues(np.where((low <= 0) & (high >= 0), 0.0, (low + high) / 2), counts)


def kolmogorov_ratio(before: WeightedValues, now: WeightedValues) -> float:
    """Return the Kolmogorov-Smirnov statistic divided by its critical value at the level of one in a hundred."""
    return _gap(before, now, np.concatenate([before.values, now.values]))


def distributions_differ(before: WeightedValues, now: WeightedValues) -> bool:
    """Return whether the ratio is above 1; a few values are compared first, because they often suffice.

    >>> near, far = (WeightedValues(np.arange(100.0) + shift, np.ones(100)) for shift in (0, 50))
    >>> distributions_differ(near, near), distributions_differ(near, far)
    (False, True)
    """
    return _gap(before, now, now.values[:: len(now.values) // FEW + 1]) > 1 or kolmogorov_ratio(before, now) > 1


def _gap(before: WeightedValues, now: WeightedValues, values: FloatArray) -> float:
    most = float(np.abs(before.cumulative_share(values) - now.cumulative_share(values)).max())
    return most / (KOLMOGOROV * math.sqrt(1 / before.rows + 1 / now.rows))


def others_moved(before: WeightedValues, now: WeightedValues, share: float) -> bool:
    """Return whether values moved in more rows than a share of them, whatever the values of these are.

    Where the other rows have the distribution they had, at least (1 - share) of what was below a value, or above it, is
    still there. It is judged as in `kolmogorov_ratio`.

    Examples
    --------
    Of 100 values, half were below 50 and none is now. If a quarter of the rows are others, .75 x .5 should be: more
    than 1.63 x root(.75^2 / 100 + 1 / 100) = .204. If three quarters are, .25 x .5 should be, and .168 may be missing.

    >>> low, high = (WeightedValues(np.arange(100.0) + shift, np.ones(100)) for shift in (0, 50))
    >>> others_moved(low, high, 0.25), others_moved(low, high, 0.75)
    (True, False)
    """
    values, kept = np.concatenate([before.values, now.values]), max(0.0, 1 - share)
    below = kept * before.cumulative_share(values) - now.cumulative_share(values)
    above = below + (1 - kept)  # the same of what is above, with its sign turned
    most = max(float(below.max()), -float(above.min()))
    return most > KOLMOGOROV * math.sqrt(kept**2 / before.rows + 1 / now.rows)


def _candidates() -> list[tuple[float, str, float]]:
    candidates = [(factor, words, 0.0) for words, factor in FACTORS.items()]
    candidates += [(1 / factor, f"1/{words}", 0.0) for words, factor in FACTORS.items() if factor > 0]
    return [*candidates, (1.8, "1.8 x + 32 (Celsius, Fahrenheit)", 32.0), (1 / 1.8, "(x - 32) / 1.8", -32 / 1.8)]


def _best(reference: WeightedValues, now: WeightedValues, *, partly: bool) -> tuple[float, str] | None:
    """Return the factor, and its words, after which the values fit the reference best; None if none fits."""
    explained = []
    both_signs = bool(reference.values[0] < 0 < reference.values[-1])
    known_mean, now_mean = reference.mean(), now.mean()
    for factor, words, offset in _candidates():
        if offset == 0 and both_signs and 1 / GREAT < factor < GREAT and (partly or _stayed(reference, now, factor)):
            continue  # -1 changes no spread
        if _out_of_reach(reference, (now_mean - offset) / factor):
            continue
        before = reference.where(reference.beyond(reference.values * factor + offset)) if partly else reference
        if not len(before.values):
            continue
        if _far_apart(before.mean() if partly else known_mean, (now_mean - offset) / factor):
            continue
        converted = _converted(now, factor, offset)
        if distributions_differ(before, converted):
            continue
        if not partly and factor < GREAT and exactness(reference, now, factor, offset) <= 0:
            continue
        explained.append((kolmogorov_ratio(before, converted), factor, words))
    best = min(explained, default=None)
    return None if best is None else (best[1], best[2])


def _converted(now: WeightedValues, factor: float, offset: float) -> WeightedValues:
    """Return values in the old unit, in ascending order."""
    step = 1 if factor > 0 else -1
    return WeightedValues(((now.values - offset) / factor)[::step], now.weights[::step])


def exactness(before: WeightedValues, now: WeightedValues, factor: float, offset: float = 0.0) -> float:
    """Return the logarithm of the Bayes factor of an exact change of unit against a mean that moved freely.

    The freely moved mean has the information of one row (Kass and Wasserman, J. American Statistical Association 90,
    1995): a standard deviation of one row around the old mean. With a standard error s of the new mean and t that of
    one row the factor is sqrt(t^2 + s^2) / s times the ratio of the two normal densities.

    Examples
    --------
    A mean of 2 +- 1 becomes 4 +- 2 of 100 rows: twice as much. The standard error of the new mean is near 2 / 10.

    >>> low = WeightedValues(np.array([1.0, 3.0]), np.ones(2) * 1e6)
    >>> high = WeightedValues(np.array([2.0, 6.0]), np.ones(2) * 50)
    >>> round(exactness(low, high, 2.0), 2), exactness(low, high, 2.5) < 0
    (2.8, True)
    """
    mean, now_mean = before.mean(), now.mean()
    row = (abs(factor) * before.spread()) ** 2
    noise = row * (1 / before.rows + 1 / now.rows)
    if not noise:
        return math.inf if now_mean == factor * mean + offset else -math.inf
    exact, free = (now_mean - factor * mean - offset) ** 2 / noise, (now_mean - mean) ** 2 / (row + noise)
    return math.log1p(row / noise) / 2 - exact / 2 + free / 2


def _stayed(before: WeightedValues, now: WeightedValues, factor: float) -> bool:
    """Return whether a mean may have stayed while the spread grew, as that of a column of both signs may.

    It has not where the factor explains it decisively better: the logarithm of the ratio of both densities.

    >>> both = WeightedValues(np.array([-1.0, 5.0]), np.ones(2) * 1e6)  # 2 +- 3
    >>> doubled, wider = (WeightedValues(np.array(values), np.ones(2) * 50) for values in ([-2.0, 10.0], [-4.0, 8.0]))
    >>> _stayed(both, doubled, 2.0), _stayed(both, wider, 2.0)
    (False, True)
    """
    noise = (factor * before.spread()) ** 2 * (1 / before.rows + 1 / now.rows)
    apart = (now.mean() - before.mean()) ** 2 - (now.mean() - factor * before.mean()) ** 2
    return apart <= 2 * DECISIVE * noise


def _out_of_reach(reference: WeightedValues, mean: float) -> bool:
    """Return whether no subset of the reference can have a mean near this one."""
    nearest, farthest = sorted([abs(float(reference.values[0])), abs(float(reference.values[-1]))])
    both_signs = reference.values[0] <= 0 <= reference.values[-1]
    return abs(mean) > 2 * farthest * ROUNDING or (not both_signs and 2 * abs(mean) * ROUNDING < nearest)


def _far_apart(first: float, second: float) -> bool:
    """Return whether two means differ so much that the distributions need not be compared."""
    near, far = sorted([abs(first), abs(second)])
    return first * second < 0 or far > 2 * near
