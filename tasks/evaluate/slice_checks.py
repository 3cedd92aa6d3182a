"""Slices: a model can be better overall and clearly worse for some rows; the slices of the spec are checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray, FloatArray
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import holm, p_value_of_rise, weighted_values

FEW_VALUES = 20
QUARTERS = 4
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class SliceResult:
    """One value of one column: both mean losses, the relative change, and whether it refuses the challenger.

    `change` is challenger over champion minus 1: 0.1 is ten per cent worse. `p_value` is that of "not worse at all",
    corrected for all slices; None when a slice has too few days to be tested.
    """

    column: str
    value: str
    rows: int
    challenger_loss: float
    champion_loss: float
    change: float
    p_value: float | None
    refused: bool


def slice_results(
    rows: pd.DataFrame,
    losses: tuple[FloatArray, FloatArray],
    days: tuple[npt.ArrayLike, FloatArray | None],
    spec: ProjectSpec,
) -> tuple[SliceResult, ...]:
    """Return every slice of the spec's `gate.slices`, in the order of columns and values.

    A slice refuses the challenger when it is worse by more than `gate.max_slice_loss` *and* significantly worse, with
    Holm's correction over all slices. Slices with fewer rows than `privacy.min_category_count` are neither
    shown nor tested.

    Parameters
    ----------
    rows : DataFrame
        The hold-out; numeric columns with more than 20 values are cut into quarters.
    losses : (challenger, champion)
        Loss of each row.
    days : (array, array or None)
        Event day of each row, and its weight where rows count differently.
    """
    which, weights = np.asarray(days[0]), days[1]
    slices = slices_of(rows, spec)
    pairs = [
        tuple(weighted_values(each[inside], None if weights is None else weights[inside]) for each in losses)
        for _, _, inside in slices
    ]
    cut = zip(slices, pairs, strict=True)
    p_values = [p_value_of_rise(new - old, which[inside]) for (_, _, inside), (new, old) in cut]
    return tuple(
        _result((column, value), new, old, p_value, spec)
        for (column, value, _), (new, old), p_value in zip(slices, pairs, holm(p_values), strict=True)
    )


def slices_of(rows: pd.DataFrame, spec: ProjectSpec) -> list[tuple[str, str, BoolArray]]:
    """Return the column, the value and the rows of each slice of the spec that is large enough to be shown."""
    return [
        (column, value, inside)
        for column in spec.gate.slices
        for value, inside in _values(rows[column])
        if inside.sum() >= spec.privacy.min_category_count
    ]


def _result(
    name: tuple[str, str], challenger: FloatArray, champion: FloatArray, p_value: float, spec: ProjectSpec
) -> SliceResult:
    new, old = float(challenger.mean()), float(champion.mean())
    change = new / old - 1 if old > 0 else (math.inf if new > 0 else 0.0)
    tested = not math.isnan(p_value)
    refused = tested and change > spec.gate.max_slice_loss and p_value < 1 - spec.gate.confidence
    return SliceResult(*name, len(challenger), new, old, change, p_value if tested else None, refused)


def _values(values: pd.Series[Any]) -> Iterator[tuple[str, BoolArray]]:
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > FEW_VALUES:
        values = pd.qcut(values, QUARTERS, duplicates="drop")
    names = values.astype("str").fillna(MISSING)
    for name in values.drop_duplicates().sort_values().astype("str").fillna(MISSING):
        yield str(name), (names == name).to_numpy(dtype=bool)
