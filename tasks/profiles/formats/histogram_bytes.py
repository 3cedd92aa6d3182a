"""The arrays of a number column's histogram as bytes, in the narrowest unsigned integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import BinArray, IntArray
from tasks.profiles.number_profile import NumberProfile


def bin_steps(column: NumberProfile) -> IntArray:
    """Return the first bin, and the difference of each other bin from the one before."""
    bins = column.bins.astype(np.int64)
    bins[1:] -= bins[:-1].copy()
    return bins


def byte_widths(column: NumberProfile) -> list[int]:
    """Return the bytes of a step between bins, and of a count."""
    arrays = (bin_steps(column)[1:], column.counts)
    return [np.min_scalar_type(int(array.max(initial=0))).itemsize for array in arrays]


def histogram_bytes(column: NumberProfile) -> bytes:
    """Return the bins and counts of a column as bytes."""
    if not len(column.bins):
        return b""
    steps = bin_steps(column)
    step_bytes, count_bytes = byte_widths(column)
    first = int(steps[0]).to_bytes(2, "little")
    return first + steps[1:].astype(f"<u{step_bytes}").tobytes() + column.counts.astype(f"<u{count_bytes}").tobytes()


@dataclass(slots=True)
class ArrayReader:
    """A position in the bytes of the arrays."""

    body: bytes
    at: int

    def take(self, length: int) -> bytes:
        """Return the next bytes.

        Raises
        ------
        ValueError
            There are fewer.
        """
        if self.at + length > len(self.body):
            raise ValueError(f"expected {length} bytes at {self.at} of {len(self.body)}")
        self.at += length
        return self.body[self.at - length : self.at]

    def integers(self, count: int, width: int) -> IntArray:
        """Return the next integers of a width in bytes."""
        return np.frombuffer(self.take(count * width), dtype=f"<u{width}").astype(np.int64)

    def histogram(self, count: int, widths: list[int]) -> tuple[BinArray, IntArray]:
        """Return the next bins and their counts."""
        step_bytes, count_bytes = widths
        steps = np.concatenate([self.integers(min(count, 1), 2), self.integers(max(count - 1, 0), step_bytes)])
        return np.cumsum(steps).astype(np.uint16), self.integers(count, count_bytes)

    def finish(self) -> None:
        """Raise an error when bytes are left.

        Raises
        ------
        ValueError
            Bytes were not read.
        """
        if self.at != len(self.body):
            raise ValueError(f"{len(self.body) - self.at} bytes are left over")
