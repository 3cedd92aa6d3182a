"""Reads Parquet in chunks: every column keeps its type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.ingest.readers.bounds import POINTER_BYTES, Bounds
from tasks.ingest.readers.columnar.nested_texts import decoded_column, text_bytes
from tasks.ingest.readers.columnar.parquet_pages import (
    DeltaColumns,
    RowGroup,
    checked_pages,
    refuse_long_footer,
    row_groups,
)
from tasks.ingest.readers.csv_reader import refuse_repeated_columns
from tasks.ingest.readers.unreadable import READING_ERRORS, BrokenError

CHUNK_ROWS = 200_000  # the rows of a spooled file, so that chunks need not be concatenated
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


def columnar(file: BinaryIO, bounds: Bounds) -> Iterator[pa.Table]:
    """Yield the rows of a Parquet file, in order, with dictionary-encoded columns decoded; the first chunk has no rows.

    Parameters
    ----------
    file : BinaryIO
        A seekable file: the footer is read first, then the header of every page.
    bounds : Bounds
        How much may be in memory at once: the size of the pages, and of the texts that dictionaries repeat.

    Raises
    ------
    BrokenError
        At the first fault, possibly after some chunks.
    """
    try:
        metadata, delta = checked_file(file, bounds)
        leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.path not in delta.paths]
        opened = pq.ParquetFile(
            file,
            metadata=metadata,
            page_checksum_verification=True,
            pre_buffer=False,
            buffer_size=2**16,
            coerce_int96_timestamp_unit="us",  # as nanoseconds, the year 9999 would silently be 1816
            # Decoded only here, in slices: a dictionary of one long text may be repeated in millions of rows.
            read_dictionary=texts,
        )
        refuse_repeated_columns(opened.schema_arrow.names)
        yield _decoded(opened.schema_arrow.empty_table())
        row_bytes = sum(max(leaf.length, POINTER_BYTES) for leaf in leaves) + delta.page_bytes * len(delta.paths)
        rows = max(1, min(CHUNK_ROWS, bounds.chunk_bytes // max(row_bytes, 1)))
        for batch in opened.iter_batches(batch_size=rows):
            for part in _slices(pa.Table.from_batches([batch]), bounds):
                yield _without_nul(_decoded(part))
    except READING_ERRORS as error:
        raise BrokenError("not_parquet", str(error)) from error


def checked_file(file: BinaryIO, bounds: Bounds) -> tuple[pq.FileMetaData, DeltaColumns]:
    """Return what the footer and the pages of a file say, once it is known that Arrow can read them.

    Raises
    ------
    BrokenError
        `too_large`, or `not_parquet`.
    """
    size_bytes = file.seek(0, 2)
    try:
        refuse_long_footer(file, size_bytes, bounds)
        groups = row_groups(file, bounds)  # before Arrow, which ends the process for some schemas
        _refuse_bombs(groups, size_bytes, bounds)
        metadata = pq.read_metadata(file)
        return metadata, checked_pages(file, metadata, groups, bounds)
    except READING_ERRORS as error:
        raise BrokenError("not_parquet", str(error)) from error


def frame_of_table(table: pa.Table) -> pd.DataFrame:
    """Return a table as a frame; whole numbers and booleans keep their type where some are missing.

    Raises
    ------
    BrokenError
        When pandas cannot represent a value, such as a time zone that does not exist.
    """
    try:
        numbered = table.rename_columns([str(index) for index in range(table.num_columns)])
        # Without the metadata, in which pandas stores the index of the frame that was written.
        frame: pd.DataFrame = numbered.replace_schema_metadata(None).to_pandas(types_mapper=NULLABLE.get)
    except READING_ERRORS as error:
        raise BrokenError("not_parquet", str(error)) from error
    return frame.set_axis(table.column_names, axis=1)


def _refuse_bombs(groups: Sequence[RowGroup], size_bytes: int, bounds: Bounds) -> None:
    bounds.refuse_unpacked(sum(max(group.unpacked_bytes, 0) for group in groups), size_bytes)


def _slices(table: pa.Table, bounds: Bounds) -> Iterator[pa.Table]:
    """Yield a table in slices that have at most `bounds.chunk_bytes` once their dictionaries are decoded."""
    ends = np.zeros(len(table), dtype=np.int64)
    for column in table.columns:
        for start, chunk in zip(_starts(column), column.chunks, strict=True):
            ends[start : start + len(chunk)] += text_bytes(chunk)
    longest = int(ends.max(initial=0))
    if longest > bounds.row_bytes:
        raise bounds.too_large(f"a row has {longest:,} bytes of text", f"{bounds.row_bytes:,}")
    ends = ends.cumsum()
    start = 0
    while start < len(table):
        before = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + bounds.chunk_bytes, side="right")))
        yield table.slice(start, end - start)
        start = end


def _starts(column: pa.ChunkedArray) -> list[int]:
    """Return the row at which each chunk of a column begins."""
    return [0, *np.cumsum([len(chunk) for chunk in column.chunks])[:-1]]


def _decoded(table: pa.Table) -> pa.Table:
    """Return a table with dictionary-encoded columns decoded."""
    for index, column in enumerate(table.columns):
        if (values := decoded_column(column)) is not column:
            table = table.set_column(index, table.field(index).with_type(values.type), values)
    return table


def _without_nul(table: pa.Table) -> pa.Table:
    for name, column in zip(table.column_names, table.columns, strict=True):
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        may_have_nul = is_text and any(map(_has_zero, column.chunks))
        if may_have_nul and pc.any(pc.match_substring(column, "\0")).as_py():
            raise BrokenError("nul_byte", f"a cell of column {name!r} has a NUL")
    return table


def _has_zero(texts: pa.Array) -> bool:
    """Return whether the buffer of some texts has a byte 0, which may be outside of all texts."""
    _, offsets, content = texts.buffers()
    if content is None or not len(texts):
        return False
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1]
    used = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]
    return bool(len(used)) and not used.min()
