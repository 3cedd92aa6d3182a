"""The signed shift of a number column's mean: what the cumulative chart adds up."""

from __future__ import annotations

import math

from tasks.drift.noise import effective_rows
from tasks.drift.reference import Reference
from tasks.errors import DataError
from tasks.profiles import ColumnProfile, NumberProfile, TableProfile


def signed_shift(reference: ColumnProfile, window: ColumnProfile) -> float:
    """Return how far the mean moved, in scales of the ruler (standard deviations at its fit); above 0 is up.

    0 when either side has no finite value.

    Raises
    ------
    DataError
        One of them is no number column, or their axes differ.

    Examples
    --------
    The mean goes from 10 to 11 where a standard deviation is 4.

    >>> import pandas as pd
    >>> from tasks.profiles import Axis, Ruler, profile
    >>> ruler = Ruler(numbers={"x": Axis(10.0, 4.0)})
    >>> before, after = (profile(pd.DataFrame({"x": x}), ruler).columns["x"] for x in ([6.0, 14.0], [10.0, 12.0]))
    >>> signed_shift(before, after)
    0.25
    """
    if not (isinstance(reference, NumberProfile) and isinstance(window, NumberProfile)):
        raise DataError("the signed shift of a category column was asked; only numbers have a mean")
    if reference.axis != window.axis:
        raise DataError(f"the bins differ: {reference.axis} and {window.axis}; profile both with one ruler")
    if not (reference.present and window.present):
        return 0.0
    return (window.mean - reference.mean) / reference.axis.scale


def standard_shift(reference: Reference, window: TableProfile, column: str) -> float:
    """Return a column's signed shift divided by what it is on a quiet night: about normal(0, 1) while nothing is wrong.

    A quiet night's variance is the sampling noise of the window's rows plus the swing of the reference's own periods,
    each against all others, with their sampling noise taken out (DerSimonian and Laird, 1986). 0 for a column that
    never varied and does not now.
    """
    before, now = reference.total.columns[column], window.columns[column]
    shift = signed_shift(before, now)
    if not shift:
        return 0.0
    quiet = math.sqrt(_noise_variance(before, before, now) + _swing_variance(reference, column))
    return shift / quiet if quiet > 0 else math.copysign(math.inf, shift)


def _noise_variance(reference: ColumnProfile, first: ColumnProfile, second: ColumnProfile) -> float:
    rows = effective_rows(first.present, second.present)
    if not rows or not isinstance(reference, NumberProfile):
        return 0.0
    return (reference.sd / reference.axis.scale) ** 2 / rows


def _swing_variance(reference: Reference, column: str) -> float:
    total = reference.total.columns[column]
    excess = []
    for (_, period), rest in zip(reference.periods, reference.rests, strict=True):
        one, others = period.columns[column], rest.columns[column]
        if one.present and others.present:
            excess.append(signed_shift(others, one) ** 2 - _noise_variance(total, one, others))
    return max(sum(excess) / len(excess), 0.0) if excess else 0.0
