"""Reads csv in chunks: every cell as text, every row with as many cells as the header."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.csv

from tasks.ingest.readers.bounds import Bounds
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.text_encoding import Encoding, Utf8
from tasks.ingest.readers.unreadable import BrokenError

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
BLOCK_BYTES = 2**20  # a file with a longer row is read again in blocks as long as a row may be
TOO_LONG = "straddling"  # in the message of Arrow about a row longer than a block


def delimited(content: Content, encoding: Encoding, separator: str, bounds: Bounds) -> Iterator[pa.Table]:
    """Yield the rows of a csv file, in order, with the names of the header; the first chunk has no rows.

    Nothing is yielded for a file without a header.

    Raises
    ------
    BrokenError
        At the first fault, possibly after some chunks.
    """
    names = _header(content, encoding, separator, bounds)
    if names is None:
        return
    yield pa.table([pa.array([], pa.string())] * len(names), names=names)
    done = 0
    for block_bytes in (min(BLOCK_BYTES, bounds.row_bytes), bounds.row_bytes):
        with Utf8(content.opened(), encoding) as text:
            try:
                for rows in _rows(text, len(names), separator, block_bytes, done):
                    done += len(rows)
                    yield rows.rename_columns(names)
            except pa.ArrowInvalid as error:
                if TOO_LONG not in str(error):
                    raise _broken(text, "not_csv", str(error)) from error
                if block_bytes == bounds.row_bytes:
                    raise _broken(text, "row_too_long", f"a row is longer than {block_bytes:,} bytes") from error
            else:
                _refuse_open_quote(text)
                return


class _Ragged:
    """Remembers the first row with too few or too many cells, without its content."""

    def __init__(self) -> None:
        self.first = ""

    def __call__(self, row: pa.csv.InvalidRow) -> Literal["error"]:
        self.first = f"line {row.number} has {row.actual_columns} cells, the header {row.expected_columns}"
        return "error"


def _rows(text: Utf8, width: int, separator: str, block_bytes: int, skipped: int) -> Iterator[pa.Table]:
    """Yield the rows after the header, without the first `skipped`; the header is read as an ordinary row."""
    names, ragged = [f"c{index}" for index in range(width)], _Ragged()
    to_skip = skipped + 1
    try:
        reader = pa.csv.open_csv(
            text,
            read_options=pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=block_bytes),
            parse_options=pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=ragged),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        for batch in reader:
            rows = pa.Table.from_batches([batch]).slice(to_skip)
            to_skip = max(to_skip - len(batch), 0)
            if len(rows):
                yield rows
    except pa.ArrowInvalid as error:
        if ragged.first:
            raise _broken(text, "ragged_row", ragged.first) from error
        raise


def _broken(text: Utf8, reason: str, detail: str) -> BrokenError:
    """Return the error; a quote that is never closed explains any other fault."""
    text.drain()
    return _open_quote(text) or BrokenError(reason, detail)


def _refuse_open_quote(text: Utf8) -> None:
    fault = _open_quote(text)
    if fault is not None:
        raise fault


def _open_quote(text: Utf8) -> BrokenError | None:
    odd = text.quotes % 2
    return BrokenError("unclosed_quote", "a double quote is never closed: the number of quotes is odd") if odd else None


def _header(content: Content, encoding: Encoding, separator: str, bounds: Bounds) -> list[str] | None:
    with Utf8(content.opened(), encoding) as text:
        head = text.read(bounds.header_bytes)
    lines = io.StringIO(head.decode("utf-8", errors="ignore"), newline="")
    try:
        names = next((cells for cells in csv.reader(lines, delimiter=separator) if cells), None)
    except csv.Error as error:
        raise BrokenError("not_csv", f"the header cannot be read: {error}") from error
    if len(head) == bounds.header_bytes and not lines.read(1):
        raise bounds.too_large("its header does not end", f"{bounds.header_bytes:,} bytes")
    if names is None:
        return None
    if len(names) == 1 and (others := [other for other in SEPARATORS if other != separator and other in names[0]]):
        likely, cells = SEPARATORS[others[0]], names[0].count(others[0]) + 1
        detail = f"the header is one cell; separated by {likely} it has {cells}: set source.separator"
        raise BrokenError("wrong_separator", detail)
    bounds.refuse_columns(len(names))
    refuse_repeated_columns(names)
    return names


def refuse_repeated_columns(names: list[str]) -> None:
    """Raise `column_twice` when names repeat."""
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise BrokenError("column_twice", f"columns {repeated} appear more than once")
