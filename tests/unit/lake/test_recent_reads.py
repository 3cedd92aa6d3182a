"""Pieces that were read a moment ago come back as they were, or are read again."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.lake import recent_reads
from tasks.lake.recent_reads import RecentPieces

PIECES = st.lists(st.lists(st.one_of(st.none(), st.floats(), st.just(-0.0)), max_size=4), max_size=4)


class Store:
    """Pieces by key, and how often each key was read."""

    def __init__(self, **pieces: Sequence[Sequence[float | None]]) -> None:
        self.pieces, self.reads = pieces, list[str]()

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        self.reads.append(key)
        for values in self.pieces[key]:
            texts = pa.array([repr(value) for value in values], pa.large_string())
            yield pa.record_batch({"x": pa.array(values, pa.float64()), "text": texts})

    def through(self, recent: RecentPieces, key: str) -> list[pa.RecordBatch]:
        return [*recent.get(key, lambda: self.read(key))]


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_what_is_kept_is_what_was_read_with_the_same_cuts(values: list[list[float | None]]) -> None:
    store, recent = Store(a=values), RecentPieces()
    first, second = store.through(recent, "a"), store.through(recent, "a")
    assert [piece.serialize().to_pybytes() for piece in first] == [piece.serialize().to_pybytes() for piece in second]
    assert store.reads == (["a"] if values else ["a", "a"])


def test_the_least_recently_used_pieces_leave_first_and_too_many_are_not_kept() -> None:
    one = [[1.0] * 1000]
    store, recent = Store(a=one, b=one, c=one, large=one * 3), RecentPieces(most_bytes=50_000)
    for key in ("a", "b", "a", "c", "a", "b", "large", "b", "large"):
        store.through(recent, key)
    assert store.reads == ["a", "b", "c", "b", "large", "large"]


def test_pieces_outlive_what_was_kept_of_them() -> None:
    store, recent = Store(a=[[1.0]], b=[[2.0]]), RecentPieces(most_bytes=1_000)
    store.through(recent, "a")
    (held,) = store.through(recent, "a")
    store.through(recent, "b")
    assert (held["x"].to_pylist(), store.reads) == ([1.0], ["a", "b"])


@pytest.mark.parametrize("writes", [0, 2])
def test_a_full_disk_is_no_reason_to_fail(writes: int) -> None:
    @contextmanager
    def full(**options: Any) -> Iterator[Any]:
        with TemporaryFile(**options) as file:
            yield Full(file, writes)

    store, recent = Store(a=[[1.0], [2.0]]), RecentPieces()
    with patch.object(recent_reads, "TemporaryFile", full):
        read = [store.through(recent, "a") for _ in range(2)]
    assert [[piece["x"].to_pylist() for piece in pieces] for pieces in read] == [[[1.0], [2.0]]] * 2
    assert store.reads == ["a", "a"]


class Full:
    """A file on a disk that has space for a few writes."""

    def __init__(self, file: Any, writes: int) -> None:
        self.file, self.writes = file, writes

    def write(self, content: bytes) -> int:
        self.writes -= 1
        if self.writes < 0:
            raise OSError(errno.ENOSPC, "no space left on device")
        return int(self.file.write(content))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)
