"""One counter for each kind of column: it counts batch by batch and returns the profile."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.arrays import IntArray
from tasks.profiles.axis import Axis
from tasks.profiles.category_profile import CategoryProfile, bound_categories
from tasks.profiles.counting.column_values import (
    Column,
    ages_in_days,
    boolean_counts,
    category_counts,
    code_counts,
    named_counts,
    nullable_instants,
    number_values,
)
from tasks.profiles.counting.number_counter import NumberCounter
from tasks.profiles.counting.scratch_buffers import ScratchBuffers


@dataclass(slots=True)
class NumberColumnCounter:
    """A number column."""

    axis: Axis
    counter: NumberCounter = field(init=False)

    def __post_init__(self) -> None:
        self.counter = NumberCounter(self.axis)

    def add(self, column: Column, name: str, buffers: ScratchBuffers) -> None:
        """Add the rows of a column."""
        self.counter.add(number_values(column, name), len(column), buffers)


@dataclass(slots=True)
class CategoryColumnCounter:
    """A category column; while batches share a dictionary, their codes are counted instead of names."""

    rows: int = 0
    present: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rest: Counter[int] = field(default_factory=Counter)
    dictionary: pa.Array | None = None
    codes: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, column: Column, _name: str, _buffers: ScratchBuffers) -> None:
        """Add the rows of a column."""
        self.rows += len(column)
        if isinstance(column, pd.Series) or not pa.types.is_dictionary(column.type):
            self._name(*category_counts(column))
            return
        if self.dictionary is None or not self.dictionary.equals(column.dictionary):
            self._end_dictionary()
            self.dictionary, self.codes = column.dictionary, np.zeros(len(column.dictionary), dtype=np.int64)
        self.codes += code_counts(column)

    def profile(self) -> CategoryProfile:
        """Return the profile of the counted rows."""
        self._end_dictionary()
        return CategoryProfile(self.rows, self.rows - self.present, dict(self.counts), dict(self.rest))

    def _end_dictionary(self) -> None:
        if self.dictionary is not None:
            self._name(*named_counts(self.dictionary, self.codes))
            self.dictionary = None

    def _name(self, names: list[str], rows: IntArray) -> None:
        for category, count in zip(names, rows.tolist(), strict=True):
            self.counts[category] += count
        self.present += int(rows.sum())
        named, buckets = bound_categories(self.counts, self.rest)
        self.counts, self.rest = Counter(named), Counter(buckets)


@dataclass(slots=True)
class BooleanColumnCounter:
    """A boolean column."""

    rows: int = 0
    true: int = 0
    false: int = 0

    def add(self, column: Column, name: str, _buffers: ScratchBuffers) -> None:
        """Add the rows of a column."""
        true, false = boolean_counts(column, name)
        self.rows, self.true, self.false = self.rows + len(column), self.true + true, self.false + false

    def profile(self) -> CategoryProfile:
        """Return the profile of the counted rows."""
        counts = {name: rows for name, rows in (("true", self.true), ("false", self.false)) if rows}
        return CategoryProfile(self.rows, self.rows - self.true - self.false, counts)


@dataclass(slots=True)
class DateColumnCounter:
    """A date column: the dates themselves, and their ages in days before the event date."""

    when: Axis
    age: Axis
    instants: NumberCounter = field(init=False)
    ages: NumberCounter = field(init=False)

    def __post_init__(self) -> None:
        self.instants, self.ages = NumberCounter(self.when), NumberCounter(self.age)

    def add(self, column: Column, events: pa.Int64Array, name: str, buffers: ScratchBuffers) -> None:
        """Add the rows of a column; `events` are their event dates, in microseconds since 1970."""
        instants = nullable_instants(column, name)
        self.instants.add(instants.drop_null().to_numpy(zero_copy_only=True), len(column), buffers)
        self.ages.add(ages_in_days(instants, events), len(column), buffers)
