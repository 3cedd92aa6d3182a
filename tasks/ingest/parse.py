"""From bytes to a frame, exactly as delivered: a csv cell stays text, a parquet value keeps its type."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

Format = Literal["csv", "jsonl", "parquet"]
HALF = re.compile(r"[\ud800-\udfff]")
MAX_UNPACKED_BYTES = 2**31  # a gzip bomb is refused before it is unpacked whole
NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Content that is not what its format says: the reason code of the quarantined batch, and what was found where."""

    reason: str
    detail: str


class _Fault(Exception):  # noqa: N818 - never leaves this module; it becomes a value
    pass


def parsed(content: bytes, key: str, fmt: Format) -> pd.DataFrame | Unreadable:
    r"""Return the rows of one object as delivered, or why they cannot be read.

    Parameters
    ----------
    content : bytes
        The whole object; unpacked first when the key ends in `.gz`.
    key : str
        Its key, for that ending only.
    fmt : 'csv', 'jsonl' or 'parquet'
        How the spec says the files are written. Csv is UTF-8, with or without a byte-order mark, comma-separated, with
        a header.

    Returns
    -------
    DataFrame or Unreadable
        Every csv cell is text, the empty one too; jsonl values are Python's own; parquet columns keep their types,
        whole numbers and booleans with gaps included. No bytes at all are a frame without columns or rows.

    Examples
    --------
    >>> parsed(b"id,zip\n7,01234\n8,NA\n", "a.csv", "csv")["zip"].tolist()
    ['01234', 'NA']
    >>> parsed(b"id,zip\n7\n", "a.csv", "csv")
    Unreadable(reason='not_csv', detail='line 2 has 1 cells, the header 2')
    """
    try:
        unpacked = _unpacked(content) if key.lower().endswith(".gz") else content
        if not unpacked:
            return pd.DataFrame()
        frame = READERS[fmt](unpacked)
    except _Fault as fault:
        reason, detail = fault.args
        return Unreadable(reason, detail)
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    return Unreadable("column_twice", f"columns {twice} appear more than once") if twice else frame


class _Ragged:
    """Remembers the first line with too few or too many cells; its content stays out of every message."""

    def __init__(self) -> None:
        self.first = ""

    def __call__(self, row: pa.csv.InvalidRow) -> Literal["skip"]:
        self.first = (
            self.first or f"line {row.number} has {row.actual_columns} cells, the header {row.expected_columns}"
        )
        return "skip"


def _unpacked(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            unpacked = packed.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, ValueError) as error:
        raise _Fault("not_gzip", str(error)) from error
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise _Fault("too_large", f"more than {MAX_UNPACKED_BYTES} bytes when unpacked")
    return unpacked


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Fault("not_utf8", f"byte {error.start} is {content[error.start]:#04x}") from error


def _csv(content: bytes) -> pd.DataFrame:
    text = _text(content)
    if text.count('"') % 2:  # the parser would take all that follows for one cell
        raise _Fault("not_csv", "a double quote is never closed: their number is odd")
    try:
        header = next((cells for cells in csv.reader(io.StringIO(text)) if cells), None)
    except csv.Error as error:
        raise _Fault("not_csv", str(error)) from error
    if header is None:
        return pd.DataFrame()
    # The header is read as a row: a column named twice is seen then, and a file of nothing but a header can be read.
    names, ragged = [f"c{index}" for index in range(len(header))], _Ragged()
    cells_are_text = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    try:
        table = pa.csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pa.csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=ragged),
            convert_options=cells_are_text,
        )
    except pa.ArrowInvalid as error:
        raise _Fault("not_csv", str(error)) from error
    if ragged.first:
        raise _Fault("not_csv", ragged.first)
    frame: pd.DataFrame = table.slice(1).to_pandas()
    return frame.set_axis(header, axis=1)


def _jsonl(content: bytes) -> pd.DataFrame:
    records = []
    for number, line in enumerate(_text(content).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _Fault("not_jsonl", f"line {number}: {error}") from error
        if not isinstance(record, dict):
            raise _Fault("not_jsonl", f"line {number} is a {type(record).__name__}; expected an object")
        if "\\u" in line and HALF.search(json.dumps(record, ensure_ascii=False)):
            raise _Fault("not_jsonl", f"line {number} has half a character (an escape such as \\ud800)")
        records.append(record)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: pd.Series([record.get(name) for record in records], dtype=object) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(records)))


def _parquet(content: bytes) -> pd.DataFrame:
    try:
        table = pa.parquet.ParquetFile(io.BytesIO(content)).read()
        plain = [_plain(column) for column in table.columns]
        table = pa.Table.from_arrays(plain, names=table.column_names)
        columns = [column.to_pandas(types_mapper=NULLABLE.get) for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _Fault("not_parquet", str(error)) from error
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=pd.RangeIndex(table.num_rows))
    return frame.set_axis(table.column_names, axis=1)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a dictionary-encoded column as the values it stands for."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


READERS: dict[str, Callable[[bytes], pd.DataFrame]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
