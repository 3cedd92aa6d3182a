"""The ruler: the columns of the profiles of a project, and the bins of its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.arrays import NumberArray
from tasks.errors import DataError, nearest
from tasks.profiles.axis import Axis, fit_axis
from tasks.profiles.counting.column_values import Column, ages_in_days, instant_values, nullable_instants, number_values
from tasks.profiles.value_counts import fit_pins

EVENT_DATE = "event_date"  # the column from which ages are counted back


@dataclass(frozen=True, slots=True)
class Ruler:
    """The bins of a project, fixed at its first training so that all its profiles can be added.

    Parameters
    ----------
    numbers : mapping of str to Axis
        Number columns and the axis of each.
    categories, booleans : tuple of str
        Category columns, boolean columns.
    dates, ages : mapping of str to Axis
        Date columns, which are compared by their age; both have the same names. The axis of the dates is in
        microseconds since 1970 (UTC), that of the ages in whole days from the date to the event date of the row. Dates
        move with the calendar, ages do not.
    """

    numbers: Mapping[str, Axis]
    categories: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    dates: Mapping[str, Axis] = field(default_factory=dict)
    ages: Mapping[str, Axis] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the data, in a fixed order: numbers, booleans, categories, dates."""
        return (*self.numbers, *self.booleans, *self.categories, *self.dates)

    @property
    def needed(self) -> tuple[str, ...]:
        """Every column that rows must have: those of the data, and the event date if there are date columns."""
        return (*self.columns, EVENT_DATE) if self.dates else self.columns


def fit_ruler(
    frame: pd.DataFrame | pa.Table,
    *,
    numbers: Sequence[str],
    categories: Sequence[str],
    booleans: Sequence[str],
) -> Ruler:
    """Fit the ruler to the rows of a first training.

    Parameters
    ----------
    frame : DataFrame or pyarrow.Table
        The training rows of the first model.
    numbers, categories, booleans : sequence of str
        Columns of each kind; number columns may be float64, Float64 or any integer type.

    Raises
    ------
    DataError
        A column is missing, or has values of another kind.

    Examples
    --------
    The lower median of 2, 4, 6, 8 is 4; the squared distances from the mean 5 are 9, 1, 1, 9, their mean is 5.

    >>> ruler = fit_ruler(pd.DataFrame({"size": [2.0, 4.0, 6.0, 8.0]}), numbers=["size"], categories=[], booleans=[])
    >>> ruler.numbers["size"].center, round(ruler.numbers["size"].scale ** 2, 9)
    (4.0, 5.0)
    """
    require_columns(column_names(frame), [*numbers, *booleans, *categories])
    return Ruler(
        numbers={name: _axis(number_values(_column(frame, name), name)) for name in numbers},
        categories=tuple(categories),
        booleans=tuple(booleans),
    )


def with_dates(ruler: Ruler, frame: pd.DataFrame | pa.Table, names: Sequence[str]) -> Ruler:
    """Return a ruler with date columns, which are compared by their age.

    Parameters
    ----------
    ruler : Ruler
        The ruler of the other columns.
    frame : DataFrame or pyarrow.Table
        The training rows of the first model, with their `event_date` if there are names.
    names : sequence of str
        Date columns.

    Raises
    ------
    DataError
        A column is missing, or has values of another kind.

    Examples
    --------
    Built 1, 3 and 5 days before the event: the median age is 3, the squared distances are 4, 0, 4, their mean is 8 / 3.

    >>> built = pd.to_datetime(["2026-03-09", "2026-03-07", "2026-03-05"])
    >>> frame = pd.DataFrame({"built": built, "event_date": pd.Timestamp("2026-03-10")})
    >>> ages = with_dates(Ruler({}), frame, ["built"]).ages["built"]
    >>> ages.center, round(3 * ages.scale**2, 9)
    (3.0, 8.0)
    """
    if not names:
        return ruler
    require_columns(column_names(frame), [*names, EVENT_DATE])
    instants = {name: nullable_instants(_column(frame, name), name) for name in (*names, EVENT_DATE)}
    return replace(
        ruler,
        dates={name: _axis(instant_values(_column(frame, name), name)) for name in names},
        ages={name: _axis(ages_in_days(instants[name], instants[EVENT_DATE])) for name in names},
    )


def column_names(frame: pd.DataFrame | pa.Table | pa.RecordBatch) -> list[str]:
    """Return the column names of a frame, table or batch."""
    return [str(name) for name in (frame.columns if isinstance(frame, pd.DataFrame) else frame.schema.names)]


def require_columns(available: Sequence[str], names: Sequence[str]) -> None:
    """Raise an error when a column is missing.

    Raises
    ------
    DataError
        Names the missing columns and the most similar available one.
    """
    missing = [name for name in names if name not in available]
    if missing:
        hint = nearest(missing[0], list(available))
        raise DataError(
            f"the frame lacks {missing}; the ruler has {list(names)}{hint}. Either the delivery lost a column or the "
            "spec names one that does not exist"
        )


def _column(frame: pd.DataFrame | pa.Table, name: str) -> Column:
    if isinstance(frame, pd.DataFrame):
        return frame[name]
    chunks = frame.column(name).combine_chunks()
    return chunks if isinstance(chunks, pa.Array) else chunks.chunk(0)


def _axis(values: NumberArray) -> Axis:
    finite = values if values.dtype.kind in "iu" else values[np.isfinite(values)]
    return replace(fit_axis(finite), pins=fit_pins(finite))
