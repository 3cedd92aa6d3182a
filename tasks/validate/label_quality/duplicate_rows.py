"""Rows with equal, or nearly equal, features and different labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray

EXAMPLES = 5
NEAR = 0.05  # root mean square difference, in standard deviations, up to which two rows are nearly equal
APART = 1e3  # two categories are never near
DIFFERENT_SD = 0.5  # numeric labels differ from half a standard deviation of all labels on


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Groups of equal rows: their number, their rows, the groups and rows with different labels, and example ids."""

    groups: int
    rows: int
    groups_apart: int
    rows_apart: int
    examples: tuple[tuple[str, ...], ...] = ()


def same_inputs(
    features: pd.DataFrame, label: pd.Series, names: pd.Series, apart_from: float | None = None
) -> Disagreement:
    """Return the groups of rows with equal features; rows without any value are left out.

    Parameters
    ----------
    features : DataFrame
        One column a feature.
    label : Series of float64
        The label of each row. Two labels differ from half a standard deviation of all labels on, as the two classes of
        a binary label do.
    names : Series of str
        Row ids, for the examples.
    apart_from : float, optional
        The difference from which on two labels differ; by default half a standard deviation.

    Examples
    --------
    >>> rooms = pd.DataFrame({"rooms": [3.0, 3.0, 4.0, 5.0, 5.0]})
    >>> same_inputs(rooms, pd.Series([0.0, 1.0, 0.0, 1.0, 1.0]), pd.Series(list("abcde")))
    Disagreement(groups=2, rows=4, groups_apart=1, rows_apart=2, examples=(('a', 'b'),))
    """
    filled = features.notna().any(axis=1)
    if not filled.any():
        return Disagreement(0, 0, 0, 0)
    keys = pd.util.hash_pandas_object(features[filled], index=False).to_numpy()
    rows = pd.DataFrame({"key": keys, "label": label[filled].to_numpy(), "name": names[filled].to_numpy()})
    rows = rows[rows.duplicated("key", keep=False)]
    groups = rows.groupby("key", sort=False)["label"]
    apart = (groups.max() - groups.min()) >= (different(label) if apart_from is None else apart_from)
    keys_apart = apart.index[apart.to_numpy(bool)]
    differing = rows[rows["key"].isin(keys_apart)]
    examples = tuple(
        tuple(map(str, differing.loc[differing["key"] == key, "name"].head(EXAMPLES))) for key in keys_apart[:EXAMPLES]
    )
    return Disagreement(groups.ngroups, len(rows), len(keys_apart), len(differing), examples)


def near_duplicates(
    features: pd.DataFrame, label: pd.Series, names: pd.Series, apart_from: float | None = None
) -> Disagreement:
    """Return pairs of rows with features that are nearly, but not all, equal.

    A row is paired with its nearest other row, if numbers are within 0.05 standard deviations (root mean square over
    columns) and categories are equal. Meant for thousands of rows, not more.

    Examples
    --------
    >>> rooms = pd.DataFrame({"rooms": [1.0, 1.001, 5.0, 9.0], "zip": list("aaab")})
    >>> near_duplicates(rooms, pd.Series([0.0, 1.0, 0.0, 1.0]), pd.Series(list("abcd")))
    Disagreement(groups=1, rows=2, groups_apart=1, rows_apart=2, examples=(('a', 'b'),))
    """
    from sklearn.neighbors import NearestNeighbors

    keep = ~features.duplicated() & features.notna().any(axis=1)
    points = standardised(features[keep])
    if len(points) < 2 or not points.shape[1]:  # noqa: PLR2004 - a pair
        return Disagreement(0, 0, 0, 0)
    distances, nearest = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points)
    close = distances[:, 1] <= NEAR * np.sqrt(points.shape[1])
    pairs = np.unique(np.sort(np.column_stack([np.flatnonzero(close), nearest[close, 1]]), axis=1), axis=0)
    values, ids = label[keep].to_numpy(np.float64), names[keep].to_numpy()
    least = different(label) if apart_from is None else apart_from
    apart = pairs[np.abs(values[pairs[:, 0]] - values[pairs[:, 1]]) >= least]
    examples = tuple((str(ids[first]), str(ids[second])) for first, second in apart[:EXAMPLES])
    return Disagreement(len(pairs), len(np.unique(pairs)), len(apart), len(np.unique(apart)), examples)


def different(label: pd.Series) -> float:
    """Return the difference from which on two labels differ."""
    spread = float(label.std()) if len(label) > 1 else 0.0
    return DIFFERENT_SD * spread if spread > 0 else np.inf


def standardised(features: pd.DataFrame) -> FloatArray:
    """Return features as numbers with mean 0 and standard deviation 1; categories as distant codes, missing as 0."""
    columns = []
    for name in features:
        column = features[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = column.to_numpy(np.float64, na_value=np.nan)
            finite = values[np.isfinite(values)]
            spread = finite.std() if len(finite) else 0.0
            scaled = (values - finite.mean()) / spread if spread > 0 else np.zeros(len(values))
            columns.append(np.where(np.isfinite(scaled), scaled, 0.0))
        else:
            columns.append(pd.factorize(column.astype("str"))[0] * APART)
    return np.column_stack(columns) if columns else np.empty((len(features), 0))
