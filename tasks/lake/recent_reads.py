"""What was read a moment ago, kept for the next step that needs the same: frames in memory, large batches on disk."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any

import pandas as pd
import pyarrow as pa

MOST_ROWS = 200_000
MOST_BYTES = 2**31  # on disk: about seven million rows of 30 columns


@dataclass
class RecentFrames:
    """The most recently used frames, as many as have `most_rows` rows together; a larger frame is not kept.

    Examples
    --------
    >>> recent = RecentFrames(most_rows=2)
    >>> def read():
    ...     print("read")
    ...     return pd.DataFrame({"x": [1, 2]})
    >>> len(recent.get("a", read)), len(recent.get("a", read))
    read
    (2, 2)
    >>> recent.get("b", read).equals(recent.get("a", read))
    read
    read
    True
    """

    most_rows: int = MOST_ROWS
    _frames: dict[Hashable, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    def get(self, key: Hashable, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return the frame of a key, read if it is not kept; a change to it does not reach the kept one.

        Parameters
        ----------
        key : hashable
            Names the content: the same key always has the same rows.
        """
        frame = self._frames.pop(key, None)
        if frame is None:
            frame = read()
        if len(frame) <= self.most_rows:
            self._frames[key] = frame
            while sum(map(len, self._frames.values())) > self.most_rows:
                del self._frames[next(iter(self._frames))]
        return frame.copy(deep=False)  # copy-on-write


@dataclass
class RecentPieces:
    """The most recently read pieces, as many as have `most_bytes` on disk together; more of one key are not kept.

    To read pieces from Parquet takes ten times as long as to map them: they are decoded and unpacked. They are in files
    without a name, which no other process can open, and which end with this process.

    Examples
    --------
    >>> recent = RecentPieces()
    >>> def read():
    ...     print("read")
    ...     yield pa.record_batch({"x": [1, 2]})
    ...     yield pa.record_batch({"x": [3]})
    >>> [[piece["x"].to_pylist() for piece in recent.get("a", read)] for _ in range(2)]
    read
    [[[1, 2], [3]], [[1, 2], [3]]]
    """

    most_bytes: int = MOST_BYTES
    _kept: dict[Hashable, mmap.mmap] = field(default_factory=dict, init=False, repr=False)

    def get(self, key: Hashable, read: Callable[[], Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
        """Yield the pieces of a key, with the same cuts each time; they are read if they are not kept.

        Parameters
        ----------
        key : hashable
            Names the content: the same key always has the same rows.
        read : callable
            Yields the pieces, all with the same columns.
        """
        kept = self._kept.pop(key, None)
        if kept is None:
            yield from self._keeping(key, read())
            return
        self._kept[key] = kept
        with pa.ipc.open_file(pa.py_buffer(kept)) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
                kept.madvise(mmap.MADV_DONTNEED)  # else all pieces are in memory in the end

    def _keeping(self, key: Hashable, pieces: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield pieces, and keep them once all were read; those that the disk has no space for are not kept."""
        with TemporaryFile(prefix="leeway-") as file:
            written = _Written(file, self.most_bytes)
            for piece in pieces:
                written.add(piece)
                yield piece
            if (kept := written.mapped()) is None:
                return
        self._kept[key] = kept
        while sum(map(len, self._kept.values())) > self.most_bytes:
            del self._kept[next(iter(self._kept))]


class _Written:
    """Pieces in a file, as long as there is space for them."""

    def __init__(self, file: Any, most_bytes: int) -> None:
        self._file, self._most_bytes, self._fits = file, most_bytes, True
        self._writer: pa.RecordBatchFileWriter | None = None

    def add(self, piece: pa.RecordBatch) -> None:
        """Write a piece."""
        if not self._fits:
            return
        try:
            if self._writer is None:
                self._writer = pa.ipc.new_file(self._file, piece.schema)
            self._writer.write_batch(piece)
            self._fits = self._file.tell() <= self._most_bytes
        except OSError:
            self._fits = False

    def mapped(self) -> mmap.mmap | None:
        """Return what was written, mapped; None if it is not everything, or nothing."""
        if self._writer is None or not self._fits:
            return None
        try:
            self._writer.close()
            self._file.flush()
        except OSError:
            return None
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
