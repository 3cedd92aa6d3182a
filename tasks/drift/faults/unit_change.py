"""Units: recognises values that are what they were, in another unit of measure.

Factors are those between units people mix up: powers of ten (metric prefixes, cents, per cent), time, and the customary
units of length, area, mass, volume and temperature (NIST Special Publication 811, appendix B).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.arrays import FloatArray
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
    "1.609 x (mile, kilometre)": 1.609344,
    "10.76 x (square metre, square foot)": 1 / 0.3048**2,
    "2.205 x (kilogram, pound)": 1 / 0.45359237,
    "3.785 x (gallon, litre)": 3.785411784,
    "4.184 x (calorie, joule)": 4.184,
    "3.6 x (metre a second, kilometre an hour)": 3.6,
    "1,024 x": 1024.0,
}
FEWEST = 2  # values; rows alone are the contract's matter
GREAT = 10.0  # a column of both signs may double its spread by itself, hardly multiply it by this
EXPLAINED = 0.75  # of the gap: what a small factor must explain, since a population that moved looks much like it
KOLMOGOROV = 1.63  # asymptotic quantile of the Kolmogorov distribution at .99 (Smirnov, 1948)
ROUNDING = 1 + 1e-9
FEW = 8  # values whose shares mostly tell already that two columns are apart
WHOLE = 0.5  # below that share the values in another unit are a minority among the rest


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A recognised change of unit: factor, in words, and the share of values it happened to (1 is all)."""

    factor: float
    words: str
    share: float


def find_unit_change(before: NumberProfile, now: NumberProfile, *, partly: bool = True) -> UnitChange | None:
    """Return the change of unit that explains a column: of all its values or, `partly`, of those beyond its range."""
    known, now_values = weighted_values(before), weighted_values(now)
    if not len(known.places) or now.present < FEWEST:
        return None
    whole = _best(known, now_values, partly=False) if distributions_differ(known, now_values) else None
    if whole is not None:
        return UnitChange(*whole, share=1.0)
    if not partly:
        return None
    outside = now_values.where(known.beyond(now_values.places))
    if outside.rows < FEWEST or outside.rows > WHOLE * now.present:
        return None
    part = _best(known, outside, partly=True)
    return None if part is None else UnitChange(*part, share=outside.rows / now.present)


@dataclass(frozen=True, eq=False)
class WeightedValues:
    """Values in ascending order, in the data's units, and the rows of each."""

    places: FloatArray
    weights: FloatArray

    @cached_property
    def rows(self) -> float:
        """Rows in all."""
        return float(self.weights.sum())

    def upto(self, places: FloatArray) -> FloatArray:
        """Return the share of rows up to each of some places."""
        return self._shares[np.searchsorted(self.places, places, side="right")]

    @cached_property
    def _shares(self) -> FloatArray:
        return np.append(0.0, np.cumsum(self.weights)) / self.rows

    def where(self, chosen: np.ndarray) -> WeightedValues:
        """Return some of the values."""
        return WeightedValues(self.places[chosen], self.weights[chosen])

    def beyond(self, values: FloatArray) -> np.ndarray:
        """Tell which values lie outside the range of these."""
        return np.asarray((values < self.places[0]) | (values > self.places[-1]))

    def mean(self) -> float:
        """Return the mean."""
        return float(self.places @ self.weights) / self.rows


def weighted_values(column: NumberProfile) -> WeightedValues:
    """Return the middle of each bin in the data's units, and its rows."""
    low, high = bin_edges(column.bins)
    return WeightedValues(column.axis.center + column.axis.scale * (low + high) / 2, column.counts.astype(np.float64))


def kolmogorov_ratio(before: WeightedValues, now: WeightedValues) -> float:
    """Return the largest gap of two cumulative shares, as a share of what chance allows once in a hundred."""
    return _gap(before, now, np.concatenate([before.places, now.places]))


def distributions_differ(before: WeightedValues, now: WeightedValues) -> bool:
    """Tell whether the distance is more than 1, from a few values where those show it.

    >>> near, far = (WeightedValues(np.arange(100.0) + shift, np.ones(100)) for shift in (0, 50))
    >>> distributions_differ(near, near), distributions_differ(near, far)
    (False, True)
    """
    return _gap(before, now, now.places[:: len(now.places) // FEW + 1]) > 1 or kolmogorov_ratio(before, now) > 1


def _gap(before: WeightedValues, now: WeightedValues, places: FloatArray) -> float:
    most = float(np.abs(before.upto(places) - now.upto(places)).max())
    return most / (KOLMOGOROV * math.sqrt(1 / before.rows + 1 / now.rows))


def _candidates() -> list[tuple[float, str, float]]:
    found = [(factor, words, 0.0) for words, factor in FACTORS.items()]
    found += [(1 / factor, f"1/{words}", 0.0) for words, factor in FACTORS.items()]
    return [*found, (1.8, "1.8 x + 32 (Celsius, Fahrenheit)", 32.0), (1 / 1.8, "(x - 32) / 1.8", -32 / 1.8)]


def _best(known: WeightedValues, now: WeightedValues, *, partly: bool) -> tuple[float, str] | None:
    """Return factor and words of the change after which values look as they did, the likeliest of all."""
    found = []
    both_signs = bool(known.places[0] < 0 < known.places[-1])
    known_mean, now_mean = known.mean(), now.mean()
    for factor, words, offset in _candidates():
        if offset == 0 and both_signs and 1 / GREAT < factor < GREAT:
            continue
        if _out_of_reach(known, (now_mean - offset) / factor):
            continue
        before = known.where(known.beyond(known.places * factor + offset)) if partly else known
        if not len(before.places):
            continue
        if _far_apart(before.mean() if partly else known_mean, (now_mean - offset) / factor):
            continue
        converted = WeightedValues((now.places - offset) / factor, now.weights)
        if distributions_differ(before, converted):
            continue
        left = kolmogorov_ratio(before, converted)
        if not partly and 1 / GREAT < factor < GREAT and left > (1 - EXPLAINED) * kolmogorov_ratio(known, now):
            continue
        found.append((left, factor, words))
    best = min(found, default=None)
    return None if best is None else (best[1], best[2])


def _out_of_reach(known: WeightedValues, mean: float) -> bool:
    """Tell whether no mean of some of the known values can be near a mean."""
    nearest, farthest = sorted([abs(float(known.places[0])), abs(float(known.places[-1]))])
    both_signs = known.places[0] <= 0 <= known.places[-1]
    return abs(mean) > 2 * farthest * ROUNDING or (not both_signs and 2 * abs(mean) * ROUNDING < nearest)


def _far_apart(first: float, second: float) -> bool:
    """Tell whether two means are so unlike that the rest need not be looked at."""
    near, far = sorted([abs(first), abs(second)])
    return first * second < 0 or far > 2 * near
