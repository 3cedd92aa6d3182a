"""How far a mean over days may be from a promise by chance, on any night of a champion's life."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from tasks.arrays import FloatArray
from tasks.statistics.confidence_sequences import best_share
from tasks.statistics.day_effects import DayEffects
from tasks.statistics.day_sums import DaySums

MOST_DEVIATIONS = 100
PRECISE = 1e-12
EXPONENTIAL = 2.0  # its skewness
LEAST = np.finfo(float).tiny  # a variance of values that are all the same, so that it can be divided by


class Margins(NamedTuple):
    """How far a mean may be below a promise, and above it, by chance; both at least 0."""

    below: float
    above: float


def cohort_margins(effects: DayEffects, cohort: DaySums, promise: DaySums, looks: int, alpha: float) -> Margins:
    """Return how far the newest cohort's mean is from the promise by chance, on any of many nights.

    A cohort that moves on by a day shares all other days with the one before. The chance to pass a margin on any of the
    nights is at most that of the first night, plus the expected number of upcrossings (S. Rice 1944, Bell System
    Technical Journal 23): with a correlation r of the cohorts of neighbouring nights and a margin of u standard
    deviations, arccos(r) / (2 pi) exp(-u^2 / 2) a night; or that of all nights added up, if it is less.

    The two sides differ where days are skewed: where one row in a hundred is a fraud, a fortnight has a few more than
    expected sooner than as many fewer, and so is the mean of their losses, or of truth minus prediction. The shorter
    side counts only as far as it is sure.

    Parameters
    ----------
    looks : int
        Nights of a champion's life.
    alpha : float
        Probability that the margin of one side is passed on any of them although nothing has changed.

    Examples
    --------
    Without day effects and with a promise that is certain, one look has the margin of the normal distribution.

    >>> none = DayEffects(1.0, np.zeros(1), np.zeros(1), np.ones(1))
    >>> cohort, sure = (DaySums(np.arange(4), np.full(4, rows), np.zeros(4), np.zeros(4)) for rows in (25.0, 1e12))
    >>> [round(margin, 3) for margin in cohort_margins(none, cohort, sure, looks=0, alpha=0.025)]
    [0.196, 0.196]
    """
    from scipy.special import ndtr

    variance = np.maximum(effects.mean_variance(cohort) + effects.mean_variance(promise), LEAST)
    days = cohort.effective_days
    a_day = effects.row_variance * days / cohort.count + effects.variances * (1 - effects.correlations**days)
    turn = np.arccos(np.clip(1 - a_day / (days**2 * variance), -1.0, 1.0)) / (2 * np.pi)

    a_mean = np.maximum(effects.variances + effects.row_variance * days / cohort.count, LEAST)
    fewer = np.sqrt(np.minimum(effects.mean_variance(cohort) / a_mean, 1.0))

    def chance(margin: float, skewed: FloatArray) -> FloatArray:
        u = _normal(margin / np.sqrt(variance), skewed)
        once = ndtr(-u)
        return np.asarray(once + looks * np.minimum(turn * np.exp(-(u**2) / 2), once))

    long, short = (
        _margin(effects.probabilities, variance, partial(chance, skewed=skewness * fewer), alpha)
        for skewness in (abs(effects.skewness), effects.short_tail)
    )
    return Margins(short, long) if effects.skewness >= 0 else Margins(long, short)


def _normal(u: FloatArray, skewness: FloatArray) -> FloatArray:
    """Return the normal deviate as rare as a deviate of a skewed mean, of those above 1.

    On the side of the long tail (skewness above 0) by E. Cornish and R. Fisher (1938), Review of the International
    Statistical Institute 5. On the other side their polynomial turns round, so that there it is the deviate of a gamma
    distribution with this skewness, which has an end (E. Wilson and M. Hilferty 1931, PNAS 17(12)); for a skewness
    beyond that of the exponential distribution, it is the latter's.

    >>> _normal(np.array([3.0]), np.array([0.0])).tolist()
    [3.0]
    >>> _normal(np.array([3.5]), np.array([1.0])).tolist()  # 2.568 + (2.568^2 - 1) / 6
    [2.567764362830022]

    Skewness -1: 6 (1 - (1 - 1.5 / 2)^(1 / 3)) - 1 / 6 with .25^(1 / 3) = .63; beyond 2 / 1 there is nothing.

    >>> _normal(np.array([1.5, 9.0]), np.array([-1.0, -1.0])).round(3).tolist()
    [2.054, 9.0]
    """
    part = np.maximum(skewness / 6, 1e-9)
    long = (np.sqrt(1 + 4 * part * (u + part)) - 1) / (2 * part)
    size = np.clip(-skewness, 1e-9, EXPONENTIAL)
    short = 6 / size * (1 - np.cbrt(np.maximum(1 - size * u / 2, 0.0))) - size / 6
    skewed = np.where(skewness > 0, long, np.maximum(short, u))
    return np.where((u > 1) & (skewness != 0), skewed, u)


def lasting_margin(effects: DayEffects, span: DaySums, promise: DaySums, alpha: float) -> float:
    """Return how far the mean of all days so far is from the promise by chance, at all looks of a champion's life.

    `alpha` is the probability that the margin is ever passed on one side. It is that of both sides at `2 alpha`: a
    change that is drawn from one half of a normal distribution has at most twice the density.

    The confidence sequence of `all_looks_margin`, for dependent days: their sums follow a Brownian motion with the
    long-run variance (strong approximation; Waudby-Smith et al. 2024, section 2.4, for martingale differences and
    mixing sequences).
    """
    count = effects.row_variance, effects.long_run
    variance, at_promise = (
        np.maximum(
            count[0] * (1 / one.count + 1 / promise.count)
            + count[1] * (1 / one.effective_days + 1 / promise.effective_days),
            LEAST,
        )
        for one in (span, promise)
    )
    change = at_promise * best_share(min(2 * alpha, 0.5))

    def chance(margin: float) -> FloatArray:
        power = margin**2 / (variance * (1 + variance / change))
        return np.asarray(np.sqrt((1 + change / variance) * np.exp(-power)))

    return _margin(effects.probabilities, variance, chance, 2 * alpha)


def _margin(
    probabilities: FloatArray, variance: FloatArray, chance: Callable[[float], FloatArray], alpha: float
) -> float:
    """Return the margin that is passed with a probability of alpha, averaged over all pairs.

    It is found by Brent's method (R. Brent 1973, Algorithms for Minimization without Derivatives, chapter 4) on the
    logarithm of the probability, which is nearly a parabola. Where even the largest margin, of a hundred standard
    deviations, is passed more often, as with sums of extreme skewness, the result is that one.
    """
    from scipy.optimize import brentq

    largest = MOST_DEVIATIONS * float(np.sqrt(variance.max()))

    def excess(margin: float) -> float:
        probability = float(probabilities @ np.minimum(chance(margin), 1.0))
        return math.log(max(probability, np.finfo(float).tiny) / alpha)

    if excess(0.0) <= 0:
        return 0.0
    if excess(largest) >= 0:
        return largest
    return float(brentq(excess, 0.0, largest, xtol=PRECISE * largest, rtol=PRECISE))
