"""The profile of a table: one column profile each, and how many rows they summarise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.errors import DataError
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.counting.column_counters import Booleans, Categories, Dates, Numbers, Texts, Times
from tasks.profiles.counting.column_values import Column, instants_and_nulls
from tasks.profiles.counting.scratch_buffers import ScratchBuffers
from tasks.profiles.distinct_count import Registers, distinct_estimate
from tasks.profiles.number_profile import NumberProfile, counted
from tasks.profiles.ruler import EVENT_DATE, Ruler, names_of, require_columns

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
        One profile per number, boolean and category of the ruler, in its order; then "NAME.weekday" and "NAME.hour" of
        each time, "NAME.length" of each text, and the age of each date, in days before the event date, under the
        date's own name. All of them can be compared with a reference.
    times : mapping of str to NumberProfile
        When, in microseconds since 1970 (UTC), for each column of times or dates. It moves by nature, so nothing
        compares it.
    texts : mapping of str to bytes
        Registers of `tasks.profiles.distinct_count` for each text column.

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
    times: Mapping[str, NumberProfile] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def empty(cls, ruler: Ruler) -> TableProfile:
        """Return the profile of no rows: what adding starts from."""
        return TableCounter(ruler).profile()

    def distinct(self, column: str) -> float:
        """Return how many different values a column of the ruler has; exact while few, else within about 5 %."""
        if column in self.texts:
            return distinct_estimate(np.frombuffer(self.texts[column], dtype=np.uint8))
        return (self.times[column] if column in self.times else self.columns[column]).distinct

    def __add__(self, other: TableProfile) -> TableProfile:
        return added([self, other])


def added(parts: Sequence[TableProfile]) -> TableProfile:
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
        {name: NumberProfile.of_all([each.times[name] for each in parts]) for name in first.times},
        {name: _union([each.texts[name] for each in parts]) for name in first.texts},
    )


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


def profile_stream(batches: Iterable[pa.RecordBatch], ruler: Ruler) -> TableProfile:
    """Return the profile of all rows of a stream of Arrow batches, of which only one is held at a time.

    It is the same that `profile` gives of the frame they would make. Batches of 65,536 rows are counted fastest, and
    categories dictionary-encoded (`read_dictionary` of pyarrow.parquet); memory does not grow with their number.

    Raises
    ------
    DataError
        A column of the ruler is missing, or holds another kind of value.

    Examples
    --------
    >>> ruler = Ruler(numbers={}, categories=("plan",))
    >>> plans = {"plan": ["basic", "pro", None]}
    >>> profile_stream(pa.table(plans).to_batches(), ruler) == profile(pd.DataFrame(plans), ruler)
    True
    """
    counter = TableCounter(ruler)
    for batch in batches:
        counter.add(batch)
    return counter.profile()


class TableCounter:
    """What has been counted so far of a table's columns."""

    def __init__(self, ruler: Ruler) -> None:
        self.ruler = ruler
        self.rows = 0
        self.desk = ScratchBuffers(0)
        self.numbers = {name: Numbers(axis) for name, axis in ruler.numbers.items()}
        self.booleans = {name: Booleans() for name in ruler.booleans}
        self.categories = {name: Categories() for name in ruler.categories}
        self.times = {name: Times(axis) for name, axis in ruler.times.items()}
        self.texts = {name: Texts(axis) for name, axis in ruler.texts.items()}
        self.dates = {name: Dates(axis, ruler.ages[name]) for name, axis in ruler.dates.items()}

    def add(self, rows: pd.DataFrame | pa.RecordBatch) -> None:
        """Count rows in; none is counted when a column is missing."""
        require_columns(names_of(rows), self.ruler.needed)
        self.rows += len(rows)
        self.desk = self.desk.for_rows(len(rows))
        for kind in (self.numbers, self.booleans, self.categories, self.times, self.texts):
            for name, counter in kind.items():
                counter.add(_column(rows, name), name, self.desk)
        if self.dates:
            events = instants_and_nulls(_column(rows, EVENT_DATE), EVENT_DATE)
            for name, date in self.dates.items():
                date.add(_column(rows, name), events, name, self.desk)

    def profile(self) -> TableProfile:
        """Return the profile of what has been counted."""
        columns: dict[str, ColumnProfile] = {name: counted(kept.counter) for name, kept in self.numbers.items()}
        columns |= {name: kept.profile() for name, kept in self.booleans.items()}
        columns |= {name: kept.profile() for name, kept in self.categories.items()}
        for name, kept in self.times.items():
            columns |= {f"{name}.{cycle}": found for cycle, found in kept.cycles().items()}
        columns |= {f"{name}.length": counted(kept.lengths) for name, kept in self.texts.items()}
        columns |= {name: counted(kept.ages) for name, kept in self.dates.items()}
        times = {name: counted(kept.instants) for name, kept in (self.times | self.dates).items()}
        texts = {name: kept.registers.tobytes() for name, kept in self.texts.items()}
        return TableProfile(self.ruler, self.rows, columns, times, texts)


def _column(rows: pd.DataFrame | pa.RecordBatch, name: str) -> Column:
    return rows[name] if isinstance(rows, pd.DataFrame) else rows.column(name)


def _union(parts: Sequence[bytes]) -> bytes:
    registers: Registers = np.maximum.reduce([np.frombuffer(each, dtype=np.uint8) for each in parts])
    return registers.tobytes()


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
