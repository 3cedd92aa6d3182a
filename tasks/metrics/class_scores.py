"""Metrics of classes: scikit-learn's, on the probabilities and decisions of a model. NaN where one is not defined.

Where rows have weights, shares are of their weight; the first `k` of a day are `k` rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from tasks.arrays import BoolArray, FloatArray
from tasks.metrics.answered_rows import AnsweredRows
from tasks.metrics.sum_of_sizes import SizedParts
from tasks.statistics.losses import true_class_probability

BINS = 10


def roc_auc(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the area under the ROC curve; of several classes, the mean of each against the others.

    Examples
    --------
    Of the four pairs of a 1 and a 0, the 1 has the higher probability in three.

    >>> roc_auc(AnsweredRows.decided([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9]))
    0.75
    """
    from sklearn.metrics import roc_auc_score

    return _mean_over_classes(rows, roc_auc_score)


def pr_auc(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the average precision, the area under the steps of the precision-recall curve.

    Examples
    --------
    The first of two ones is found with a precision of 1, the second with 2 / 3: 1 / 2 + 2 / 3 / 2.

    >>> round(pr_auc(AnsweredRows.decided([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9])), 4)
    0.8333
    """
    from sklearn.metrics import average_precision_score

    return _mean_over_classes(rows, average_precision_score)


def f1(rows: AnsweredRows, _at: float = 0) -> float:
    """Return F1 of the decisions; of several classes, the mean over them.

    >>> f1(AnsweredRows.decided([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9]))  # finds one of two, and one more
    0.5
    """
    from sklearn.metrics import f1_score

    if rows.prediction.ndim == 1:
        return float(f1_score(rows.truth, rows.decision, sample_weight=rows.weights, zero_division=np.nan))
    labels = np.arange(rows.prediction.shape[1], dtype=np.float64)
    return float(
        f1_score(
            rows.truth, rows.decision, labels=labels, average="macro", sample_weight=rows.weights, zero_division=np.nan
        )
    )


def precision(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the share of ones among the rows that were decided to be a one."""
    from sklearn.metrics import precision_score

    return float(precision_score(rows.truth, rows.decision, sample_weight=rows.weights, zero_division=np.nan))


def recall(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the share of the ones that were decided to be a one."""
    from sklearn.metrics import recall_score

    return float(recall_score(rows.truth, rows.decision, sample_weight=rows.weights, zero_division=np.nan))


def recall_at_precision(rows: AnsweredRows, at: float) -> float:
    """Return the highest recall of a threshold with at least some precision; 0 where there is none.

    Examples
    --------
    Above .9 one of one is right; above .3 two of three.

    >>> rows = AnsweredRows.decided([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9])
    >>> recall_at_precision(rows, 0.9), recall_at_precision(rows, 0.6)
    (0.5, 1.0)
    """
    from sklearn.metrics import precision_recall_curve

    if not _has_both(rows.truth == 1):
        return math.nan
    found, share, _ = precision_recall_curve(rows.truth, rows.prediction, sample_weight=rows.weights)
    return float(share[found >= at].max(initial=0.0))


def recall_at_k(rows: AnsweredRows, at: float) -> float:
    """Return the share of the ones among the `at` rows of each day with the highest probability.

    >>> recall_at_k(AnsweredRows.decided([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9]), at=1)
    0.5
    """
    from sklearn.metrics import recall_score

    return float(recall_score(rows.truth, _chosen(rows, int(at)), sample_weight=rows.weights, zero_division=np.nan))


def precision_at_k(rows: AnsweredRows, at: float) -> float:
    """Return the share of ones among the `at` rows of each day with the highest probability.

    >>> precision_at_k(AnsweredRows.decided([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9]), at=2)
    0.5
    """
    from sklearn.metrics import precision_score

    return float(precision_score(rows.truth, _chosen(rows, int(at)), sample_weight=rows.weights, zero_division=np.nan))


def top_k_accuracy(rows: AnsweredRows, at: float) -> float:
    """Return the share of rows with a label among the `at` most probable classes; one of probability 0 never is."""
    from sklearn.metrics import accuracy_score, top_k_accuracy_score

    classes = rows.prediction.shape[1]
    is_known = true_class_probability(rows.truth, rows.prediction) > 0
    if not is_known.any():
        return math.nan if not len(is_known) else 0.0
    share = np.average(is_known, weights=rows.weights)
    if at >= classes:
        return float(share)
    known = rows.where(is_known)
    truth, prediction, weights = known.truth, known.prediction, known.weights
    if at == 1:
        found = accuracy_score(truth, prediction.argmax(axis=1), sample_weight=weights)
    else:
        labels = np.arange(classes)
        found = top_k_accuracy_score(truth, prediction, k=int(at), labels=labels, sample_weight=weights)
    return float(found * share)


def calibration_error(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the mean distance of probabilities from observed shares, in ten bins of equal width, over rows.

    Of several classes it is about the most probable one. M. Naeini and others (2015), AAAI 29.

    Examples
    --------
    Two rows of .1 of which none is a one, two of .9 of which one is: (2 x .1 + 2 x .4) / 4.

    >>> calibration_error(AnsweredRows.decided([0, 0, 0, 1], [0.1, 0.1, 0.9, 0.9]))
    0.25
    """
    return float(np.abs(calibration_parts(rows).signed).sum())


def calibration_parts(rows: AnsweredRows) -> SizedParts:
    """Return the share of ones minus the mean probability of each bin, times the bin's share of rows.

    Their variance is at least the one that the probabilities themselves imply.

    >>> calibration_parts(AnsweredRows.decided([0, 0, 0, 1], [0.1, 0.1, 0.9, 0.9])).signed.round(2).tolist()
    [-0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.2, 0.0]
    """
    several, count = rows.prediction.ndim > 1, len(rows.truth)
    probability = rows.prediction.max(axis=1) if several else rows.prediction
    happened = rows.decision == rows.truth if several else rows.truth == 1
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probability)
    weights = np.ones(count) if rows.weights is None else rows.weights
    gaps, chances = weights * (happened - probability), weights**2 * probability * (1 - probability)
    sums, variances = (np.bincount(bins, each, minlength=BINS) for each in (gaps, chances))
    whole = float(weights.sum()) or math.nan
    return SizedParts(sums / whole, variances / whole**2, count)


def _mean_over_classes(rows: AnsweredRows, score: Callable[..., float]) -> float:
    """Return a score of class 1, or the mean of those of each class that some rows have, and some have not."""
    found = [
        score(happened, probability, sample_weight=rows.weights)
        for happened, probability in _each_class(rows)
        if _has_both(happened)
    ]
    return float(np.mean(found)) if found else math.nan


def _each_class(rows: AnsweredRows) -> Iterator[tuple[BoolArray, FloatArray]]:
    if rows.prediction.ndim == 1:
        yield rows.truth == 1, rows.prediction
        return
    for index in range(rows.prediction.shape[1]):
        yield rows.truth == index, rows.prediction[:, index]


def _has_both(happened: BoolArray) -> bool:
    return bool(happened.any() and not happened.all())


def _chosen(rows: AnsweredRows, most: int) -> FloatArray:
    """Return 1 for the rows of each day with the highest predictions; of equal ones the first."""
    _, days = np.unique(rows.days, return_inverse=True)
    order = np.lexsort((-rows.prediction, days))
    ordered = days[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    chosen = np.zeros(len(order))
    chosen[order[rank < most]] = 1.0
    return chosen
