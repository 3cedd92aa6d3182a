"""What the reference has next to none of: nulls, values beyond its range, categories it does not know.

With j such rows among N a night of n rows shows k or more with probability I(k, j + c) at n / (n + N): the regularised
incomplete beta function, the tail of the predictive distribution of a rate that is known from counting alone. c = 1/2
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
    """Return how far a count is past what is likely, as a share of the limit at level alpha, on the normal scale.

    Parameters
    ----------
    seen, rows : ndarray
        Such rows on the night, of how many.
    before, reference_rows : ndarray
        Such rows in the reference (prior included), of how many.

    Examples
    --------
    As many rows as the reference has, four of them beyond its range: (1/2)^4 = .0625, just the limit at that level.

    >>> four, hundred = np.array([4.0]), np.array([100.0])
    >>> rare_strain(four, hundred, np.array([1.0]), hundred, 0.0625).round(6).tolist()
    [1.0]
    """
    from scipy.special import betainc, ndtri

    share = rows / np.maximum(rows + reference_rows, 1.0)
    some = seen > 0
    chance = np.ones(len(seen))
    chance[some] = betainc(seen[some], before[some], share[some])
    return np.asarray(np.maximum(ndtri(np.clip(chance, 1e-300, 0.5)) / ndtri(alpha), 0.0))
