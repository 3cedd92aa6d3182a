"""Significance of a rise of the loss when many slices are tested."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.statistics.intervals import cluster_sums


def confidence_after(confidence: float, uses: int) -> float:
    """Return the confidence level of a comparison on rows that were used for decisions before.

    The first use has the chance of error (1 - confidence) / 2 on the winning side; the k-th use after it has
    1 / (k (k + 1)) of that. As these shares sum to one, all uses together, however many, err with a chance of
    1 - confidence at most.

    Parameters
    ----------
    confidence : float
        Confidence of a first, two-sided interval.
    uses : int
        Number of earlier uses of these rows, or of some of them.

    Notes
    -----
    Alpha spending over tests of unknown number: D. Foster and R. Stine (2008), JRSS B 70(2); union bound.

    Examples
    --------
    >>> [round(confidence_after(0.95, uses), 5) for uses in range(4)]  # 0.05 over 1, 1 x 2, 2 x 3
    [0.95, 0.975, 0.99167, 0.99583]
    """
    return 1 - (1 - confidence) / max(1, uses * (uses + 1))


def p_value_of_rise(differences: npt.ArrayLike, clusters: npt.ArrayLike) -> float:
    """Return the one-sided p-value of "the mean difference is not above zero", from whole clusters.

    Parameters
    ----------
    differences : array, shape (n,)
        Loss of the new model minus loss of the old, row by row.
    clusters : array, shape (n,)
        Cluster of each row, such as the event day.

    Returns
    -------
    float
        Small when the rise is significant. NaN when a difference is not finite, or with fewer than two clusters.
        Without any spread it is 0 for a rise and 1 otherwise.

    Notes
    -----
    Cluster-robust t test: variance C / (C - 1) times the sum of squared cluster sums of (difference - mean), over n
    squared; C - 1 degrees of freedom (Liang and Zeger 1986, Biometrika 73(1)).

    Examples
    --------
    Two days, differences 1 and 3: mean 2, standard error sqrt(2 / 1 * (1 + 1) / 4) = 1, t = 2 with one degree:
    p = 1/2 - arctan(2) / pi = 0.148.

    >>> round(p_value_of_rise([1, 3], clusters=["mon", "tue"]), 3)
    0.148
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        return math.nan
    mean = float(values.mean())
    sums, _ = cluster_sums(values - mean, clusters)
    if sums.size < 2:  # noqa: PLR2004 - one cluster has no spread
        return math.nan
    error = math.sqrt(sums.size / (sums.size - 1) * float((sums**2).sum())) / values.size
    if error == 0:
        return 0.0 if mean > 0 else 1.0
    from scipy.special import stdtr

    return float(stdtr(sums.size - 1, -mean / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for multiple tests (Holm 1979); NaN counts as not tested and stays NaN.

    Examples
    --------
    Three tests: the smallest is tripled, the next doubled, the largest kept, and none is below the one before.

    >>> holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    >>> holm([0.02, 0.02])
    [0.04, 0.04]
    """
    tested = [index for index, p_value in enumerate(p_values) if not math.isnan(p_value)]
    corrected = [math.nan] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(sorted(tested, key=lambda index: p_values[index])):
        floor = max(floor, min(1.0, (len(tested) - rank) * p_values[index]))
        corrected[index] = floor
    return corrected
