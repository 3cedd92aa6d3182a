"""Deferral: the confidence from which on rows may be decided without a person, and what is promised about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import FloatArray
from tasks.errors import DataError
from tasks.model.confidence import confidence, expected_error, fit_error_table
from tasks.model.explanations import typical_values
from tasks.model.input_matrix import input_matrix
from tasks.model.predictor import Predictor
from tasks.model.schema_parts import Deferral

TWENTIETHS = 20
STARTS = (2, 6, 10, 16)  # twentieths of the rows
HALVINGS = 40
ORDER_SEED = 0


def wrong_decisions(model: Predictor, truth: npt.ArrayLike, prediction: FloatArray) -> FloatArray:
    """Return 1 where a classifier's decision is not the true class, else 0.

    Parameters
    ----------
    truth : array, shape (n,)
        0 or 1; or, of several classes, the place of each row's class in `schema.classes`.
    prediction : array, shape (n,) or (n, k)
        As `Predictor.predict` gives it.
    """
    return np.asarray(model.decisions(prediction) != np.asarray(truth), dtype=np.float64)


def fit_deferral(
    model: Predictor, rows: pd.DataFrame, errors: npt.ArrayLike, target_error: float, leading: Sequence[str] = ()
) -> Deferral:
    """Return a model's deferral, ready for its schema.

    A regression's table of errors is made from the older half of the rows, and the rule from the newer half.

    Parameters
    ----------
    rows : DataFrame
        Labelled rows the model did not learn from, oldest first.
    errors : array, shape (n,)
        `wrong_decisions` of a classifier, or the metric's loss of each row of a regression.
    target_error : float
        What the mean error of the automated rows must stay below.
    leading : sequence of str
        Of a regression: the one or two inputs that matter most.

    Raises
    ------
    DataError
        A column is missing, or an error is not known.
    """
    schema, lost = model.schema, np.asarray(errors, dtype=np.float64)
    prediction, inputs = model.predict(rows), input_matrix(rows, model.schema)
    typical = typical_values(inputs, schema)
    if schema.task != "regression":
        return replace(deferral_rule(lost, confidence(prediction, inputs, schema), target_error), typical=typical)
    half, places = len(rows) // 2, [schema.inputs.index(name) for name in leading]
    table = fit_error_table(prediction[:half], inputs[:half, places], leading, lost[:half])
    sure = -expected_error(table, prediction[half:], inputs[half:, places])
    return replace(deferral_rule(lost[half:], sure, target_error), errors=table, typical=typical)


def deferral_rule(
    errors: npt.ArrayLike, sureness: npt.ArrayLike, target_error: float, *, level: float = 0.95
) -> Deferral:
    """Return the rule that automates as many rows as keep their error below a target, for all that is known.

    The surest 10 % of the rows pass when the upper confidence bound of their mean error is not above the target; then
    5 % more are tried, and so on until a share fails. The same begins at 30, 50 and 80 %, because a few rows can prove
    little, and the largest share that passed counts. Each of the four ways runs a quarter of the risk (fixed sequence
    tests, Bonferroni over their starts): the chance that the rule promises too much is at most 1 - `level`, whatever
    the model is like.

    Parameters
    ----------
    errors : array, shape (n,)
        Error of each row the model did not learn from: 0 or 1 for a decision, or the metric's loss of a regression.
    sureness : array, shape (n,)
        As `confidence` gives it.
    target_error : float
        What the mean error of the automated rows must stay below, in the unit of `errors`.
    level : float
        How sure the promise is to be.

    Returns
    -------
    Deferral
        `threshold` is None, and `share` 0, when no share passes.

    Raises
    ------
    DataError
        An error is negative or not a number, or there are no rows.

    Notes
    -----
    A. Angelopoulos and others (2021), Learn then Test: Calibrating Predictive Algorithms to Achieve Risk Control. Rows
    are taken for independent; where the rows of a day err together, the promise holds a little less often. Of a
    regression, an error larger than any seen is not reckoned with.

    Examples
    --------
    A thousand sure rows without an error and a thousand unsure ones, half of them wrong: one in twenty may be wrong.
    The unsure ones would exceed that with the first 100 added (50 of 1,100 is 4.5 %, its bound above 5 %).

    >>> errors = np.concatenate([np.zeros(1000), np.tile([0, 1], 500)])
    >>> sure = np.concatenate([np.full(1000, 0.9), np.linspace(0.8, 0.5, 1000)])
    >>> rule = deferral_rule(errors, sure, target_error=0.05)
    >>> rule.threshold, rule.share, rule.error
    (0.9, 0.5, 0.0)
    """
    lost, sure = np.asarray(errors, dtype=np.float64), np.asarray(sureness, dtype=np.float64)
    if not len(lost) or not np.all(np.isfinite(lost) & (lost >= 0)) or np.isnan(sure).any():
        raise DataError(
            f"found {len(lost)} errors of which {int((~(np.isfinite(lost) & (lost >= 0))).sum())} are negative or no "
            "number; expected known errors of rows with a label. Leave out rows whose labels have not matured."
        )
    ordered, risk = np.sort(sure)[::-1], (1 - level) / len(STARTS)
    best = Deferral(None, target_error, 0.0, 0.0, 0.0, level, len(lost))
    for start in STARTS:
        for part in range(start, TWENTIETHS + 1):
            threshold = float(ordered[math.ceil(len(lost) * part / TWENTIETHS) - 1])
            kept = lost[sure >= threshold]
            bound = error_bound(kept, risk, highest=float(lost.max()))
            if bound > target_error:
                break
            if len(kept) / len(lost) > best.share:
                share, error = len(kept) / len(lost), float(kept.mean())
                best = replace(best, threshold=threshold, share=share, error=error, error_bound=bound)
    return best


def error_bound(errors: FloatArray, risk: float, highest: float) -> float:
    """Return the upper confidence bound of a mean error; it is exceeded with a probability of at most `risk`.

    Errors of 0 and 1 get Clopper and Pearson's exact bound. Others get the betting bound of Waudby-Smith and Ramdas,
    which needs to know the highest error there can be, and nothing about their distribution.

    Examples
    --------
    No error in n rows: the bound b is where (1 - b)^n is the risk; for two rows and a risk of 0.25, b = 0.5.

    >>> round(error_bound(np.zeros(2), risk=0.25, highest=1.0), 6)
    0.5
    """
    if np.isin(errors, (0.0, 1.0)).all():
        return _clopper_pearson(int(errors.sum()), len(errors), risk)
    return highest * _betting_bound(errors / highest, risk)


def _clopper_pearson(wrong: int, rows: int, risk: float) -> float:
    if wrong == rows:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(wrong + 1, rows - wrong, 1 - risk))


def _betting_bound(errors: FloatArray, risk: float) -> float:
    """Return the smallest mean against which a careful bettor, row by row, would have won 1 / risk times the stake.

    S. Bates and others (2021), Distribution-Free, Risk-Controlling Prediction Sets, proposition 5; errors in [0, 1].
    """
    shuffled = np.random.default_rng(ORDER_SEED).permutation(errors)
    count = np.arange(1, len(shuffled) + 1)
    mean = (0.5 + np.cumsum(shuffled)) / (1 + count)
    variance = (0.25 + np.cumsum((shuffled - mean) ** 2)) / (1 + count)
    before = np.concatenate([[0.25], variance[:-1]])
    bets = np.minimum(1.0, np.sqrt(2 * math.log(1 / risk) / (len(shuffled) * before)))

    def won(bound: float) -> Any:
        with np.errstate(divide="ignore"):
            return np.cumsum(np.log1p(-bets * (shuffled - bound))).max() > math.log(1 / risk)

    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if won(middle) else (middle, high)
    return high
