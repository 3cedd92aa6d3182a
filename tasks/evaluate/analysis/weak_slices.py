"""Weak slices: rows that share a value, or two, and have significantly larger errors than the other rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray, FloatArray, IntArray
from tasks.statistics import holm, p_value_of_rise, weighted_values

BINS = 4
FEW_VALUES = 20  # a number with fewer values is not cut; of a category, only the most frequent are examined
LEAST_SHARE = 0.02
FEWEST_ROWS = 20
MOST_SLICES = 10
MOST_PAIRED = 20  # columns, the worst first: 190 pairs
ALPHA = 0.05
MISSING, OTHER = "missing", "other"


@dataclass(frozen=True, slots=True)
class WeakSlice:
    """Rows that share one or two values and are predicted worse than the other rows.

    Attributes
    ----------
    where : tuple of (column, value)
        One or two conditions.
    loss, rest_loss : float
        Mean loss of these rows, and of all others; weighted, where rows count differently.
    share_of_loss : float
        Share of the total loss that is saved if these rows are predicted like the others.
    p_value : float
        Of "not worse than all rows on average", by whole days, corrected (Holm) for every examined slice.
    """

    where: tuple[tuple[str, str], ...]
    rows: int
    loss: float
    rest_loss: float
    share_of_loss: float
    p_value: float


@dataclass(frozen=True, slots=True)
class _Cut:
    """One column, or two, cut into slices: the slice of each row, -1 for none, and the names of the slices."""

    columns: tuple[str, ...]
    codes: IntArray
    names: list[tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Slice:
    where: tuple[tuple[str, str], ...]
    inside: BoolArray
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class _Losses:
    """The loss of each row, and how much it counts."""

    values: FloatArray
    weights: FloatArray

    def mean(self, kept: BoolArray) -> float:
        return float(np.average(self.values[kept], weights=self.weights[kept]))

    def share(self, kept: BoolArray) -> float:
        """Return the share of the weight that some rows have."""
        return float(self.weights[kept].sum() / self.weights.sum())


def weak_slices(
    rows: pd.DataFrame,
    losses: FloatArray,
    clusters: npt.ArrayLike,
    columns: Sequence[str],
    fewest: int,
    weights: FloatArray | None = None,
) -> tuple[WeakSlice, ...]:
    """Return the weak slices with the largest share of the loss first, at most ten.

    Numbers are cut at their quartiles. Slices with fewer rows than 2 % of all, 20 or `fewest` are not examined. A pair
    is returned only when it is worse than each of its two parts. All returned slices are significantly worse (5 %)
    after Holm's correction for every examined slice.

    Parameters
    ----------
    losses : array, shape (n,)
        Loss of each row.
    clusters : array, shape (n,)
        The cluster of each row, such as its event day.
    columns : sequence of str
        Columns of `rows` to examine.
    fewest : int
        Fewest rows that may be shown.
    weights : array, shape (n,), optional
        How much each row counts.
    """
    if len(rows) < FEWEST_ROWS or not np.isfinite(losses).all():
        return ()
    counted = _Losses(losses, np.ones(len(losses)) if weights is None else weights)
    mean = float(np.average(losses, weights=weights))
    least = max(FEWEST_ROWS, fewest, math.ceil(LEAST_SHARE * len(rows)))
    singles = [_cut(rows[column], column) for column in columns]
    examined, worse = 0, []
    worst: dict[str, float] = {}
    parts: dict[tuple[tuple[str, str], ...], float] = {}
    for cut in singles:
        count, slices = _eligible(cut, counted, least)
        examined += count
        candidates = [part for part in slices if part.loss > mean]
        worse += candidates
        parts |= {part.where: part.loss for part in slices}
        worst[cut.columns[0]] = max((part.loss * counted.share(part.inside) for part in candidates), default=0.0)
    paired = sorted(singles, key=lambda cut: -worst[cut.columns[0]])[:MOST_PAIRED]
    for first, second in combinations(paired, 2):
        count, slices = _eligible(_pair(first, second), counted, least)
        examined += count
        worse += [
            both for both in slices if both.loss > max(mean, *(parts.get((part,), math.inf) for part in both.where))
        ]
    which = np.asarray(clusters)
    p_values = [
        p_value_of_rise(weighted_values(losses[inside], counted.weights[inside]) - mean, which[inside])
        for inside in (part.inside for part in worse)
    ]
    corrected = holm([*p_values, *([1.0] * (examined - len(worse)))])[: len(worse)]
    weak = [
        _weak(part, counted, mean, p_value) for part, p_value in zip(worse, corrected, strict=True) if p_value < ALPHA
    ]
    return tuple(sorted(weak, key=lambda part: -part.share_of_loss)[:MOST_SLICES])


def _eligible(cut: _Cut, losses: _Losses, least: int) -> tuple[int, list[_Slice]]:
    """Return how many slices of a cut are large enough, and those slices."""
    counts = np.bincount(cut.codes[cut.codes >= 0], minlength=len(cut.names))
    codes = [int(code) for code in np.flatnonzero(counts >= least) if counts[code] < len(losses.values)]
    found = ((cut.names[code], cut.codes == code) for code in codes)
    return len(codes), [_Slice(where, inside, losses.mean(inside)) for where, inside in found]


def _weak(part: _Slice, losses: _Losses, mean: float, p_value: float) -> WeakSlice:
    rest = losses.mean(~part.inside)
    saved = (part.loss - rest) * losses.share(part.inside) / mean
    return WeakSlice(part.where, int(part.inside.sum()), part.loss, rest, saved, p_value)


def _cut(values: pd.Series[Any], column: str) -> _Cut:
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.astype("float64")
        values = _quartiles(numbers) if numbers.nunique() > FEW_VALUES else numbers
    texts = values.astype("str").fillna(MISSING)
    common = texts.value_counts().index[:FEW_VALUES]
    codes, names = pd.factorize(texts.where(texts.isin(common), OTHER), sort=True)
    return _Cut((column,), np.asarray(codes, dtype=np.int64), [((column, str(name)),) for name in names])


def _quartiles(numbers: pd.Series[float]) -> pd.Series[Any]:
    """Return the quarter of each number, in words.

    Examples
    --------
    >>> _quartiles(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0])).tolist()
    ['up to 2', 'up to 2', '2 to 3', '3 to 4', 'above 4']
    """
    cut, edges = pd.qcut(numbers, BINS, labels=False, retbins=True, duplicates="drop")
    inner = [f"{edge:.6g}" for edge in edges[1:-1]]
    between = [f"{low} to {high}" for low, high in pairwise(inner)]
    names = [f"up to {inner[0]}", *between, f"above {inner[-1]}"] if inner else ["any"]
    return cut.map(dict(enumerate(names)))


def _pair(first: _Cut, second: _Cut) -> _Cut:
    names = [(*one, *other) for one in first.names for other in second.names]
    return _Cut((*first.columns, *second.columns), first.codes * len(second.names) + second.codes, names)
