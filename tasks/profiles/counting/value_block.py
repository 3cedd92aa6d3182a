"""A block: the finite values of one column that are counted at once, and what is known of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import NumberArray
from tasks.profiles.axis import EXACT_INTEGERS, FARTHEST, Axis
from tasks.profiles.counting.scratch_buffers import CHUNK_ROWS

UNIT = 2.0**20  # z is summed as an integer number of these parts, so that sums do not depend on their order
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
        Some lie beyond what the axis measures.
    large : bool
        Some are integers that a float64 may not hold.
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
        """Tell whether a value lies between the smallest and the largest."""
        return bool(self.low.item() <= value <= self.high.item())


def build_block(values: NumberArray, low: np.generic, high: np.generic, axis: Axis) -> Block:
    """Return the block of values whose extremes are known."""
    farthest = float(np.abs(axis.z(np.array([low, high]))).max())
    return Block(
        values=values,
        low=low,
        high=high,
        far=farthest >= FARTHEST,
        large=values.dtype.kind in "iu" and max(abs(int(low)), abs(int(high))) >= EXACT_INTEGERS,
        steep=CHUNK_ROWS * (farthest * UNIT + 1) ** 2 >= LARGEST_SUM,
    )
