"""Upper and lower bounds of a share, and of a mean of values from 0 to 1, of any distribution."""

from __future__ import annotations

import math

from tasks.arrays import FloatArray

FEWEST = 2  # rows: one has no variance


def share_upper(count: int, rows: int, confidence: float) -> float:
    """Return the one-sided upper bound of a share, of which `count` of `rows` independent rows were counted.

    Notes
    -----
    C. Clopper and E. Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26(4): the share p at which `count` or fewer have the probability 1 - confidence.

    Examples
    --------
    None of 100: (1 - p)^100 = .01, so p = 1 - .01^(1 / 100) = .045.

    >>> round(share_upper(0, 100, confidence=0.99), 4)
    0.045
    >>> share_upper(100, 100, confidence=0.99), share_upper(0, 0, confidence=0.99)
    (1.0, 1.0)
    """
    from scipy.special import betaincinv

    return 1.0 if count >= rows else float(betaincinv(count + 1, rows - count, confidence))


def mean_margin(values: FloatArray, confidence: float) -> float:
    """Return how far the true mean of independent values from 0 to 1 is above their mean, at most, by the confidence.

    It is as far below at most, with the same confidence.

    Notes
    -----
    A. Maurer and M. Pontil (2009), Empirical Bernstein bounds and sample variance penalization, COLT, theorem 4:
    sqrt(2 V log(2 / d) / n) + 7 log(2 / d) / (3 (n - 1)) for a confidence of 1 - d and the sample variance V.

    Examples
    --------
    Without variance, the second term is left: 7 log(200) / (3 x 699) = .0177.

    >>> import numpy as np
    >>> round(mean_margin(np.full(700, 0.5), confidence=0.99), 4)
    0.0177
    """
    if len(values) < FEWEST:
        return 1.0
    weight = math.log(2 / (1 - confidence))
    spread = math.sqrt(2 * float(values.var(ddof=1)) * weight / len(values))
    return spread + 7 * weight / (3 * (len(values) - 1))
