"""The label: what kind of task it makes, and the metric, scale and baseline that fit it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tasks.errors import SpecError
from tasks.spec.cells import Mask, booleans, numbers

HEAVY_SKEW = 2.0
FEWEST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Target:
    """The label as numbers, and what follows from it; `why` is the sentence for the person."""

    typed: pd.Series
    task: Literal["regression", "binary"]
    metric: str
    baseline: str
    scale: Literal["identity", "log"]
    why: str


def read_target(column: pd.Series) -> Target:
    """Return the label as numbers with the task it makes.

    Two values of a yes/no kind, or 0 and 1, are a binary task; other numbers are a regression, on the log scale when
    they are positive and their skewness is above 2 and at least halved by the logarithm.

    Raises
    ------
    SpecError
        When the label is constant, has fewer than 20 values, or is text that is neither numbers nor yes/no.

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
        raise SpecError([_text_label(name, column, amounts.bad)])
    _require_variety(amounts.column, name)
    if amounts.column.nunique() == 2:  # noqa: PLR2004 - a binary label has two
        raise SpecError([_two_numbers(name, amounts.column)])
    return _regression(amounts.column)


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
        raise SpecError(
            [f"label {name!r} has {len(known)} values; at least {FEWEST_ROWS} are needed to write a first spec"]
        )
    if len(known.unique()) == 1:
        raise SpecError(
            [f"label {name!r} is {known.iloc[0]:g} in every row; there is nothing to learn: is it the right column?"]
        )


def _two_numbers(name: str, values: pd.Series) -> str:
    low, high = sorted(values.dropna().unique())
    return (
        f"label {name!r} has two values, {low:g} and {high:g}; a binary label is 1 for the event you look for and 0 "
        f"otherwise: write {high:g} as 1 and {low:g} as 0, or the other way round, and run this again"
    )


def _text_label(name: str, column: pd.Series, bad: Mask) -> str:
    texts = sorted({str(value) for value in column[bad].unique()})
    shown = ", ".join(repr(text) for text in texts[:3])
    if column.dropna().nunique() == 2:  # noqa: PLR2004 - a binary label has two
        return (
            f"label {name!r} holds the texts {shown}; Leeway cannot know which one is the event: write 1 for the event "
            "you look for and 0 otherwise, and run this again"
        )
    return (
        f"label {name!r} holds texts such as {shown}; expected numbers (regression), or 1 and 0 (binary). "
        "More than two classes are not supported: make one project for each class of interest"
    )
