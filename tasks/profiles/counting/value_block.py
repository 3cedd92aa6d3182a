"""A block: finite values of one column that are counted at once, with facts about all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import NumberArray
from tasks.profiles.axis import EXACT_INTEGERS, FARTHEST, Axis
from tasks.profiles.counting.scratch_buffers import CHUNK_ROWS

UNIT = 2.0**20  # z is summed in integer multiples of 1 / UNIT, so that sums do not depend on the order
LARGEST_SUM = 2.0**63


@dataclass(frozen=True, slots=True)
class Block:
    """Finite values of one column.

    Parameters
    ----------
    values : ndarray
        The values, at least one.
    low, high : numpy number
        The smallest and the largest.
    far : bool
        Some are beyond the range of the axis.
    large : bool
        Some are integers that a float64 may not represent.
    steep : bool
        The squares of a chunk may not fit into 63 bits.
    """

    values: NumberArray
    low: np.generic
    high: np.generic
    far: bool
    large: bool
    steep: bool

    def may_hold(self, value: float) -> bool:
        """Return whether a value is between the smallest and the largest."""
        return bool(self.low.item() <= value <= self.high.item())


def build_block(values: NumberArray, low: np.generic, high: np.generic, axis: Axis) -> Block:
    """Return the block of values, given their extremes."""
    farthest = float(np.abs(axis.z(np.array([low, high]))).max())
    return Block(
        values=values,
        low=low,
        high=high,
        far=farthest >= FARTHEST,
        large=values.dtype.kind in "iu" and max(abs(int(low)), abs(int(high))) >= EXACT_INTEGERS,
        steep=CHUNK_ROWS * (farthest * UNIT + 1) ** 2 >= LARGEST_SUM,
    )
