"""The ruler: which columns a project's profiles have, and where the bins of its numbers lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.errors import DataError, nearest
from tasks.profiles.axis import Axis, fit_axis
from tasks.profiles.number import present_values


@dataclass(frozen=True, slots=True)
class Ruler:
    """Bin geometry of a project, fixed at its first training so that all its profiles can be added.

    Parameters
    ----------
    numbers : mapping of str to Axis
        Number columns and the axis of each.
    categories, booleans : tuple of str
        Category columns, boolean columns.
    """

    numbers: Mapping[str, Axis]
    categories: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column, in a fixed order: numbers, booleans, categories."""
        return (*self.numbers, *self.booleans, *self.categories)


def fit_ruler(
    frame: pd.DataFrame, *, numbers: Sequence[str], categories: Sequence[str], booleans: Sequence[str]
) -> Ruler:
    """Return the ruler of a first training's rows.

    Parameters
    ----------
    frame : DataFrame
        The rows the first model learns from.
    numbers, categories, booleans : sequence of str
        Columns of each kind; number columns may be float64, Float64 or any integer type.

    Raises
    ------
    DataError
        A column is missing or a number column holds no numbers.

    Examples
    --------
    The lower median of 2, 4, 6, 8 is 4; the squared distances from the mean 5 are 9, 1, 1, 9, their mean is 5.

    >>> ruler = fit_ruler(pd.DataFrame({"size": [2.0, 4.0, 6.0, 8.0]}), numbers=["size"], categories=[], booleans=[])
    >>> ruler.numbers["size"].center, round(ruler.numbers["size"].scale ** 2, 9)
    (4.0, 5.0)
    """
    require_columns(frame, [*numbers, *booleans, *categories])
    return Ruler({name: _axis(frame[name]) for name in numbers}, tuple(categories), tuple(booleans))


def require_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a frame that lacks a column.

    Raises
    ------
    DataError
        Names the missing columns, and the closest one the frame has.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        hint = nearest(missing[0], [str(name) for name in frame.columns])
        raise DataError(
            f"the frame lacks {missing}; the ruler has {list(names)}{hint}. Either the delivery lost a column or the "
            "spec names one that does not exist"
        )


def _axis(series: pd.Series) -> Axis:
    values, _ = present_values(series)
    return fit_axis(values if values.dtype.kind in "iu" else values[np.isfinite(values)])
