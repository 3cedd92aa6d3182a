"""Deferral: the confidence above which rows are automated, and the guaranteed error of those rows."""

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
from tasks.inference.confidence import confidence, expected_error
from tasks.inference.explanations import typical_values
from tasks.inference.schema_parts import Deferral
from tasks.model.error_table import fit_error_table
from tasks.model.input_matrix import input_matrix
from tasks.model.predictor import Predictor

TWENTIETHS = 20
STARTS = (2, 6, 10, 16)  # twentieths of the rows
HALVINGS = 40
ORDER_SEED = 0


def wrong_decisions(model: Predictor, truth: npt.ArrayLike, prediction: FloatArray) -> FloatArray:
    """Return 1 where the decision of a classifier is not the true class, else 0.

    Parameters
    ----------
    truth : array, shape (n,)
        0 or 1; for several classes, the index of the class of each row in `schema.classes`.
    prediction : array, shape (n,) or (n, k)
        Result of `Predictor.predict`.
    """
    return np.asarray(model.decisions(prediction) != np.asarray(truth), dtype=np.float64)


def fit_deferral(
    model: Predictor,
    rows: pd.DataFrame,
    errors: npt.ArrayLike,
    target_error: float,
    leading: Sequence[str] = (),
    prediction: FloatArray | None = None,
) -> Deferral:
    """Fit the deferral of a model, for its schema.

    For a regression, the table of expected errors is fitted to the older half of the rows, and the rule to the newer.

    Parameters
    ----------
    rows : DataFrame
        Labelled rows that the model did not learn from, oldest first.
    errors : array, shape (n,)
        `wrong_decisions` of a classifier, or the loss of each row of a regression.
    target_error : float
        Upper limit of the mean error of the automated rows.
    leading : sequence of str
        For a regression: the one or two most important inputs.
    prediction : array, optional
        Of each row, by a fit that had not seen it; by default that of the model.

    Raises
    ------
    DataError
        A column is missing, or an error is not a number.
    """
    schema, row_errors = model.schema, np.asarray(errors, dtype=np.float64)
    inputs = input_matrix(rows, model.schema)
    prediction = model.predict(rows) if prediction is None else prediction
    typical = typical_values(inputs, schema)
    if schema.task != "regression":
        return replace(deferral_rule(row_errors, confidence(prediction, inputs, schema), target_error), typical=typical)
    half, columns = len(rows) // 2, [schema.inputs.index(name) for name in leading]
    table = fit_error_table(prediction[:half], inputs[:half, columns], leading, row_errors[:half])
    confidences = -expected_error(table, prediction[half:], inputs[half:, columns])
    return replace(deferral_rule(row_errors[half:], confidences, target_error), errors=table, typical=typical)


def deferral_rule(
    errors: npt.ArrayLike, confidence_of_rows: npt.ArrayLike, target_error: float, *, level: float = 0.95
) -> Deferral:
    """Return the rule that automates the largest share of rows with an error proven to be below a target.

    The 10 % of the rows with the highest confidence pass when the upper confidence bound of their mean error is not
    above the target; then 5 % more are tried, and so on until a share fails. The same sequence starts at 30, 50 and
    80 %, because few rows prove little, and the largest share that passed is used. Each of the four sequences has a
    quarter of the risk (fixed sequence tests, Bonferroni over their starts): the probability that the error is above
    the target is at most 1 - `level`, for any model.

    Parameters
    ----------
    errors : array, shape (n,)
        Error of each row that the model did not learn from: 0 or 1 for a decision, or the loss of a regression.
    confidence_of_rows : array, shape (n,)
        Result of `confidence`.
    target_error : float
        Upper limit of the mean error of the automated rows, in the unit of `errors`.
    level : float
        Confidence level of the guarantee.

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
    are assumed to be independent; where the rows of a day err together, the guarantee holds slightly less often. For a
    regression, the largest observed error is assumed to be the largest possible one.

    Examples
    --------
    A thousand confident rows without an error and a thousand others, half of them wrong: one in twenty may be wrong.
    The first 100 of the others would exceed that (50 of 1,100 is 4.5 %, its bound above 5 %).

    >>> errors = np.concatenate([np.zeros(1000), np.tile([0, 1], 500)])
    >>> sure = np.concatenate([np.full(1000, 0.9), np.linspace(0.8, 0.5, 1000)])
    >>> rule = deferral_rule(errors, sure, target_error=0.05)
    >>> rule.threshold, rule.share, rule.error
    (0.9, 0.5, 0.0)
    """
    row_errors, confidences = np.asarray(errors, dtype=np.float64), np.asarray(confidence_of_rows, dtype=np.float64)
    is_valid = np.isfinite(row_errors) & (row_errors >= 0)
    if not len(row_errors) or not is_valid.all() or np.isnan(confidences).any():
        raise DataError(
            f"found {len(row_errors)} errors of which {int((~is_valid).sum())} are negative or no number; "
            "expected errors of rows with a label. Leave out rows without matured labels."
        )
    ordered, risk = np.sort(confidences)[::-1], (1 - level) / len(STARTS)
    best = Deferral(None, target_error, 0.0, 0.0, 0.0, level, len(row_errors))
    for start in STARTS:
        for part in range(start, TWENTIETHS + 1):
            threshold = float(ordered[math.ceil(len(row_errors) * part / TWENTIETHS) - 1])
            automated = row_errors[confidences >= threshold]
            bound = error_bound(automated, risk, highest=float(row_errors.max()))
            if bound > target_error:
                break
            if len(automated) / len(row_errors) > best.share:
                share, error = len(automated) / len(row_errors), float(automated.mean())
                best = replace(best, threshold=threshold, share=share, error=error, error_bound=bound)
    return best


def error_bound(errors: FloatArray, risk: float, highest: float) -> float:
    """Return the upper confidence bound of a mean error; the mean exceeds it with a probability of at most `risk`.

    Errors of 0 and 1 have the exact bound of Clopper and Pearson. Other errors have the betting bound of Waudby-Smith
    and Ramdas, which needs the highest possible error and no assumption about the distribution.

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
    """Return the smallest mean that a betting strategy rejects, row by row, with a gain of 1 / risk.

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
