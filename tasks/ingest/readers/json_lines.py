"""Reads JSON lines in chunks: one object a line, with values as Python objects."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tasks.ingest.readers.bounds import MEMORY_BYTES, MOST_LEVELS, POINTER_BYTES, Bounds, too_deep
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.text_encoding import Encoding, Utf8
from tasks.ingest.readers.unreadable import BrokenError

LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # the JSON escape, not text that looks like it
CHUNK_ROWS = 50_000
VALUE_BYTES = 100  # what a name, a value or an empty list takes as a Python object, with its place in another
TEXT_BYTES = 4  # a character of a text outside of Latin-1


def jsonlines(content: Content, encoding: Encoding, bounds: Bounds) -> Iterator[pd.DataFrame]:
    """Yield the rows of a file of JSON lines, in order; each chunk has the columns of any of its rows.

    Raises
    ------
    BrokenError
        At the first fault, possibly after some chunks.
    """
    records: list[dict[str, Any]] = []
    names: set[str] = set()
    number = size_bytes = 0
    with io.BufferedReader(Utf8(content.opened(), encoding)) as lines:
        while line := lines.readline(bounds.row_bytes):
            number += 1
            if len(line) == bounds.row_bytes and not line.endswith(b"\n"):
                raise BrokenError("row_too_long", f"line {number} is longer than {bounds.row_bytes:,} bytes")
            if not line.strip():
                continue
            line_bytes = _memory_bytes(line)
            if line_bytes > bounds.row_in_memory_bytes:
                found = f"line {number} has {_values(line):,} values in {len(line):,} bytes"
                raise bounds.too_large(found, f"{bounds.row_in_memory_bytes:,} bytes in memory")
            record = _record(line, number)
            names.update(record)
            bounds.refuse_columns(len(names))
            size_bytes += line_bytes
            too_wide = len(names) * (len(records) + 1) * POINTER_BYTES > bounds.chunk_bytes
            if records and (too_wide or size_bytes > bounds.chunk_bytes or len(records) == CHUNK_ROWS):
                yield _frame(records, size_bytes - line_bytes)
                records, names, size_bytes = [], set(record), line_bytes
            records.append(record)
    if records:
        yield _frame(records, size_bytes)


def _values(line: bytes) -> int:
    """Return at least as many values as a line of JSON has."""
    return line.count(b",") + line.count(b"[") + line.count(b"{") + line.count(b":")


def _memory_bytes(line: bytes) -> int:
    """Return an estimate of the most that the values of a line take in memory."""
    text_bytes = len(line) if line.isascii() and b"\\u" not in line else TEXT_BYTES * len(line)
    return text_bytes + VALUE_BYTES * _values(line)


def _record(line: bytes, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise BrokenError("not_jsonl", f"line {number}: {error}") from error
    if not isinstance(record, dict):
        raise BrokenError("not_jsonl", f"line {number} is a {type(record).__name__}; expected an object")
    if isinstance(record, _RepeatedNames):
        raise BrokenError("column_twice", f"line {number} has a name more than once")
    if line.count(b"[") + line.count(b"{") > MOST_LEVELS and _levels(record) > MOST_LEVELS:
        raise too_deep(f"line {number}")
    if b"\\u" in line:
        text = json.dumps(record, ensure_ascii=False)
        if LONE_SURROGATE.search(text):
            raise BrokenError("not_jsonl", f"line {number} has half a character (an escape such as \\ud800)")
        if NUL.search(text):
            raise BrokenError("nul_byte", f"line {number} has a NUL (the escape \\u0000)")
    return record


def _levels(value: object) -> int:
    """Return how many records and lists are within each other.

    >>> _levels({"a": 1, "b": [{"c": 2}, 3]}), _levels(7)
    (3, 0)
    """
    level, inside = 0, [value]
    while inside := [each for each in inside if isinstance(each, dict | list)]:
        level += 1
        inside = [part for each in inside for part in (each.values() if isinstance(each, dict) else each)]
    return level


class _RepeatedNames(dict[str, Any]):
    """An object with a name more than once."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    return values if len(values) == len(pairs) else _RepeatedNames(values)


def _frame(records: list[dict[str, Any]], size_bytes: int) -> pd.DataFrame:
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: pd.Series([record.get(name) for record in records], dtype=object) for name in names}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(records)))
    frame.attrs[MEMORY_BYTES] = size_bytes
    return frame
