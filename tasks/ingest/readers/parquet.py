"""Parquet in pieces: every column keeps its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from tasks.ingest.readers.csv_reader import refuse_twice
from tasks.ingest.readers.object_content import ALWAYS_UNPACKED_BYTES, MAX_RATIO
from tasks.ingest.readers.unreadable import READING_ERRORS, BrokenError

PIECE_CELLS = 2**23
PIECE_ROWS = 200_000  # as many as a spooled file has, so that nothing is put together
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
    """Yield the rows of a Parquet file, in order, dictionary-encoded columns as the values they stand for.

    The first piece has no rows.

    Parameters
    ----------
    file : BinaryIO
        Seekable: the footer is read first.

    Raises
    ------
    BrokenError
        At the first fault, which may come after some pieces.
    """
    size_bytes = file.seek(0, 2)
    try:
        opened = pa.parquet.ParquetFile(file, page_checksum_verification=True, pre_buffer=False, buffer_size=2**16)
        names = opened.schema_arrow.names
        refuse_twice(names)
        _refuse_bombs(opened.metadata, size_bytes)
        yield _plain(opened.schema_arrow.empty_table())
        rows = max(1, min(PIECE_ROWS, PIECE_CELLS // max(len(names), 1)))
        for batch in opened.iter_batches(batch_size=rows):
            yield _without_nul(_plain(pa.Table.from_batches([batch])))
    except READING_ERRORS as error:
        raise BrokenError("not_parquet", str(error)) from error


def frame_of_table(table: pa.Table) -> pd.DataFrame:
    """Return a table with whole numbers and booleans kept whole where some are missing.

    Raises
    ------
    BrokenError
        When it holds what pandas has no value for, such as a time zone that does not exist.
    """
    try:
        numbered = table.rename_columns([str(index) for index in range(table.num_columns)])
        # Without the metadata, in which pandas keeps what was an index where the file was written.
        frame: pd.DataFrame = numbered.replace_schema_metadata(None).to_pandas(types_mapper=NULLABLE.get)
    except READING_ERRORS as error:
        raise BrokenError("not_parquet", str(error)) from error
    return frame.set_axis(table.column_names, axis=1)


def _refuse_bombs(metadata: pa.parquet.FileMetaData, size_bytes: int) -> None:
    groups = range(metadata.num_row_groups)
    unpacked_bytes = sum(metadata.row_group(number).total_byte_size for number in groups)
    if unpacked_bytes > max(ALWAYS_UNPACKED_BYTES, MAX_RATIO * size_bytes):
        raise BrokenError("too_large", f"it unpacks to {unpacked_bytes / max(size_bytes, 1):,.0f} times its size")


def _plain(table: pa.Table) -> pa.Table:
    """Return dictionary-encoded columns as the values they stand for."""
    for index, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            values = column.cast(column.type.value_type)
            table = table.set_column(index, table.field(index).with_type(values.type), values)
    return table


def _without_nul(table: pa.Table) -> pa.Table:
    for name, column in zip(table.column_names, table.columns, strict=True):
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        suspect = is_text and any(map(_has_zero, column.chunks))
        if suspect and pc.any(pc.match_substring(column, "\0")).as_py():
            raise BrokenError("nul_byte", f"a cell of column {name!r} has a NUL")
    return table


def _has_zero(texts: pa.Array) -> bool:
    """Tell whether there is a byte 0 among the texts' bytes, some of which may be of no text."""
    _, offsets, content = texts.buffers()
    if content is None or not len(texts):
        return False
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1]
    found = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]
    return bool(len(found)) and not found.min()
