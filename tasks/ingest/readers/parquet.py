"""Reads Parquet in chunks: every column keeps its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from tasks.ingest.readers.csv_reader import refuse_repeated_columns
from tasks.ingest.readers.object_content import ALWAYS_ALLOWED_BYTES, MAX_RATIO
from tasks.ingest.readers.unreadable import READING_ERRORS, BrokenError

CHUNK_CELLS = 2**23
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


def columnar(file: BinaryIO) -> Iterator[pa.Table]:
    """Yield the rows of a Parquet file, in order, with dictionary-encoded columns decoded; the first chunk has no rows.

    Parameters
    ----------
    file : BinaryIO
        A seekable file: the footer is read first.

    Raises
    ------
    BrokenError
        At the first fault, possibly after some chunks.
    """
    size_bytes = file.seek(0, 2)
    try:
        opened = pa.parquet.ParquetFile(
            file,
            page_checksum_verification=True,
            pre_buffer=False,
            buffer_size=2**16,
            coerce_int96_timestamp_unit="us",  # as nanoseconds, the year 9999 would silently be 1816
        )
        names = opened.schema_arrow.names
        refuse_repeated_columns(names)
        _refuse_bombs(opened.metadata, size_bytes)
        yield _decoded(opened.schema_arrow.empty_table())
        rows = max(1, min(CHUNK_ROWS, CHUNK_CELLS // max(len(names), 1)))
        for batch in opened.iter_batches(batch_size=rows):
            yield _without_nul(_decoded(pa.Table.from_batches([batch])))
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


def _refuse_bombs(metadata: pa.parquet.FileMetaData, size_bytes: int) -> None:
    groups = range(metadata.num_row_groups)
    uncompressed_bytes = sum(metadata.row_group(number).total_byte_size for number in groups)
    if uncompressed_bytes > max(ALWAYS_ALLOWED_BYTES, MAX_RATIO * size_bytes):
        raise BrokenError(
            "too_large", f"its uncompressed size is {uncompressed_bytes / max(size_bytes, 1):,.0f} times its size"
        )


def _decoded(table: pa.Table) -> pa.Table:
    """Return a table with dictionary-encoded columns decoded."""
    for index, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            values = column.cast(column.type.value_type)
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
