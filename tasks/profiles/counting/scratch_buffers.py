"""Scratch memory for counting columns: allocated once and used by one column after the other.

The arrays of a chunk stay in the cache of the processor; allocating them for each chunk would take as long as the
arithmetic.
"""

from __future__ import annotations

import numpy as np

CHUNK_ROWS = 1 << 15  # rows of a chunk; the sums of a chunk fit into 64 bits
BLOCK_ROWS = 1 << 16  # rows of a block; its bins are counted at once


class ScratchBuffers:
    """Arrays of one chunk, and the bins of one block.

    Parameters
    ----------
    rows : int
        Largest number of rows of one column at once; it limits the memory.
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
        """Return these buffers if they are large enough for columns of `rows` rows, else larger ones."""
        return self if rows <= self.rows else ScratchBuffers(rows)
