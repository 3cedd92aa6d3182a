"""Bounds on what a delivery takes in memory once it is unpacked; all follow from one budget, `ingest.memory_mb`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from tasks.ingest.readers.unreadable import BrokenError

Chunk: TypeAlias = "pa.Table | pd.DataFrame"

MEBIBYTE = 2**20
DEFAULT_MEMORY_MB = 1024
# Shares of the budget. A chunk is in memory several times while it is read, typed, checked and written.
CHUNK_SHARE = 1 / 16
HELD_SHARE = 1 / 16
ROW_SHARE = 1 / 64
HEADER_SHARE = 1 / 256
TOGETHER_SHARE = 1 / 2
COLUMN_BYTES = 2**15  # what a column takes in Arrow and pandas without any value
POINTER_BYTES = 8
MOST_LEVELS = 100  # of records and lists within others: Arrow, and what writes JSON, follow them by recursion
# Content that is unpacked 200 times is an attack, or too uniform to learn from.
MAX_RATIO = 200
MEMORY_BYTES = "memory_bytes"  # of a frame of Python objects, in its `attrs`


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a delivery may be in memory.

    Examples
    --------
    >>> bounds = Bounds()
    >>> bounds.columns, bounds.chunk_bytes // MEBIBYTE, bounds.row_bytes // MEBIBYTE, bounds.header_bytes // MEBIBYTE
    (32768, 64, 16, 4)
    >>> bounds.unpacked_bytes(100) // MEBIBYTE, bounds.unpacked_bytes(10 * MEBIBYTE) // MEBIBYTE
    (64, 2000)
    """

    memory_mb: int = DEFAULT_MEMORY_MB

    @property
    def columns(self) -> int:
        """The most columns of a delivery."""
        return self.memory_mb * MEBIBYTE // COLUMN_BYTES

    @property
    def chunk_bytes(self) -> int:
        """The most bytes of a chunk."""
        return int(self.memory_mb * MEBIBYTE * CHUNK_SHARE)

    @property
    def held_bytes(self) -> int:
        """The most bytes of a delivery in memory; one with more is kept on disk."""
        return int(self.memory_mb * MEBIBYTE * HELD_SHARE)

    @property
    def row_bytes(self) -> int:
        """The most bytes of a row of text."""
        return int(self.memory_mb * MEBIBYTE * ROW_SHARE)

    @property
    def row_in_memory_bytes(self) -> int:
        """The most bytes of a row as Python objects."""
        return 4 * self.chunk_bytes

    @property
    def header_bytes(self) -> int:
        """The most bytes of the header of a csv file."""
        return int(self.memory_mb * MEBIBYTE * HEADER_SHARE)

    @property
    def together_bytes(self) -> int:
        """The most bytes of all deliveries of a night that are in memory; the others are kept on disk."""
        return int(self.memory_mb * MEBIBYTE * TOGETHER_SHARE)

    def unpacked_bytes(self, packed_bytes: int) -> int:
        """Return the most bytes that a delivery of so many bytes may have once it is unpacked."""
        return max(self.chunk_bytes, MAX_RATIO * packed_bytes)

    def refuse_columns(self, count: int) -> None:
        """Raise `too_large` when there are more columns than allowed."""
        if count > self.columns:
            raise self.too_large(f"it has {count:,} columns", f"at most {self.columns:,}")

    def refuse_unpacked(self, unpacked_bytes: int, packed_bytes: int) -> None:
        """Raise `too_large` when a delivery has more bytes unpacked than allowed."""
        if unpacked_bytes > self.unpacked_bytes(packed_bytes):
            found = f"its {packed_bytes:,} bytes unpack to {unpacked_bytes:,} or more"
            raise self.too_large(found, f"{MAX_RATIO} times its size, or {self.chunk_bytes:,} bytes")

    def too_large(self, found: str, allowed: str) -> BrokenError:
        """Return the error that names the figure found and the one allowed."""
        return BrokenError("too_large", f"{found}; ingest.memory_mb, {self.memory_mb:,}, allows {allowed}")


DEFAULT = Bounds()


def too_deep(what: str) -> BrokenError:
    """Return the error about records and lists within others that cannot be read safely."""
    return BrokenError("too_large", f"{what} has more levels of records and lists than {MOST_LEVELS}")


def within(bounds: Bounds, chunks: Iterable[Chunk], packed_bytes: int) -> Iterator[Chunk]:
    """Yield chunks as long as together they are within the bounds: their columns, and their bytes once unpacked.

    A column that a frame of JSON lines lacks counts as well, because every row has it in the end; and so do the names,
    because a refused row is stored as JSON.

    Raises
    ------
    BrokenError
        `too_large`, before the chunk that is too much is yielded.
    """
    names: dict[str, None] = {}
    rows = unpacked = 0
    for chunk in chunks:
        names |= dict.fromkeys(chunk.column_names if isinstance(chunk, pa.Table) else map(str, chunk.columns))
        bounds.refuse_columns(len(names))
        rows += len(chunk)
        unpacked += size_bytes(chunk)
        bounds.refuse_unpacked(max(unpacked, rows * row_bytes(names)), packed_bytes)
        yield chunk


def row_bytes(names: Iterable[str]) -> int:
    """Return the least bytes of a row with some columns: a pointer and the name of each.

    >>> row_bytes(["id", "price"])
    23
    """
    return sum(POINTER_BYTES + len(name) for name in names)


def size_bytes(chunk: Chunk) -> int:
    """Return the bytes of a chunk in memory; of Python objects as its reader has estimated them.

    Examples
    --------
    >>> size_bytes(pa.table({"rooms": [1, 2]}))
    16
    """
    if isinstance(chunk, pa.Table):
        return int(chunk.nbytes)
    known = chunk.attrs.get(MEMORY_BYTES)
    return int(chunk.memory_usage(deep=True).sum()) if known is None else int(known)
