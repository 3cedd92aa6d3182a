"""Files that are made to end the process that reads them, or to keep it busy for hours."""

from __future__ import annotations

import io
import json
from typing import BinaryIO

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tasks.ingest import Unreadable
from tasks.ingest.readers.bounds import DEFAULT, MOST_LEVELS
from tasks.ingest.readers.columnar.parquet_pages import checked_pages, row_groups
from tasks.ingest.readers.parse import parsed
from tests.unit.ingest.crafted_parquet import (
    long_page_headers,
    nested,
    the_same_pages_in_each_row_group,
    wide,
)

TOO_DEEP = f"has more levels of records and lists than {MOST_LEVELS}"


@pytest.mark.parametrize("levels", [MOST_LEVELS, 5_000, 100_000])
def test_parquet_of_many_levels_is_refused_before_arrow_follows_them(levels: int) -> None:
    """Arrow takes minutes for 900 levels, and has no stack for 100,000."""
    found = parsed(nested(levels + 1), "a.parquet", "parquet")
    assert found == Unreadable("too_large", f"a column {TOO_DEEP}")


def test_parquet_of_as_many_levels_as_are_allowed_is_read() -> None:
    found = parsed(nested(MOST_LEVELS - 1), "a.parquet", "parquet")
    assert isinstance(found, pd.DataFrame)
    assert list(found.columns) == ["a"]


def test_row_groups_that_claim_the_same_pages_are_refused_before_the_pages_are_counted() -> None:
    """60 kB took 12 s, and 2 MB would take hours: each row group has all pages."""
    found = parsed(the_same_pages_in_each_row_group(500, 300), "a.parquet", "parquet")
    assert isinstance(found, Unreadable)
    assert found.reason == "not_parquet"
    assert "its columns overlap: their chunks have 3,150,000 bytes in a file of" in found.detail


def test_a_long_page_header_is_read_once_and_not_with_all_that_follows_it() -> None:
    content, read = long_page_headers(40, 5_000), Counted()
    read.write(content)
    metadata = pq.read_metadata(io.BytesIO(content))
    read.count = 0
    checked_pages(read, metadata, row_groups(read, DEFAULT), DEFAULT)
    assert read.count < 20 * len(content)


def test_columns_are_counted_before_arrow_has_a_record_of_each() -> None:
    found = parsed(wide(50_000), "a.parquet", "parquet")
    assert isinstance(found, Unreadable)
    assert found.detail.startswith("it has 50,000 columns; ingest.memory_mb, 1,024, allows at most 32,768")


@pytest.mark.parametrize("inside", ["1", '"\\u00e9"'])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_a_line_of_many_levels_is_refused_before_anything_follows_them(begin: str, end: str, inside: str) -> None:
    """The last of them that can be read cannot be written again: the night ended in a RecursionError."""
    for levels in (MOST_LEVELS, 500, 960, 5_000):
        line = '{"id": 1, "note": ' + begin * levels + inside + end * levels + "}"
        found = parsed(line.encode(), "a.jsonl", "jsonl")
        assert isinstance(found, Unreadable)
        assert found.detail == f"line 1 {TOO_DEEP}" or "recursion" in found.detail


def test_a_line_with_many_lists_next_to_each_other_is_read() -> None:
    lists: list[list[int]] = [[] for _ in range(1_000)]
    found = parsed(json.dumps({"id": 1, "note": lists}).encode(), "a.jsonl", "jsonl")
    assert isinstance(found, pd.DataFrame)
    assert found["note"].tolist() == [lists]


class Counted(io.BytesIO, BinaryIO):
    """A file that counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.count += len(content)
        return content
