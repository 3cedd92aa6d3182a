"""Confidence intervals of a mean loss, weighted or not, and of the difference between the mean losses of two models.

Rows of one day have common causes, so differences are resampled by whole clusters (days), not by rows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tasks.arrays import FloatArray

DRAWS = 2000  # at least; more where the interval's ends are rarer than a thousandth
IN_EACH_TAIL = 20  # means beyond either end, so that the end does not depend on a single draw
MOST_DRAWS = 200_000
DRAWN_AT_ONCE = 4_000_000  # numbers held in memory: draws x clusters of one block


def mean_interval(losses: npt.ArrayLike, confidence: float) -> tuple[float, float]:
    """Return the t interval of a mean loss.

    Parameters
    ----------
    losses : array, shape (n,)
        Loss of each row.
    confidence : float
        Share of such intervals that contain the true mean, between 0 and 1.

    Returns
    -------
    (low, high) : tuple of float
        NaN when a loss is not finite or there are fewer than two rows.

    Examples
    --------
    Mean 2, standard deviation sqrt(2), standard error sqrt(2) / sqrt(2) = 1; t(0.75, 1 degree) = 1 because
    tan(pi / 4) = 1: a confidence of one half gives 2 - 1 to 2 + 1.

    >>> [round(bound, 6) for bound in mean_interval([1, 3], confidence=0.5)]
    [1.0, 3.0]
    """
    values = np.asarray(losses, dtype=np.float64)
    if values.size < 2 or not np.isfinite(values).all():  # noqa: PLR2004 - one row has no spread
        return math.nan, math.nan
    mean = float(values.mean())
    reach = t_quantile(confidence, values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
    return mean - reach, mean + reach


def paired_interval(
    challenger_losses: npt.ArrayLike,
    champion_losses: npt.ArrayLike,
    clusters: npt.ArrayLike,
    confidence: float,
    seed: int,
) -> tuple[float, float, float]:
    """Return the mean of challenger minus champion, with a paired cluster-bootstrap interval.

    Whole clusters are drawn with replacement (at least 2,000 times, as multinomial weights). Because few clusters make
    percentile intervals too short, the bounds are moved out by t / z and sqrt(C / (C - 1)) (expanded percentile).

    Parameters
    ----------
    challenger_losses, champion_losses : array, shape (n,)
        Loss of each model on the same rows, in the same order.
    clusters : array, shape (n,)
        Cluster of each row, such as the event day.
    confidence : float
        Confidence of the two-sided interval.
    seed : int
        Same seed, same interval.

    Returns
    -------
    (difference, low, high) : tuple of float
        Below zero the challenger is better. All NaN when a loss is not finite or there are no rows; the bounds are NaN
        for fewer than three clusters, from which no spread can be estimated.

    Notes
    -----
    T. Hesterberg (2015), What Teachers Should Know About the Bootstrap, The American Statistician 69(4), section 5.

    Examples
    --------
    A challenger that is better by exactly 1 on every row has no spread.

    >>> paired_interval([1, 2, 3], [2, 3, 4], clusters=["mon", "tue", "wed"], confidence=0.95, seed=0)
    (-1.0, -1.0, -1.0)
    """
    with np.errstate(invalid="ignore"):
        gaps = np.asarray(challenger_losses, dtype=np.float64) - np.asarray(champion_losses, dtype=np.float64)
    if not gaps.size or not np.isfinite(gaps).all():
        return math.nan, math.nan, math.nan
    difference = float(gaps.mean())
    sums, counts = cluster_sums(gaps, clusters)
    if sums.size < 3:  # noqa: PLR2004 - two clusters have one degree of freedom
        return difference, math.nan, math.nan
    tail = (1 - confidence) / 2
    means = _bootstrap_means(sums, counts, seed, min(MOST_DRAWS, max(DRAWS, round(IN_EACH_TAIL / tail))))
    wider = _expansion(confidence, sums.size)
    low, high = np.quantile(means, [tail, 1 - tail])
    return difference, difference - wider * (difference - float(low)), difference + wider * (float(high) - difference)


def weighted_values(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Return values with a plain mean that is the weighted mean of some values, and that has its standard error.

    A value x becomes m + w / mean(w) (x - m), with the weighted mean m. The variance of their mean is that of
    sum(w x) / sum(w) by linearisation, whatever the weights depend on: everything that is computed from plain means,
    over days, groups or pairs of models, holds for weighted ones then.

    Parameters
    ----------
    values, weights : array, shape (n,)
        Finite values; weights above 0, or None where all rows count alike.

    Notes
    -----
    D. Binder (1983), On the variances of asymptotically normal estimators from complex surveys, International
    Statistical Review 51(3).

    Examples
    --------
    1 once and 5 three times have the mean 4; the weights are 1 / 2 and 3 / 2 of their mean.

    >>> found = weighted_values(np.array([1.0, 5.0]), np.array([1.0, 3.0]))
    >>> found.tolist(), float(found.mean())
    ([2.5, 5.5], 4.0)
    """
    if weights is None or not len(values) or (weights == weights[0]).all():
        return values
    mean = np.average(values, weights=weights)
    return np.asarray(mean + weights / weights.mean() * (values - mean), dtype=np.float64)


def effective_rows(weights: FloatArray) -> float:
    """Return from how many rows of equal weight a mean is as certain as with these weights (Kish 1965).

    >>> effective_rows(np.array([2.0, 2.0])), effective_rows(np.array([1.0, 3.0]))  # 4 ** 2 / (1 + 9)
    (2.0, 1.6)
    """
    return float(weights.sum() ** 2 / (weights @ weights)) if len(weights) else 0.0


def cluster_sums(values: FloatArray, clusters: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the sum of the values and the number of rows in each cluster, in the order of their names.

    Examples
    --------
    >>> sums, counts = cluster_sums(np.array([1.0, 2.0, 5.0]), ["mon", "mon", "tue"])
    >>> sums.tolist(), counts.tolist()
    ([3.0, 5.0], [2.0, 1.0])
    """
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    return np.bincount(codes, weights=values).astype(np.float64), np.bincount(codes).astype(np.float64)


def _bootstrap_means(sums: FloatArray, counts: FloatArray, seed: int, draws: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    shares = np.full(sums.size, 1 / sums.size)
    block = max(1, min(draws, DRAWN_AT_ONCE // sums.size))
    means = np.empty(draws)
    for start in range(0, draws, block):
        stop = min(start + block, draws)
        weights = rng.multinomial(sums.size, shares, size=stop - start)
        means[start:stop] = (weights @ sums) / (weights @ counts)
    return means


def _expansion(confidence: float, clusters: int) -> float:
    normal = t_quantile(confidence, math.inf)
    return t_quantile(confidence, clusters - 1) / normal * math.sqrt(clusters / (clusters - 1))


def t_quantile(confidence: float, degrees: float) -> float:
    """Return the half-width of a two-sided t interval, in standard errors."""
    from statistics import NormalDist

    from scipy.special import stdtrit

    upper = 0.5 + confidence / 2
    return NormalDist().inv_cdf(upper) if math.isinf(degrees) else float(stdtrit(degrees, upper))
