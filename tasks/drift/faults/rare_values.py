"""Rare values: nulls, values beyond the range of the reference and unknown categories, judged by their counts.

With j such rows among N, a night of n rows shows k or more with probability I(k, j + c) at n / (n + N): the regularised
incomplete beta function, the tail of the predictive distribution of a rate estimated from counts. c = 1/2
is Jeffreys' prior. For the rows beyond the range on one side j = 0 and c = 1 is exact whatever the distribution: each
of the k largest among n + N rows is new with probability n / (n + N) (Wilks, 1942).
"""

from __future__ import annotations

import numpy as np

from tasks.arrays import FloatArray

JEFFREYS = 0.5


def rare_strain(
    seen: FloatArray, rows: FloatArray, before: FloatArray, reference_rows: FloatArray, alpha: float
) -> FloatArray:
    """Return the strain of a count: its normal score as a share of the limit at level alpha.

    Parameters
    ----------
    seen, rows : ndarray
        Such rows in the window, and all rows.
    before, reference_rows : ndarray
        Such rows in the reference (prior included), and all rows.

    Examples
    --------
    As many rows as the reference has, four of them beyond its range: (1/2)^4 = .0625, the limit at that level.

    >>> four, hundred = np.array([4.0]), np.array([100.0])
    >>> rare_strain(four, hundred, np.array([1.0]), hundred, 0.0625).round(6).tolist()
    [1.0]
    """
    from scipy.special import betainc, ndtri

    share = rows / np.maximum(rows + reference_rows, 1.0)
    occurs = seen > 0
    chance = np.ones(len(seen))
    chance[occurs] = betainc(seen[occurs], before[occurs], share[occurs])
    return np.asarray(np.maximum(ndtri(np.clip(chance, 1e-300, 0.5)) / ndtri(alpha), 0.0))
