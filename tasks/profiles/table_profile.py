"""The profile of a table: one profile for each column, and the number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from tasks.errors import DataError
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.counting.column_counters import (
    BooleanColumnCounter,
    CategoryColumnCounter,
    DateColumnCounter,
    NumberColumnCounter,
)
from tasks.profiles.counting.column_values import Column, nullable_instants
from tasks.profiles.counting.scratch_buffers import ScratchBuffers
from tasks.profiles.number_profile import NumberProfile, profile_of_counter
from tasks.profiles.ruler import EVENT_DATE, Ruler, column_names, require_columns

ColumnProfile: TypeAlias = NumberProfile | CategoryProfile


@dataclass(frozen=True, slots=True)
class TableProfile:
    """The summary of the rows of a table; summaries can be added.

    Parameters
    ----------
    ruler : Ruler
        The columns and bins; only profiles of one ruler can be added.
    rows : int
        Number of rows.
    columns : mapping of str to NumberProfile or CategoryProfile
        One profile per number, boolean and category of the ruler, in its order; then the age of each date column, in
        days before the event date, under the name of the date column. All of them are compared with a reference.
    dates : mapping of str to NumberProfile
        The dates themselves, in microseconds since 1970 (UTC). They move with the calendar, so they are not compared.

    Examples
    --------
    >>> ruler = Ruler(numbers={}, categories=("plan",))
    >>> first = profile(pd.DataFrame({"plan": ["basic", "pro"]}), ruler)
    >>> second = profile(pd.DataFrame({"plan": ["pro"]}), ruler)
    >>> first + second == profile(pd.DataFrame({"plan": ["basic", "pro", "pro"]}), ruler)
    True
    >>> first + TableProfile.empty(ruler) == first
    True
    """

    ruler: Ruler
    rows: int
    columns: Mapping[str, ColumnProfile]
    dates: Mapping[str, NumberProfile] = field(default_factory=dict)

    @classmethod
    def empty(cls, ruler: Ruler) -> TableProfile:
        """Return the profile of no rows, the neutral element of addition."""
        return TableCounter(ruler).profile()

    def __add__(self, other: TableProfile) -> TableProfile:
        return sum_profiles([self, other])


def sum_profiles(parts: Sequence[TableProfile]) -> TableProfile:
    """Return the sum of one or more profiles; faster than adding them one by one.

    Raises
    ------
    DataError
        They have different rulers.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    other = next((part for part in parts if part.ruler != first.ruler), None)
    if other is not None:
        raise DataError(_different(first.ruler, other.ruler))
    return TableProfile(
        first.ruler,
        sum(part.rows for part in parts),
        {name: _sum([part.columns[name] for part in parts]) for name in first.columns},
        {name: NumberProfile.of_all([part.dates[name] for part in parts]) for name in first.dates},
    )


def added_by_day(parts: Iterable[tuple[date, TableProfile]]) -> dict[date, TableProfile]:
    """Return the sum of the profiles of each day.

    Raises
    ------
    DataError
        Profiles of one day have different rulers.
    """
    by_day: dict[date, list[TableProfile]] = {}
    for day, part in parts:
        by_day.setdefault(day, []).append(part)
    return {day: sum_profiles(of_day) for day, of_day in by_day.items()}


def profile(frame: pd.DataFrame, ruler: Ruler) -> TableProfile:
    """Return the profile of the rows of a frame; columns that are not in the ruler are ignored.

    The sum of two profiles equals the profile of all rows exactly, in any order and grouping; a column has one type in
    both.

    Raises
    ------
    DataError
        A column of the ruler is missing, or has values of another kind.
    """
    counter = TableCounter(ruler)
    counter.add(frame)
    return counter.profile()


class TableCounter:
    """Counts the rows of a table, batch by batch."""

    def __init__(self, ruler: Ruler) -> None:
        self.ruler = ruler
        self.rows = 0
        self.buffers = ScratchBuffers(0)
        self.numbers = {name: NumberColumnCounter(axis) for name, axis in ruler.numbers.items()}
        self.booleans = {name: BooleanColumnCounter() for name in ruler.booleans}
        self.categories = {name: CategoryColumnCounter() for name in ruler.categories}
        self.dates = {name: DateColumnCounter(axis, ruler.ages[name]) for name, axis in ruler.dates.items()}

    def add(self, rows: pd.DataFrame | pa.RecordBatch) -> None:
        """Add rows; none is counted when a column is missing."""
        require_columns(column_names(rows), self.ruler.needed)
        self.rows += len(rows)
        self.buffers = self.buffers.for_rows(len(rows))
        for kind in (self.numbers, self.booleans, self.categories):
            for name, counter in kind.items():
                counter.add(_column(rows, name), name, self.buffers)
        if self.dates:
            events = nullable_instants(_column(rows, EVENT_DATE), EVENT_DATE)
            for name, date in self.dates.items():
                date.add(_column(rows, name), events, name, self.buffers)

    def profile(self) -> TableProfile:
        """Return the profile of the counted rows."""
        columns: dict[str, ColumnProfile] = {
            name: profile_of_counter(counter.counter) for name, counter in self.numbers.items()
        }
        columns |= {name: counter.profile() for name, counter in self.booleans.items()}
        columns |= {name: counter.profile() for name, counter in self.categories.items()}
        columns |= {name: profile_of_counter(counter.ages) for name, counter in self.dates.items()}
        dates = {name: profile_of_counter(counter.instants) for name, counter in self.dates.items()}
        return TableProfile(self.ruler, self.rows, columns, dates)


def _column(rows: pd.DataFrame | pa.RecordBatch, name: str) -> Column:
    return rows[name] if isinstance(rows, pd.DataFrame) else rows.column(name)


def _sum(parts: Sequence[ColumnProfile]) -> ColumnProfile:
    numbers = [part for part in parts if isinstance(part, NumberProfile)]
    if len(numbers) == len(parts):
        return NumberProfile.of_all(numbers)
    categories = [part for part in parts if isinstance(part, CategoryProfile)]
    if len(categories) == len(parts):
        return CategoryProfile.of_all(categories)
    raise DataError("a column is a number in one profile and a category in the other; profile both with the same ruler")


def _different(first: Ruler, second: Ruler) -> str:
    names = sorted(set(first.columns) ^ set(second.columns))
    axes, others = ({**ruler.numbers, **ruler.ages} for ruler in (first, second))
    moved = sorted(n for n in set(axes) & set(others) if axes[n] != others[n])
    difference = (
        f"columns {names} are in one only"
        if names
        else f"the bins of {moved} differ"
        if moved
        else "columns differ in kind"
    )
    return (
        f"two profiles of different rulers cannot be added: {difference}. A project keeps the ruler of its first "
        "training; profile the rows again with that one"
    )
