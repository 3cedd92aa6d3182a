"""The profile of a table: one column profile each, and how many rows they summarise."""

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
    """The mergeable summary of some rows.

    Parameters
    ----------
    ruler : Ruler
        The columns and bins; only profiles of one ruler can be added.
    rows : int
        Rows summarised.
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
        """Return the profile of no rows: what adding starts from."""
        return TableCounter(ruler).profile()

    def __add__(self, other: TableProfile) -> TableProfile:
        return sum_profiles([self, other])


def sum_profiles(parts: Sequence[TableProfile]) -> TableProfile:
    """Return the sum of one or more profiles, at once: the same as one by one, in a fraction of the time.

    Raises
    ------
    DataError
        They have different rulers.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    strange = next((each for each in parts if each.ruler != first.ruler), None)
    if strange is not None:
        raise DataError(_different(first.ruler, strange.ruler))
    return TableProfile(
        first.ruler,
        sum(each.rows for each in parts),
        {name: _sum([each.columns[name] for each in parts]) for name in first.columns},
        {name: NumberProfile.of_all([each.dates[name] for each in parts]) for name in first.dates},
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
    """Return the profile of a frame's rows; columns the ruler does not name are left out.

    `profile(a) + profile(b) == profile(a and b)` exactly, in any order and grouping; a column has one type in both.

    Raises
    ------
    DataError
        A column of the ruler is missing, or holds another kind of value.
    """
    counter = TableCounter(ruler)
    counter.add(frame)
    return counter.profile()


class TableCounter:
    """What has been counted so far of a table's columns."""

    def __init__(self, ruler: Ruler) -> None:
        self.ruler = ruler
        self.rows = 0
        self.desk = ScratchBuffers(0)
        self.numbers = {name: NumberColumnCounter(axis) for name, axis in ruler.numbers.items()}
        self.booleans = {name: BooleanColumnCounter() for name in ruler.booleans}
        self.categories = {name: CategoryColumnCounter() for name in ruler.categories}
        self.dates = {name: DateColumnCounter(axis, ruler.ages[name]) for name, axis in ruler.dates.items()}

    def add(self, rows: pd.DataFrame | pa.RecordBatch) -> None:
        """Count rows in; none is counted when a column is missing."""
        require_columns(column_names(rows), self.ruler.needed)
        self.rows += len(rows)
        self.desk = self.desk.for_rows(len(rows))
        for kind in (self.numbers, self.booleans, self.categories):
            for name, counter in kind.items():
                counter.add(_column(rows, name), name, self.desk)
        if self.dates:
            events = nullable_instants(_column(rows, EVENT_DATE), EVENT_DATE)
            for name, date in self.dates.items():
                date.add(_column(rows, name), events, name, self.desk)

    def profile(self) -> TableProfile:
        """Return the profile of what has been counted."""
        columns: dict[str, ColumnProfile] = {
            name: profile_of_counter(kept.counter) for name, kept in self.numbers.items()
        }
        columns |= {name: kept.profile() for name, kept in self.booleans.items()}
        columns |= {name: kept.profile() for name, kept in self.categories.items()}
        columns |= {name: profile_of_counter(kept.ages) for name, kept in self.dates.items()}
        dates = {name: profile_of_counter(kept.instants) for name, kept in self.dates.items()}
        return TableProfile(self.ruler, self.rows, columns, dates)


def _column(rows: pd.DataFrame | pa.RecordBatch, name: str) -> Column:
    return rows[name] if isinstance(rows, pd.DataFrame) else rows.column(name)


def _sum(parts: Sequence[ColumnProfile]) -> ColumnProfile:
    numbers = [each for each in parts if isinstance(each, NumberProfile)]
    if len(numbers) == len(parts):
        return NumberProfile.of_all(numbers)
    categories = [each for each in parts if isinstance(each, CategoryProfile)]
    if len(categories) == len(parts):
        return CategoryProfile.of_all(categories)
    raise DataError("a column is a number in one profile and a category in the other; profile both with the same ruler")


def _different(first: Ruler, second: Ruler) -> str:
    names = sorted(set(first.columns) ^ set(second.columns))
    axes, others = ({**each.numbers, **each.ages} for each in (first, second))
    moved = sorted(n for n in set(axes) & set(others) if axes[n] != others[n])
    found = (
        f"columns {names} are in one only"
        if names
        else f"the bins of {moved} differ"
        if moved
        else "columns differ in kind"
    )
    return (
        f"two profiles of different rulers cannot be added: {found}. A project keeps the ruler of its first training; "
        "profile the rows again with that one"
    )
