"""The ruler: which columns a project's profiles have, and where the bins of its numbers lie."""

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

EVENT_DATE = "event_date"  # the column, beside the ruler's own, that ages are counted back from


@dataclass(frozen=True, slots=True)
class Ruler:
    """Bin geometry of a project, fixed at its first training so that all its profiles can be added.

    Parameters
    ----------
    numbers : mapping of str to Axis
        Number columns and the axis of each.
    categories, booleans : tuple of str
        Category columns, boolean columns.
    dates, ages : mapping of str to Axis
        Columns of dates that are compared by their age, both with the same names: the axis of the dates themselves, in
        microseconds since 1970 (UTC), and that of whole days from the date to the row's event date. A date moves with
        the calendar; its age is what stays.
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
        """Every column that rows must have: those of the data, and where there are dates the event date."""
        return (*self.columns, EVENT_DATE) if self.dates else self.columns


def fit_ruler(
    frame: pd.DataFrame | pa.Table,
    *,
    numbers: Sequence[str],
    categories: Sequence[str],
    booleans: Sequence[str],
) -> Ruler:
    """Return the ruler of a first training's rows.

    Parameters
    ----------
    frame : DataFrame or pyarrow.Table
        The rows the first model learns from.
    numbers, categories, booleans : sequence of str
        Columns of each kind; number columns may be float64, Float64 or any integer type.

    Raises
    ------
    DataError
        A column is missing, or holds values of another kind.

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
    """Return a ruler that has columns of dates too, which are compared by their age.

    Parameters
    ----------
    ruler : Ruler
        That of the other columns.
    frame : DataFrame or pyarrow.Table
        The rows the first model learns from; with their `event_date`, when there are names.
    names : sequence of str
        Columns of dates.

    Raises
    ------
    DataError
        A column is missing, or holds something else.

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
    """Return the names of a frame's, table's or batch's columns."""
    return [str(name) for name in (frame.columns if isinstance(frame, pd.DataFrame) else frame.schema.names)]


def require_columns(known: Sequence[str], names: Sequence[str]) -> None:
    """Refuse data that lacks a column.

    Raises
    ------
    DataError
        Names the missing columns, and the closest one there is.
    """
    missing = [name for name in names if name not in known]
    if missing:
        hint = nearest(missing[0], list(known))
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
