"""What wrong decisions between two classes cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tasks.arrays import FloatArray


def decision_costs(
    truth: npt.ArrayLike, decision: npt.ArrayLike, false_positive: float, false_negative: float
) -> FloatArray:
    """Return the cost of each decision; NaN where the truth or the decision is not known.

    Parameters
    ----------
    truth, decision : array, shape (n,)
        The class of each row, and the one that was decided for: 0 or 1.
    false_positive, false_negative : float
        The cost of a wrong decision for class 1, and for class 0, in one currency.

    Examples
    --------
    A false alarm costs 15, a miss 150, a right decision nothing:

    >>> decision_costs([0, 1, 1, 0, float("nan")], [1, 0, 1, 0, 1], 15, 150).tolist()
    [15.0, 150.0, 0.0, 0.0, nan]
    """
    happened, decided = np.asarray(truth, dtype=np.float64), np.asarray(decision, dtype=np.float64)
    wrong = np.where(decided > happened, false_positive, np.where(decided < happened, false_negative, 0.0))
    return np.where(np.isnan(happened) | np.isnan(decided), np.nan, wrong)
