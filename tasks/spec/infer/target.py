"""Infer the task from the label, with a fitting metric, scale and baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.errors import SpecError
from tasks.spec.cells.cell_types import booleans, categories, numbers

HEAVY_SKEW = 2.0
FEWEST_ROWS = 20
FEWEST_CLASSES, MOST_CLASSES = 3, 50
FEWEST_OF_A_CLASS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """The label as numbers or class names, the settings that follow from it, and the reason in words."""

    typed: pd.Series
    task: Literal["regression", "binary", "multiclass"]
    metric: str
    baseline: str
    scale: Literal["identity", "log"]
    why: str


def read_target(column: pd.Series) -> Target:
    """Return the typed label and its task.

    Two values of a yes/no kind, or 0 and 1, are a binary task; other numbers are a regression, on the log scale when
    they are positive and their skewness is above 2 and at least halved by the logarithm. Three to fifty texts that
    repeat are several classes.

    Raises
    ------
    SpecError
        When the label is constant, has fewer than 20 values, or is text that is not a few classes.

    Examples
    --------
    >>> target = read_target(pd.Series(["yes", "no"] * 10))
    >>> target.task, target.metric, target.typed.sum()
    ('binary', 'log_loss', np.float64(10.0))
    """
    name = str(column.name or "label")
    truths, amounts = booleans(column), numbers(column)
    if truths.clean:
        values = truths.column.astype("Float64").astype("float64")
        _require_variety(values, name)
        share = float(values.mean())
        why = f"the label is yes/no (or 1/0); {share:.1%} of the rows are yes"
        return Target(values, "binary", "log_loss", "mean", "identity", why)
    if not amounts.clean:
        return _classes(name, column, amounts.bad)
    _require_variety(amounts.column, name)
    if amounts.column.nunique() == 2:  # noqa: PLR2004 - a binary label has two
        raise SpecError([_two_numbers(name, amounts.column)])
    return _regression(amounts.column)


def _classes(name: str, column: pd.Series, no_number: BoolArray) -> Target:
    names = categories(column).column
    counts = names.value_counts()
    some_numbers = not bool(no_number[column.notna().to_numpy()].all())
    if some_numbers or not FEWEST_CLASSES <= len(counts) <= MOST_CLASSES or counts.min() < FEWEST_OF_A_CLASS:
        raise SpecError([_text_label(name, column, no_number)])
    _require_variety(names, name)
    common = f"the commonest, {counts.index[0]!r}, is {counts.iloc[0] / counts.sum():.1%} of the rows"
    why = f"the label names {len(counts)} classes; {common}"
    return Target(names, "multiclass", "log_loss", "majority", "identity", why)


def _regression(values: pd.Series) -> Target:
    skewness = _skewness(values)
    if values.min() > 0 and skewness > HEAVY_SKEW and abs(_skewness(np.log(values))) < skewness / 2:
        why = f"the label is positive with a long tail (skewness {skewness:.1f}), so errors count on the log scale"
        return Target(values, "regression", "mean_absolute_log_error", "median", "log", why)
    why = f"the label has {values.nunique():,} different numbers, without a heavy tail"
    return Target(values, "regression", "mean_absolute_error", "median", "identity", why)


def _skewness(values: pd.Series) -> float:
    return float(pd.Series(values.to_numpy(dtype="float64")).skew())  # type: ignore[arg-type]  # a float for one column


def _require_variety(values: pd.Series, name: str) -> None:
    known = values.dropna()
    if len(known) < FEWEST_ROWS:
        raise SpecError([f"label {name!r} has {len(known)} values; at least {FEWEST_ROWS} are needed for a first spec"])
    if len(known.unique()) == 1:
        raise SpecError(
            [f"label {name!r} is {known.iloc[0]:g} in every row; there is nothing to learn: is it the right column?"]
        )


def _two_numbers(name: str, values: pd.Series) -> str:
    low, high = sorted(values.dropna().unique())
    return (
        f"label {name!r} has two values, {low:g} and {high:g}; a binary label is 1 for the event to predict and 0 "
        f"otherwise: write {high:g} as 1 and {low:g} as 0, or the other way round, and run this again"
    )


def _text_label(name: str, column: pd.Series, bad: BoolArray) -> str:
    texts = sorted({str(value) for value in column[bad].unique()})
    shown = ", ".join(repr(text) for text in texts[:3])
    if column.dropna().nunique() == 2:  # noqa: PLR2004 - a binary label has two
        return (
            f"label {name!r} has the texts {shown}; Leeway cannot know which one is the event: write 1 for the event "
            "to predict and 0 otherwise, and run this again"
        )
    return (
        f"label {name!r} has texts such as {shown}; expected numbers (regression), 1 and 0 (binary), or the names of "
        f"{FEWEST_CLASSES} to {MOST_CLASSES} classes, each with at least {FEWEST_OF_A_CLASS} rows: merge rare classes, "
        "or clean the label"
    )
