"""Reads JSON lines in chunks: one object a line, with values as Python objects."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.text_encoding import Encoding, Utf8
from tasks.ingest.readers.unreadable import BrokenError

LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # the JSON escape, not text that looks like it
CHUNK_ROWS = 50_000
LONGEST_BYTES = 2**26


def jsonlines(content: Content, encoding: Encoding) -> Iterator[pd.DataFrame]:
    """Yield the rows of a file of JSON lines, in order; each chunk has the columns of any of its rows.

    Raises
    ------
    BrokenError
        At the first fault, possibly after some chunks.
    """
    records: list[dict[str, Any]] = []
    with io.BufferedReader(Utf8(content.opened(), encoding)) as lines:
        number = 0
        while line := lines.readline(LONGEST_BYTES):
            number += 1
            if len(line) == LONGEST_BYTES and not line.endswith(b"\n"):
                raise BrokenError("row_too_long", f"line {number} is longer than {LONGEST_BYTES:,} bytes")
            if line.strip():
                records.append(_record(line, number))
            if len(records) == CHUNK_ROWS:
                yield _frame(records)
                records = []
    if records:
        yield _frame(records)


def _record(line: bytes, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise BrokenError("not_jsonl", f"line {number}: {error}") from error
    if not isinstance(record, dict):
        raise BrokenError("not_jsonl", f"line {number} is a {type(record).__name__}; expected an object")
    if isinstance(record, _RepeatedNames):
        raise BrokenError("column_twice", f"line {number} has a name more than once")
    if b"\\u" in line:
        text = json.dumps(record, ensure_ascii=False)
        if LONE_SURROGATE.search(text):
            raise BrokenError("not_jsonl", f"line {number} has half a character (an escape such as \\ud800)")
        if NUL.search(text):
            raise BrokenError("nul_byte", f"line {number} has a NUL (the escape \\u0000)")
    return record


class _RepeatedNames(dict[str, Any]):
    """An object with a name more than once."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    return values if len(values) == len(pairs) else _RepeatedNames(values)


def _frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: pd.Series([record.get(name) for record in records], dtype=object) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(records)))
