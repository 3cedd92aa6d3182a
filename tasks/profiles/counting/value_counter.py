"""Counts the values of a number column, block by block: exactly while they are few, then by their ranks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import IndexArray, IntArray, NumberArray
from tasks.profiles.axis import ALL_BINS, Axis, exact_number
from tasks.profiles.counting.scratch_buffers import CHUNK_ROWS, ScratchBuffers
from tasks.profiles.counting.value_block import Block
from tasks.profiles.distinct_count import LEAST_RANKS, Ranks, Registers, mix_bits, number_ranks, update_registers
from tasks.profiles.histogram import SMALL_ROWS, occupied_bins
from tasks.profiles.value_counts import EXACT_VALUES, ValueCounts, always_counted, pinned_counts, value_registers

GLANCE_ROWS = 1024  # examined before a whole block is


class ValueCounter:
    """Counts values on an axis."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self.counts: Counter[float] = Counter()
        self.registers: Registers | None = None

    def add(self, block: Block, bins: IndexArray, binned: IntArray, buffers: ScratchBuffers) -> None:
        """Add finite values with their `bins`; `binned` are the counts by bin, empty for few rows."""
        if self.registers is None:
            few = few_values(block.values, bins, binned)
            if few is not None and len(self.counts.keys() | few.keys()) <= EXACT_VALUES:
                self.counts.update(few)
                return
            self.registers = value_registers(self.counts)
            self.counts = Counter(pinned_counts(self.counts, self.axis))
        self._count_pins(block)
        _raise(self.registers, block, block.values[:GLANCE_ROWS], buffers)  # so that most of the others are skipped
        others = block.values[GLANCE_ROWS:]
        if binned.size and not self.registers.min():
            others = np.concatenate(_representatives(block.values, bins, occupied_bins(binned)[0])[:2])
        _raise(self.registers, block, others, buffers)

    def found(self) -> ValueCounts:
        """Return the counts."""
        return ValueCounts(dict(self.counts), None if self.registers is None else self.registers.tobytes())

    def _count_pins(self, block: Block) -> None:
        for pin in always_counted(self.axis):
            rows = rows_with_value(block.values, pin) if block.may_hold(pin) else 0
            if rows:
                self.counts[pin] += rows


def rows_with_value(values: NumberArray, pin: float) -> int:
    """Return the number of rows with exactly this value: no number is rounded.

    >>> rows_with_value(np.array([2**62, 2**62 + 1]), 2.0**62), rows_with_value(np.array([2.0**62]), 2**62 + 1)
    (1, 0)
    """
    if values.dtype.kind == "f":
        return int(np.count_nonzero(values == pin)) if isinstance(pin, float) else 0
    return int(np.count_nonzero(values == int(pin))) if int(pin) == pin else 0


def few_values(values: NumberArray, bins: IndexArray, binned: IntArray) -> dict[float, int] | None:
    """Return the rows of every value, or None when there are more than 64."""
    if values.size <= SMALL_ROWS or not binned.size:
        return _sorted_counts(values)
    occupied, rows = occupied_bins(binned)
    if len(occupied) > EXACT_VALUES or _many(values[:GLANCE_ROWS]):
        return None
    values_of_bins, others, odd = _representatives(values, bins, occupied)
    if not others.size:
        return {exact_number(value): int(count) for value, count in zip(values_of_bins, rows, strict=True)}
    sorted_others = None if _many(others[:GLANCE_ROWS]) else _sorted_counts(others)
    if sorted_others is None:
        return None
    rows = rows - np.bincount(bins[odd], minlength=len(binned))[occupied]
    few = Counter({exact_number(value): int(count) for value, count in zip(values_of_bins, rows, strict=True)})
    few.update(sorted_others)
    return dict(few) if len(few) <= EXACT_VALUES else None


def _representatives(
    values: NumberArray, bins: IndexArray, occupied: IndexArray
) -> tuple[NumberArray, NumberArray, IndexArray]:
    """Return one value of each occupied bin, all values that differ from that of their bin, and their positions.

    When there are few distinct values, those of one bin are mostly equal, and little remains to be sorted or ranked.
    """
    value_of_bin: NDArray[Any] = np.zeros(ALL_BINS, dtype=values.dtype)
    value_of_bin[bins] = values
    odd = np.flatnonzero(value_of_bin[bins] != values)
    return value_of_bin[occupied], values[odd], odd


def _sorted_counts(values: NumberArray) -> dict[float, int] | None:
    distinct, rows = np.unique(values, return_counts=True)
    if len(distinct) > EXACT_VALUES:
        return None
    return {exact_number(value): int(count) for value, count in zip(distinct, rows, strict=True)}


def _many(values: NumberArray) -> bool:
    return len(np.unique(values)) > EXACT_VALUES


def _raise(registers: Registers, block: Block, values: NumberArray, buffers: ScratchBuffers) -> None:
    """Update registers with the ranks of some values of a block, except those that raise none."""
    if values.size:
        least = int(registers.min())
        chunks = [values[start : start + CHUNK_ROWS] for start in range(0, values.size, CHUNK_ROWS)]
        update_registers(registers, np.concatenate([_ranks(block, chunk, least, buffers) for chunk in chunks]))


def _ranks(block: Block, values: NumberArray, least: int, buffers: ScratchBuffers) -> Ranks:
    """Return the ranks of values, without those that raise no register above `least`."""
    if block.large:
        ranks = number_ranks(values)
    else:
        floats = values
        if values.dtype != np.float64 or block.may_hold(0.0):
            floats = np.add(values, 0.0, out=buffers.floats[: values.size])  # minus zero becomes zero
        ranks = mix_bits(floats.view(np.uint64), buffers.ranks[: values.size], buffers.spare[: values.size])
    return ranks[ranks >= LEAST_RANKS[least]] if least else ranks.copy()
