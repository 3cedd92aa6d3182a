"""How far every statistic of a night has moved and how far it may, all columns at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.faults.rare_values import rare_strain
from tasks.drift.measures.measured_window import WindowAtLevel
from tasks.drift.measures.monitored_statistics import StatisticValues
from tasks.drift.measures.score_layout import LEVEL, ScoreLayout
from tasks.drift.noise_model import normal_quantile

# A mean place of u moves by this much less than the values do: a shift of one standard deviation moves the mean of u by
# 1 / (2 sqrt(pi)) = .28 of a normal column, and u, being uniform, has a standard deviation of 1 / sqrt(12) = .29.
SCALE_OF_U = 12**0.5


def drift_statistics(night: WindowAtLevel) -> StatisticValues:
    """Return every statistic of a night in the order of `Tested`; those of slices are `local_moves`."""
    parts = (_means(night), _shapes(night), _outside(night), _unknown(night))
    return StatisticValues(
        np.concatenate([each.distance for each in parts]),
        np.concatenate([each.leeway for each in parts]),
        np.concatenate([each.direction for each in parts]),
    )


def units(layout: ScoreLayout) -> FloatArray:
    """Return by what a feature's shift is multiplied to be read: standard deviations for numbers, shares else."""
    return np.where(layout.statistic == LEVEL, SCALE_OF_U, 1.0)


def _means(night: WindowAtLevel) -> StatisticValues:
    """Return the level of numbers and the nulls of every column."""
    layout, unit, nulls = night.layout, units(night.layout), night.tested.nulls
    limit = np.maximum(night.leeway * unit, night.effect)
    counted = rare_strain(
        night.found.sums[nulls],
        night.found.rows[nulls],
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
    """Return the shares of cells of every column together, by Pearson's chi-squared distance: the sum of (q - p)^2 / p.

    Sampling noise has k - 1 directions, the swing from day to day may have a single one, in which all cells move
    together; that one has the widest tail and is assumed.
    """
    tested, shift = night.tested, night.shift
    cells, share = tested.cells, tested.share
    swung = night.quiet.quantiles(night.alpha) * shift.swing
    plain = np.hypot(normal_quantile(night.alpha) * shift.noise, swung)[cells]
    moved = shift.shift[cells] * plain / night.leeway[cells]  # less what skewness explains
    squares, noise, swing, distance = (
        np.bincount(tested.owner, each, minlength=len(night.layout.names)).astype(np.float64)[tested.shaped]
        for each in (
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
    """Return the share of rows beyond the reference's range; they must also carry the mean by the effect size.

    Where the level swings from day to day, by more than that: a range that ends abruptly swings with it.
    They are looked at twice: how many there are, whatever the distribution, and how many are far beyond, where the tail
    of the reference says how few reach so far (Weissman, J. American Statistical Association 73, 1978).
    """
    layout, found, level = night.layout, night.found, night.tested.level
    rows, known = found.rows[level], layout.rows[level]
    ones = np.ones(len(level))
    alpha, known = night.alpha / 4, np.maximum(known, 1.0)  # two sides, two looks
    looks = [rare_strain(each, rows, ones, known, alpha) for each in (found.below, found.above)]
    with np.errstate(over="ignore"):  # a value without bounds is far beyond any power that counts
        times_rarer = np.minimum(found.far_ratio**layout.tails, 1e12)
    looks += [
        rare_strain(far, rows, ones, known * times, alpha) for far, times in zip(found.far, times_rarer, strict=True)
    ]
    swing = (night.quiet.quantiles(night.alpha) * night.shift.swing)[level] * SCALE_OF_U
    strain = np.minimum(np.max(looks, axis=0), found.excess / np.maximum(night.effect, swing))
    share = (found.below + found.above) / np.maximum(rows, 1.0)
    return StatisticValues(share, _over(share, strain, 1.0), np.where(found.above >= found.below, 1, -1))


def _unknown(night: WindowAtLevel) -> StatisticValues:
    """Return the share of rows in categories the reference does not know."""
    found, tested = night.found, night.tested
    strain = rare_strain(found.unknown, found.named, tested.singles, tested.named, night.alpha)
    share = found.unknown / np.maximum(found.named, 1.0)
    strain = np.minimum(strain, share / night.effect)
    limit = np.maximum(_over(share, strain, night.effect), night.effect)
    return StatisticValues(share, limit, np.ones(len(share), dtype=np.int64))


def _over(distance: FloatArray, strain: FloatArray, without: float) -> FloatArray:
    """Return the leeway of which a distance is such a strain; `without` where there is none."""
    found = np.full(len(distance), without)
    np.divide(distance, strain, out=found, where=strain > 0)
    return found
