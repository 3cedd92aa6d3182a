"""How strongly labels, with their predictions, speak for a fault and not for a change of the world."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.records import Bounded
from tasks.statistics import RESIDUALS

HALF = 0.5


def is_restored(factor: float, rows: pd.DataFrame, metric: str, promised: Bounded) -> bool:
    """Return whether a factor explains the bias of labels: in their old unit they fit the predictions as promised.

    All days are looked at together that the factor brings nearer to the promise. Of few rows, as of a single day, many
    factors seem to fit; a change of the world is the same on all days, so that together they refute a factor.

    Parameters
    ----------
    factor : float
        What the labels were multiplied by.
    rows : DataFrame
        `event_date`, `label` and `prediction` of all days of the new regime.
    metric : str
        The project's.
    promised : Bounded
        The bias, on the metric's scale.

    Examples
    --------
    Labels of 1.609 times the predictions are restored by it, those of 1.5 times are not.

    >>> from datetime import date
    >>> rows = pd.DataFrame({"event_date": [date(2026, 1, 1)] * 50, "prediction": [9.0, 11.0] * 25})
    >>> bias = Bounded(5.0, 4.9, 5.1, expected=0.0, leeway=0.2)
    >>> [is_restored(1.609, rows.assign(label=10.0 * f), "mean_absolute_error", bias) for f in (1.609, 1.5)]
    [True, False]
    """
    truth, answer = (rows[name].to_numpy(np.float64) for name in ("label", "prediction"))
    given, restored = (RESIDUALS[metric](labels, answer) for labels in (truth, truth / factor))
    has_both = np.isfinite(given) & np.isfinite(restored)
    given, restored = given[has_both], restored[has_both]
    codes = pd.factorize(rows["event_date"].to_numpy()[has_both])[0]
    counts = np.maximum(np.bincount(codes), 1)
    off = [abs(np.bincount(codes, weights=each) / counts - promised.expected) for each in (given, restored)]
    nearer = (off[1] < off[0])[codes]
    return bool(nearer.any()) and restoration_factor(restored[nearer], float(given[nearer].mean()), promised) > 0


def restoration_factor(residuals: FloatArray, given: float, promised: Bounded) -> float:
    """Return the logarithm of the Bayes factor of a bias that is as promised again, against one that moved freely.

    A promised bias may be off by half of its leeway, as one standard deviation. One that moved freely may be anywhere
    within what the factor moved: from the bias of the labels as given to that of the restored ones. Both are normal, as
    in `tasks.drift.faults.unit_change.exactness`.

    Examples
    --------
    Restored residuals of mean 0 where 0 was promised, and a factor that moved them by 3, speak for the factor; those
    that are still off by 1, with a standard error of .1 and a leeway of .2, speak against it.

    >>> near, far = np.array([-1.0, 1.0] * 50), np.array([0.0, 2.0] * 50)
    >>> promised = Bounded(3.0, 2.9, 3.1, expected=0.0, leeway=0.2)
    >>> round(restoration_factor(near, 3.0, promised), 2), round(restoration_factor(far, 4.0, promised), 2)
    (3.06, -21.89)
    """
    noise = residuals.var() / len(residuals) + (promised.leeway / 2) ** 2
    if not noise:
        return math.inf if residuals.mean() == promised.expected else -math.inf
    free = (given - residuals.mean()) ** 2 + noise
    off = (residuals.mean() - promised.expected) ** 2
    return float(np.log(free / noise) - off / noise + off / free) / 2


def exchange_factor(wrong: int, rows: int, usual: float) -> float:
    """Return the logarithm of the Bayes factor of two classes with each other's name, against a change of the world.

    With exchanged names a share 1 - `usual` of the answers is wrong. A world that changes makes a model worthless at
    worst: any share up to a half, each as likely.

    Parameters
    ----------
    wrong, rows : int
        Rows with an answer of the other class, and all rows.
    usual : float
        The share of wrong answers before, above 0; from a half on nothing can be said.

    Examples
    --------
    Of 2 wrong among 2, where a tenth was wrong before: .9^2 against 2 (1/2)^3 / 3 = 1/12, which is 9.7 times as likely.

    >>> round(math.exp(exchange_factor(2, 2, 0.1)), 1), exchange_factor(4, 10, 0.1) < 0, exchange_factor(9, 9, 0.5)
    (9.7, True, -inf)
    """
    from scipy.special import betaln
    from scipy.stats import beta

    if usual >= HALF:
        return -math.inf
    exchanged = wrong * math.log1p(-usual) + (rows - wrong) * math.log(usual)
    shape = wrong + 1, rows - wrong + 1
    return exchanged - math.log(2) - float(betaln(*shape)) - float(beta.logcdf(HALF, *shape))
