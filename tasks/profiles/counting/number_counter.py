"""Counts a number column block by block: 22 million values in a fifth of a second, in constant memory.

The state between blocks consists of sums of integers, minima and maxima, so that blocks may be cut anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tasks.arrays import FloatArray, NumberArray
from tasks.profiles.axis import Axis, exact_number
from tasks.profiles.counting.scratch_buffers import BLOCK_ROWS, CHUNK_ROWS, ScratchBuffers
from tasks.profiles.counting.value_block import UNIT, Block, build_block
from tasks.profiles.counting.value_counter import ValueCounter
from tasks.profiles.histogram import Histogram

ROUNDING = 1.5 * 2.0**52  # added to a float64, it rounds it to an integer in the last bits
ROUNDING_BITS = np.float64(ROUNDING).view(np.int64)
WORD = 1 << 64
FIRST_HALF = 1 if np.little_endian else 0


@dataclass(slots=True)
class NumberCounter:
    """Counts a number column on an axis."""

    axis: Axis
    rows: int = 0
    nulls: int = 0
    positive_infinities: int = 0
    negative_infinities: int = 0
    minimum: float | None = None
    maximum: float | None = None
    total: int = 0
    total_squares: int = 0
    histogram: Histogram = field(default_factory=Histogram)
    value_counts: ValueCounter = field(init=False)

    def __post_init__(self) -> None:
        self.value_counts = ValueCounter(self.axis)

    def add(self, values: NumberArray, rows: int, buffers: ScratchBuffers) -> None:
        """Add values.

        Parameters
        ----------
        values : ndarray
            The values that are not null; nan counts as null.
        rows : int
            Number of rows, with nulls.
        buffers : ScratchBuffers
            Scratch memory.
        """
        self.rows += rows
        self.nulls += rows - values.size
        for start in range(0, values.size, BLOCK_ROWS):
            block = self._block(values[start : start + BLOCK_ROWS])
            if block is not None:
                self._add_block(block, buffers)

    def _block(self, values: NumberArray) -> Block | None:
        """Return the finite values, None when there are none; the others are counted."""
        low, high = values.min(), values.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = values[np.isfinite(values)]
            positive, negative = int(np.sum(values == np.inf)), int(np.sum(values == -np.inf))
            self.positive_infinities += positive
            self.negative_infinities += negative
            self.nulls += values.size - finite.size - positive - negative
            if not finite.size:
                return None
            values, low, high = finite, finite.min(), finite.max()
        return build_block(values, low, high, self.axis)

    def _add_block(self, block: Block, buffers: ScratchBuffers) -> None:
        low, high = exact_number(block.low), exact_number(block.high)
        self.minimum = low if self.minimum is None else min(self.minimum, low)
        self.maximum = high if self.maximum is None else max(self.maximum, high)
        bins = buffers.bins[: block.values.size]
        for start in range(0, block.values.size, CHUNK_ROWS):
            z = _z(block, start, self.axis, buffers)
            singles = buffers.singles[: z.size]
            np.copyto(singles, z, casting="same_kind")
            np.copyto(bins[start : start + z.size], singles.view(np.uint16)[FIRST_HALF::2])
            self._add_moments(z, buffers, steep=block.steep)
        self.value_counts.add(block, bins, self.histogram.add(bins), buffers)

    def _add_moments(self, z: FloatArray, buffers: ScratchBuffers, *, steep: bool) -> None:
        parts = np.multiply(z, UNIT, out=buffers.parts[: z.size])
        np.add(parts, ROUNDING, out=parts)
        integers = parts.view(np.int64)
        np.subtract(integers, ROUNDING_BITS, out=integers)
        self.total += int(integers.sum())
        squares = int(integers @ integers)  # exact up to multiples of 2**64, which a float sum determines
        if steep:
            floats = integers.astype(np.float64)
            squares += round((float(np.einsum("i,i->", floats, floats)) - squares) / WORD) * WORD
        self.total_squares += squares


def _z(block: Block, start: int, axis: Axis, buffers: ScratchBuffers) -> FloatArray:
    """Return one chunk in scales from the center; it uses the memory of the buffers."""
    values = block.values[start : start + CHUNK_ROWS]
    if block.far or block.large:
        return axis.z(np.add(values, 0))  # minus zero becomes zero
    z = buffers.floats[: values.size]
    if values.dtype != z.dtype:
        np.copyto(z, values)
        values = z
    np.add(values, 0.0 - axis.center, out=z)  # 0.0 - center, so that minus zero becomes zero
    return np.divide(z, axis.scale, out=z)
