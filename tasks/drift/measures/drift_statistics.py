"""The drift statistics of a window: how far each has moved, and its leeway, for all columns at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.faults.rare_values import rare_strain
from tasks.drift.measures.measured_window import WindowAtLevel
from tasks.drift.measures.monitored_statistics import StatisticValues
from tasks.drift.measures.score_layout import LEVEL, NULLS, ScoreLayout
from tasks.drift.quantiles import normal_quantile

# The mean rank u moves less than the values: a shift of one standard deviation moves it by 1 / (2 sqrt(pi)) = .28 for a
# normal column, and u, being uniform, has a standard deviation of 1 / sqrt(12) = .29.
SCALE_OF_U = 12**0.5


def drift_statistics(night: WindowAtLevel) -> StatisticValues:
    """Return every statistic of a night in the order of `Tested`; those of slices are `local_moves`."""
    parts = (_means(night), _shapes(night), _outside(night), _unknown(night))
    return StatisticValues(
        np.concatenate([part.distance for part in parts]),
        np.concatenate([part.leeway for part in parts]),
        np.concatenate([part.direction for part in parts]),
    )


def units(layout: ScoreLayout) -> FloatArray:
    """Return the factor from a feature's shift to its reported unit: standard deviations for numbers, else shares."""
    return np.where(layout.statistic == LEVEL, SCALE_OF_U, 1.0)


def effects(layout: ScoreLayout, effect: float) -> FloatArray:
    """Return the smallest shift that matters of every feature, in its reported unit."""
    return np.where(layout.statistic == NULLS, rise_that_matters(layout.mean, effect), effect)


def rise_that_matters(share: FloatArray, effect: float) -> FloatArray:
    """Return the rise of a share of nulls that is as large an effect as a rise from one half by `effect`.

    The size of an effect on a share is the difference of 2 arcsin(sqrt(share)) (h; J. Cohen, Statistical Power Analysis
    for the Behavioral Sciences, 1988, chapter 6): a smaller rise of rare nulls matters as much.

    Examples
    --------
    arcsin(sqrt(1/2)) + 1/10 is that of .599; sin(1/10)^2 is .01, and sin(arcsin(1/10) + 1/10)^2 is .04.

    >>> rise_that_matters(np.array([0.5, 0.0, 0.01]), 0.1).round(3).tolist()
    [0.099, 0.01, 0.03]
    """
    angle = np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0)))
    return np.asarray(np.maximum(np.sin(np.minimum(angle + effect, np.pi / 2)) ** 2 - share, np.finfo(float).tiny))


def _means(night: WindowAtLevel) -> StatisticValues:
    """Return the level of numbers and the nulls of every column."""
    layout, unit, nulls = night.layout, units(night.layout), night.tested.nulls
    limit = np.maximum(night.leeway * unit, effects(layout, night.effect))
    counted = rare_strain(
        night.means.sums[nulls],
        night.means.rows[nulls],
        night.tested.nulls_before,
        layout.rows[nulls],
        night.alpha,
    )
    distance = np.abs(night.shift.shift) * unit
    rises = night.shift.shift[nulls] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        by_count = np.where(rises & (counted > 0), distance[nulls] / counted, limit[nulls])
    limit[nulls] = np.maximum(limit[nulls], by_count)
    means = night.tested.means
    return StatisticValues(distance[means], limit[means], np.sign(night.shift.shift[means]).astype(np.int64))


def _shapes(night: WindowAtLevel) -> StatisticValues:
    """Return the shape of every column: Pearson's chi-squared distance of its cells, the sum of (q - p)^2 / p.

    Sampling noise has k - 1 directions. The swing from day to day may have a single one, in which all cells move
    together; it has the widest tail and is assumed.
    """
    tested, shift = night.tested, night.shift
    cells, share = tested.cells, tested.share
    swung = night.noise_model.quantiles(night.alpha) * shift.swing
    unskewed = np.hypot(normal_quantile(night.alpha) * shift.noise, swung)[cells]
    moved = shift.shift[cells] * unskewed / night.leeway[cells]  # without the part that skewness explains
    squares, noise, swing, distance = (
        np.bincount(tested.owner, values, minlength=len(night.layout.names)).astype(np.float64)[tested.shaped]
        for values in (
            moved**2 / share,
            shift.noise[cells] ** 2 / share,
            swung[cells] ** 2 / share,
            np.abs(shift.shift[cells]) / 2,
        )
    )
    # noise^2 / p sums to k - 1 parts of (1 - p) each: a degree of freedom has its mean
    critical = np.array([_chi_squared(degrees, night.alpha) for degrees in tested.degrees.tolist()])
    strain = np.sqrt(squares / (noise / tested.degrees * critical + swing))
    leeway = np.maximum(night.effect, _over(distance, strain, night.effect))
    return StatisticValues(distance, leeway, np.zeros(len(distance), dtype=np.int64))


@lru_cache(maxsize=1024)
def _chi_squared(degrees: int, alpha: float) -> float:
    from scipy.special import chdtri

    return float(chdtri(degrees, alpha))


def _outside(night: WindowAtLevel) -> StatisticValues:
    """Return the share of rows beyond the range of the reference; they must also move the mean by the effect size.

    Where the level swings from day to day, they must move it by more than the swing, because a range that ends abruptly
    moves with it. Two counts are tested: all rows beyond the range, whatever the distribution, and those far beyond it,
    which the tail of the reference makes rare (Weissman, J. American Statistical Association 73, 1978).
    """
    layout, means, level = night.layout, night.means, night.tested.level
    rows, reference_rows = means.rows[level], layout.rows[level]
    ones = np.ones(len(level))
    alpha, reference_rows = night.alpha / 4, np.maximum(reference_rows, 1.0)  # two sides, two counts
    strains = [rare_strain(count, rows, ones, reference_rows, alpha) for count in (means.below, means.above)]
    with np.errstate(over="ignore"):  # a value without bounds is far beyond any power that counts
        times_rarer = np.minimum(means.far_ratio**layout.tails, 1e12)
    strains += [
        rare_strain(far, rows, ones, reference_rows * times, alpha)
        for far, times in zip(means.far, times_rarer, strict=True)
    ]
    swing = (night.noise_model.quantiles(night.alpha) * night.shift.swing)[level] * SCALE_OF_U
    strain = np.minimum(np.max(strains, axis=0), means.excess / np.maximum(night.effect, swing))
    share = (means.below + means.above) / np.maximum(rows, 1.0)
    return StatisticValues(share, _over(share, strain, 1.0), np.where(means.above >= means.below, 1, -1))


def _unknown(night: WindowAtLevel) -> StatisticValues:
    """Return the share of rows in categories that the reference does not have."""
    means, tested = night.means, night.tested
    strain = rare_strain(means.unknown, means.named, tested.singles, tested.named, night.alpha)
    share = means.unknown / np.maximum(means.named, 1.0)
    strain = np.minimum(strain, share / night.effect)
    limit = np.maximum(_over(share, strain, night.effect), night.effect)
    return StatisticValues(share, limit, np.ones(len(share), dtype=np.int64))


def _over(distance: FloatArray, strain: FloatArray, without: float) -> FloatArray:
    """Return the leeway for which a distance has the given strain; `without` where the strain is 0."""
    leeway = np.full(len(distance), without)
    np.divide(distance, strain, out=leeway, where=strain > 0)
    return leeway
