"""Scratch memory that columns are counted in: taken once, used by one column after the other.

A chunk's arrays stay in the processor's cache while it is worked on; memory taken anew for each would cost as much time
as the arithmetic.
"""

from __future__ import annotations

import numpy as np

CHUNK_ROWS = 1 << 15  # worked on at once; the sums of a chunk fit into 64 bits
BLOCK_ROWS = 1 << 16  # whose bins are counted at once


class ScratchBuffers:
    """Arrays of one chunk, and the bins of one block.

    Parameters
    ----------
    rows : int
        The most rows that one column will be given at once; no more memory than these need is taken.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        chunk, block = min(rows, CHUNK_ROWS), min(rows, BLOCK_ROWS)
        self.floats = np.empty(chunk)
        self.parts = np.empty(chunk)
        self.singles = np.empty(chunk, dtype=np.float32)
        self.ranks = np.empty(chunk, dtype=np.uint64)
        self.spare = np.empty(chunk, dtype=np.uint64)
        self.bins = np.empty(block, dtype=np.intp)

    def for_rows(self, rows: int) -> ScratchBuffers:
        """Return this desk when it is large enough for columns of so many rows, else a larger one."""
        return self if rows <= self.rows else ScratchBuffers(rows)
