"""The cumulative chart: finds the creep that no single night shows.

Each night's standardised value z is added up, less an allowance k that quiet nights do not use up:

    high = max(0, high + z - k),  low = max(0, low - z - k);  an alarm when either passes h

k = 1/2 is the choice that finds a lasting shift of one standard unit fastest (Page, Biometrika 41, 1954; Lucas and
Crosier, Technometrics 24, 1982). h comes from the nights between false alarms, the in-control run length L, by
Siegmund's approximation for one side (Sequential Analysis, 1985; Montgomery, Statistical Quality Control, section 9.1):

    L = (exp(2 k b) - 2 k b - 1) / (2 k^2),  b = h + 1.166

Both sides watch, each half as often: their one-sided run length is 2 L. A value counts at most `FARTHEST_Z` either
way: a shock is one night's matter and must not look like creep, which takes several nights.

The reference's mean is itself known only to about 1/sqrt(its periods) standard units, and every night is measured from
the same mean: the error adds up as creep does (Jones, Champ and Rigdon, J. Quality Technology 36, 2004). So the
allowance grows by one standard error, 1/sqrt(periods), h staying as it is. Simulated at L = 2,000 with 8 and 25
periods, .16 and .12 of the charts alarm within 400 nights where .18 are promised; without it .63 and .45 do. The
standard unit is estimated too; below some ten periods the run length is only approximate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.errors import DataError

ALLOWANCE = 0.5
OVERSHOOT = 1.166
FARTHEST_Z = 3.0


def threshold(run_length_nights: float, allowance: float = ALLOWANCE) -> float:
    """Return h: how high either side may climb when false alarms are `run_length_nights` apart on average.

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
        raise DataError(f"a run length of {run_length_nights} nights was found; more than 1 was expected")
    low, high = OVERSHOOT, 2 * OVERSHOOT
    while _run_length_nights(high, allowance) < 2 * run_length_nights:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        too_short = _run_length_nights(middle, allowance) < 2 * run_length_nights
        low, high = (middle, high) if too_short else (low, middle)
    return max(high - OVERSHOOT, 0.0)


@dataclass(frozen=True, slots=True)
class Cusum:
    """A two-sided cumulative chart after some nights.

    Parameters
    ----------
    threshold : float
        h, the height that is an alarm, in standard units.
    allowance : float
        k, taken off every night, in standard units.
    high, low : float
        How far the upper and the lower side have climbed.

    Examples
    --------
    Three nights of +2 climb 1.5 each; the lower side stays down.

    >>> chart = Cusum(threshold=4.0)
    >>> for z in (2.0, 2.0, 2.0):
    ...     chart = chart.after(z)
    >>> chart.high, chart.low, chart.creeps
    (4.5, 0.0, True)
    """

    threshold: float
    allowance: float = ALLOWANCE
    high: float = 0.0
    low: float = 0.0

    def after(self, z: float) -> Cusum:
        """Return the chart after one more night; a night without a value (nan) changes nothing."""
        if math.isnan(z):
            return self
        bounded = min(max(z, -FARTHEST_Z), FARTHEST_Z)
        return replace(
            self,
            high=max(0.0, self.high + bounded - self.allowance),
            low=max(0.0, self.low - bounded - self.allowance),
        )

    @property
    def creeps(self) -> bool:
        """Whether either side is past the threshold."""
        return bool(max(self.high, self.low) > self.threshold)


def creep(history: Sequence[float], *, run_length_nights: float, reference_periods: int | None = None) -> bool:
    """Tell whether nights since training add up to a lasting shift, as of the newest.

    Parameters
    ----------
    history : sequence of float
        One standardised signed value a night, oldest first, about normal(0, 1) while nothing is wrong: see
        `tasks.drift.standard_shift`. Nights must not overlap: a chart adds up what is new, so it takes single nights,
        not sliding windows.
    run_length_nights : float
        Nights between false alarms of this one chart: nights a year times charts, over false alarms a year.

    reference_periods : int, optional
        Periods the reference was taken from, at least 1; left out, its mean is taken as known exactly.

    Raises
    ------
    DataError
        The run length is not above 1 night, or there is no period.

    Examples
    --------
    A run length of 1,000 nights gives a threshold of 5.8; +1 a night climbs by 0.5 and passes it on the twelfth night.

    >>> creep([1.0] * 11, run_length_nights=1000), creep([1.0] * 12, run_length_nights=1000)
    (False, True)

    Over 25 periods the mean is known to .2, and the same nights climb by only .3.

    >>> [creep([1.0] * nights, run_length_nights=1000, reference_periods=25) for nights in (19, 20)]
    [False, True]
    """
    if reference_periods is not None and reference_periods < 1:
        raise DataError(f"{reference_periods} reference periods were given; at least 1 was expected")
    error = 1 / math.sqrt(reference_periods) if reference_periods else 0.0
    chart = Cusum(threshold(run_length_nights), ALLOWANCE + error)
    for z in history:
        chart = chart.after(z)
    return chart.creeps


def _run_length_nights(b: float, allowance: float) -> float:
    exponent = min(2 * allowance * b, 700.0)
    return (math.exp(exponent) - exponent - 1) / (2 * allowance**2)
