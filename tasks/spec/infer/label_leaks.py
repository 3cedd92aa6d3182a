"""Detect leaks: columns that are a copy of the label, a function of it, or written after it was known."""

from __future__ import annotations

import pandas as pd

ALMOST = 0.999
FEWEST_ROWS = 20


def leak(values: pd.Series, label: pd.Series, *, binary: bool) -> str:
    """Return why a column is suspected to leak the label, or an empty text.

    Numbers and booleans: the same values, or the same order (Spearman's rank correlation; for a binary label the area
    under the ROC curve) to 0.999. Categories: each value, seen five times on average, has one label in 99.9 % of rows.

    Parameters
    ----------
    values : Series
        A feature: float64, boolean or text; missing values are not compared.
    label : Series of float64
        The label of the same rows.
    binary : bool
        Whether the label is 0 or 1.

    Examples
    --------
    >>> label = pd.Series([float(value) for value in range(30)])
    >>> leak(label * 2 + 1, label, binary=False)
    'it is in the same order as the label (rank correlation 1.000)'
    >>> leak(label % 3, label, binary=False)
    ''
    """
    both = values.notna() & label.notna()
    if int(both.sum()) < FEWEST_ROWS or len(label[both].unique()) == 1:
        return ""
    values, label = values[both], label[both]
    if not (pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype)):
        return _purity(values, label)
    values = values.astype("float64")
    if len(values.unique()) == 1:
        return ""
    if bool((values == label).all()):
        return "it equals the label in every row"
    return _area(values, label) if binary else _order(values, label)


def _order(values: pd.Series, label: pd.Series) -> str:
    correlation = float(values.rank().corr(label.rank()))
    return (
        f"it is in the same order as the label (rank correlation {correlation:.3f})"
        if abs(correlation) >= ALMOST
        else ""
    )


def _area(values: pd.Series, label: pd.Series) -> str:
    positives, negatives = float((label == 1).sum()), float((label == 0).sum())
    ranks = float(values.rank()[label == 1].sum())
    area = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return (
        f"it separates the labels by itself (area {max(area, 1 - area):.4f})" if max(area, 1 - area) >= ALMOST else ""
    )


def _purity(values: pd.Series, label: pd.Series) -> str:
    if values.nunique() > len(values) / 5:
        return ""
    pairs = pd.DataFrame({"value": values, "label": label}).value_counts()
    pure = float(pairs.groupby(level="value").max().sum()) / len(values)
    base = float(label.value_counts().max()) / len(values)
    return f"its value determines the label in {pure:.1%} of the rows" if pure >= ALMOST and base < pure else ""
