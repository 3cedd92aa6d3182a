"""Value counts of a number column: rows by value while there are few values, then a distinct count and pinned values.

The rows of up to 64 distinct values are counted exactly: flags, ratings, counts, a sensor that is stuck. Beyond that,
the profile has an estimate of the number of distinct values and the exact rows of pinned values: 0, and the values that
were frequent when the ruler was fitted (a default price, a code for "unknown"). The form depends only on the rows, not
on their order, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.arrays import NumberArray
from tasks.profiles.axis import Axis, exact_number
from tasks.profiles.distinct_count import (
    Ranks,
    Registers,
    empty_registers,
    estimate_distinct,
    float_ranks,
    number_ranks,
    update_registers,
)

EXACT_VALUES = 64
PIN_SHARE = 0.05
MOST_PINS = 8
UNSIGNED = 2**63  # from here on integers are uint64


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """The counted values of a number column.

    Parameters
    ----------
    counts : mapping of float to int
        Rows of each value: of all values without registers, else of the pinned values that occur. Integers that no
        float represents are ints.
    registers : bytes or None
        Registers of `tasks.profiles.distinct_count`; None while every value is in `counts`.

    Examples
    --------
    >>> flags = ValueCounts({0.0: 3, 1.0: 1})
    >>> flags.distinct, flags.complete, flags.most_frequent
    (2.0, True, (0.0, 3))
    """

    counts: Mapping[float, int]
    registers: bytes | None = None

    @property
    def complete(self) -> bool:
        """Whether all values are counted and `distinct` is exact."""
        return self.registers is None

    @property
    def distinct(self) -> float:
        """Number of distinct values: exact while complete, else within about 5 %."""
        if self.registers is None:
            return float(len(self.counts))
        return estimate_distinct(np.frombuffer(self.registers, dtype=np.uint8))

    @property
    def most_frequent(self) -> tuple[float, int] | None:
        """The most frequent value in `counts` (of equals the smallest) with its rows; None without any."""
        return min(self.counts.items(), key=lambda item: (-item[1], item[0]), default=None)

    @classmethod
    def of_all(cls, parts: Sequence[ValueCounts], axis: Axis) -> ValueCounts:
        """Return the sum of several value counts; `axis` is the axis of their column."""
        counts: dict[float, int] = {}
        for part in parts:
            for value, rows in part.counts.items():
                counts[value] = counts.get(value, 0) + rows
        if len(counts) <= EXACT_VALUES and all(part.complete for part in parts):
            return cls(counts)
        registers = np.maximum.reduce([_registers(part) for part in parts])
        return cls(pinned_counts(counts, axis), registers.tobytes())


def always_counted(axis: Axis) -> tuple[float, ...]:
    """Return the values with rows that are always counted: 0 and the pins of the axis."""
    return (0.0, *axis.pins)


def pinned_counts(counts: Mapping[float, int], axis: Axis) -> dict[float, int]:
    """Return the counts of the always counted values that occur."""
    return {value: counts[value] for value in always_counted(axis) if counts.get(value)}


def value_ranks(values: list[float]) -> Ranks:
    """Return the ranks of values as `exact_number` gives them: floats, and ints that no float represents."""
    floats = float_ranks(np.array([value for value in values if isinstance(value, float)], dtype=np.float64))
    integers = [value for value in values if isinstance(value, int)]
    signed = number_ranks(np.array([value for value in integers if value < UNSIGNED], dtype=np.int64))
    unsigned = number_ranks(np.array([value for value in integers if value >= UNSIGNED], dtype=np.uint64))
    return np.concatenate([floats, signed, unsigned])


def fit_pins(values: NumberArray) -> tuple[float, ...]:
    """Return the values to pin: at most eight values other than 0 with 5 % of the rows or more.

    A column with no more than 64 distinct values needs none: all of its rows are counted by value.

    Examples
    --------
    Of 1,000 rows, 100 have the value 9.5; every other value occurs once.

    >>> fit_pins(np.concatenate([np.full(100, 9.5), np.arange(900.0)]))
    (9.5,)
    >>> fit_pins(np.array([9.5, 9.5, 1.0]))
    ()
    """
    distinct, rows = np.unique(values, return_counts=True)
    if len(distinct) <= EXACT_VALUES:
        return ()
    often = np.flatnonzero((rows >= PIN_SHARE * values.size) & (distinct != 0))
    most = often[np.argsort(-rows[often], kind="stable")][:MOST_PINS]
    return tuple(sorted(exact_number(distinct[at]) for at in most))


def value_registers(counts: Mapping[float, int]) -> Registers:
    """Return the registers of values."""
    registers = empty_registers()
    if counts:
        update_registers(registers, value_ranks(list(counts)))
    return registers


def _registers(values: ValueCounts) -> Registers:
    if values.registers is None:
        return value_registers(values.counts)
    return np.frombuffer(values.registers, dtype=np.uint8)
