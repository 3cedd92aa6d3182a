"""How much the periods of a reference vary beyond sampling noise: the dispersion of each feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray

FEWEST_DEGREES = 4.0  # fewer than five periods count as five, because there would be no bound otherwise
ENOUGH_TO_SHARE = 10  # features from which a common dispersion can be estimated
MOSTLY_SWING = 2.0  # dispersion: as much swing as noise
JUDGED_BY_MEAN = 5.0  # rows of a cell in a period


@dataclass(frozen=True, slots=True, eq=False)
class ScoreMoments:
    """Moments of the score of one row in the reference, by feature: mean, variance, skewness, excess kurtosis."""

    mean: FloatArray
    variance: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PeriodScatter:
    """The variation of periods that their dates do not explain.

    `residuals` are in units of sampling noise; `left` are degrees of freedom, `counted` those left after
    autocorrelation; `hidden` is the factor by which the mean of autocorrelated periods hides their swing, `usual_rows`
    the rows of a period.
    """

    residuals: FloatArray
    left: FloatArray
    counted: FloatArray
    hidden: FloatArray
    usual_rows: FloatArray


def dispersion_of(scatter: PeriodScatter, row: ScoreMoments, kinds: IntArray | None) -> tuple[FloatArray, FloatArray]:
    """Return the dispersion of each feature, shrunk towards the common one, and its degrees of freedom."""
    seen = (scatter.residuals**2).sum(axis=0) / scatter.left
    own = seen + np.maximum(seen - 1, 0) * (scatter.hidden - 1)  # noise has no correlation that hides it
    counted = scatter.counted * 2 / (2 + np.maximum(row.kurtosis, 0) / np.median(scatter.usual_rows))
    judged = np.minimum(row.variance * 4, 1) * scatter.usual_rows > JUDGED_BY_MEAN
    common, weight = _common(own[judged], counted[judged])
    pull = 1.0 if np.isinf(weight) else weight / (weight + counted)
    drawn = pull * common + (1 - pull) * own
    standard = scatter.residuals / np.sqrt(np.maximum(own, 1e-300))
    heavy = _degrees_of_tail(standard, drawn, kinds) if kinds is not None else np.inf
    return drawn, np.clip(np.minimum(counted + weight, heavy), FEWEST_DEGREES, 1e6).round(1)


def _degrees_of_tail(standard: FloatArray, dispersion: FloatArray, kinds: IntArray) -> FloatArray:
    """Return for each feature the degrees of freedom of the t distribution that has the kurtosis of its kind's swing.

    t with v degrees has an excess kurtosis of 6 / (v - 4). Sampling noise hides part of the kurtosis. A kind is
    estimated from the features in which at least half of the variation is swing, and only where the kurtosis is two
    standard errors above that of the normal distribution, 24 / n (Fisher, 1930).
    """
    tail_degrees = np.full(standard.shape[1], np.inf)
    for kind in np.unique(kinds):
        swung = (kinds == kind) & (dispersion > MOSTLY_SWING) & (standard != 0).any(axis=0)
        residuals = standard[:, swung]
        if swung.sum() < FEWEST_DEGREES:
            continue
        swing_part = (dispersion[swung] / (dispersion[swung] - 1)) ** 2
        excess = float(
            ((residuals**4).mean(axis=0) / (residuals**2).mean(axis=0) ** 2 - 3)
            @ (1 / swing_part)
            / (1 / swing_part**2).sum()
        )
        if excess > 2 * np.sqrt(24 / residuals.size):
            tail_degrees[kinds == kind] = 4 + 6 / excess
    return tail_degrees


def _common(dispersion: FloatArray, degrees: FloatArray) -> tuple[float, float]:
    """Return the common dispersion of the features, and its prior degrees of freedom (Smyth's moments)."""
    from scipy.special import digamma, polygamma

    usable = (dispersion > 0) & (degrees > 1)
    if usable.sum() < ENOUGH_TO_SHARE:
        return 1.0, 0.0
    half = degrees[usable] / 2
    logs = np.log(dispersion[usable]) - digamma(half) + np.log(half)
    spread = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if spread <= 0:
        return float(np.exp(logs.mean())), np.inf
    prior = _inverse_trigamma(spread)
    return float(np.exp(logs.mean() + digamma(prior) - np.log(prior))), 2 * prior


def _inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = value, by Newton's method (Smyth 2004, appendix).

    Trigamma of 1 is pi^2 / 6.

    >>> round(_inverse_trigamma(np.pi**2 / 6), 6)
    1.0
    """
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        step = float(polygamma(1, x) * (1 - polygamma(1, x) / value) / polygamma(2, x))
        x += step
        if abs(step) < 1e-9 * x:
            break
    return x
