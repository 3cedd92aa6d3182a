"""The yardstick: what one statistic of one column does while nothing is wrong.

Two things move a statistic on a quiet night. Sampling noise shrinks with the rows; the day-to-day swing does not:
weekdays, campaigns, one branch that reports late. The swing is taken from the reference's own periods, each against all
others (leave one out, so that no period is compared with itself):

    swing^2 = mean over periods of (distance^2 - expected noise of that many rows ^2), at least 0

Taking the noise out by moments keeps it from being counted twice (DerSimonian and Laird, Controlled Clinical Trials 7,
1986). A new window then swings past t * swing with probability alpha, t being Student's two-sided quantile with one
degree of freedom less than periods: few periods know their swing badly and need room. No factor for the new window is
needed: a period against the k - 1 others varies by k/(k-1), a window against all k by (k+1)/k, which is less. Fewer
than five periods are taken for five, else the leeway would be without bound; one period has no swing.

Periods must be as long as the windows they judge: a day swings more than a week.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.drift.distances import Distance, null_share, total_variation, wasserstein
from tasks.drift.noise import Noise, effective_rows, null_share_noise, total_variation_noise, wasserstein_noise
from tasks.profiles import CategoryProfile, ColumnProfile

FEWEST_PERIODS = 5


@dataclass(frozen=True, slots=True)
class Statistic:
    """A distance that is watched, the noise it has, and which rows it rests on."""

    name: str
    distance: Distance
    noise: Callable[[ColumnProfile], Noise]
    rows: Callable[[ColumnProfile], int]


def _present(column: ColumnProfile) -> int:
    return column.present


def _rows(column: ColumnProfile) -> int:
    return column.rows


WASSERSTEIN = Statistic("wasserstein", wasserstein, wasserstein_noise, _present)
TOTAL_VARIATION = Statistic("total_variation", total_variation, total_variation_noise, _present)
NULL_SHARE = Statistic("null_share", null_share, null_share_noise, _rows)


def statistics_of(column: ColumnProfile) -> tuple[Statistic, ...]:
    """Return the statistics watched on a column."""
    return (TOTAL_VARIATION if isinstance(column, CategoryProfile) else WASSERSTEIN, NULL_SHARE)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A statistic's noise and swing.

    Parameters
    ----------
    statistic : Statistic
        What is measured.
    noise : Noise
        Its sampling noise.
    swing : float
        Root mean square day-to-day distance beyond noise, in the statistic's unit.
    periods : int
        How many periods the swing was seen over.
    reference_rows : int
        Rows of the reference that the statistic rests on.
    """

    statistic: Statistic
    noise: Noise
    swing: float
    periods: int
    reference_rows: int

    def leeway(self, rows: int, alpha: float, effect: float) -> float:
        """Return how far `rows` new rows may move: the largest of effect, noise and swing.

        The swing of a window holds that window's own noise; the two are independent, so their squares add.
        """
        effective = effective_rows(rows, self.reference_rows)
        if not effective:
            return effect
        floor = self.noise.limit(effective, alpha)
        return max(effect, math.hypot(floor, self._swing_limit(alpha)))

    def _swing_limit(self, alpha: float) -> float:
        if self.swing <= 0:
            return 0.0
        from scipy.special import stdtrit

        return float(stdtrit(max(self.periods, FEWEST_PERIODS) - 1, 1 - alpha / 2)) * self.swing


def yardstick(
    statistic: Statistic, total: ColumnProfile, pairs: Sequence[tuple[ColumnProfile, ColumnProfile]]
) -> Yardstick:
    """Return the yardstick of one statistic.

    Parameters
    ----------
    statistic : Statistic
        What is measured.
    total : NumberProfile or CategoryProfile
        The whole reference's column.
    pairs : sequence of (period, rest)
        Each period's column beside that of all other periods.
    """
    noise = statistic.noise(total)
    squares = []
    for period, rest in pairs:
        effective = effective_rows(statistic.rows(period), statistic.rows(rest))
        if effective:
            squares.append(statistic.distance(rest, period) ** 2 - noise.mean(effective) ** 2)
    swing = math.sqrt(max(sum(squares) / len(squares), 0.0)) if squares else 0.0
    return Yardstick(statistic, noise, swing, len(squares), statistic.rows(total))
