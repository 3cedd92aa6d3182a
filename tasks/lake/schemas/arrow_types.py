"""Conversion between frames and Delta's tables: fixed columns in their types, text as pandas has it, file settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
import pyarrow as pa

from tasks.lake.schemas.table_schemas import TABLES, TEXT

if TYPE_CHECKING:
    from deltalake import WriterProperties

Piece: TypeAlias = "pd.DataFrame | pa.Table"
Rows: TypeAlias = "Piece | Callable[[], Iterator[Piece]]"
"""Rows to write: in memory, or as a function that yields them in pieces, each time from the start."""
GROUP_ROWS = 200_000
NAMES = frozenset({"row_id", "entity"})  # nearly as many values as rows


def as_arrow(rows: Piece, table: str) -> pa.Table:
    """Return rows as Arrow with the table's fixed types; a missing fixed column is a programming error.

    The fixed columns come first: Delta keeps the extremes of the first 32 only, by which reads leave files out.
    """
    described = TABLES[table]
    fixed = dict(described.columns)
    present = rows.column_names if isinstance(rows, pa.Table) else list(rows.columns)
    names = [*fixed, *(name for name in present if name not in fixed)] if described.open_ended else list(fixed)
    kinds = {name: TEXT if name in described.either and _is_text(rows[name]) else kind for name, kind in fixed.items()}
    return pa.table({name: _column(rows[name], kinds.get(name)) for name in names})


def stream(pieces: Callable[[], Iterator[Piece]], table: str) -> pa.RecordBatchReader:
    """Return pieces as a stream of Arrow batches with the schema of the first."""
    found = pieces()
    first = next(found, None)
    if first is None:
        return TABLES[table].schema.empty_table().to_reader()
    begun = as_arrow(first, table)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from begun.to_batches()
        for piece in found:
            yield from as_arrow(piece, table).cast(begun.schema).to_batches()

    return pa.RecordBatchReader.from_batches(begun.schema, batches())


def frame_of(found: pa.Table) -> pd.DataFrame:
    """Return what Delta reads as a frame, its views of text as text."""
    plain = [column.cast(TEXT) if column.type == pa.string_view() else column for column in found.columns]
    frame: pd.DataFrame = pa.table(dict(zip(found.column_names, plain, strict=True))).to_pandas()
    return frame


def frames_of(batches: Iterable[Any], rows_at_once: int) -> Iterator[pd.DataFrame]:
    """Yield what Delta reads in frames of at most so many rows; one frame is held at a time.

    >>> batches = pa.table({"x": [1, 2, 3, 4, 5]}).to_batches(max_chunksize=4)
    >>> [frame["x"].tolist() for frame in frames_of(batches, 3)]
    [[1, 2, 3], [4, 5]]
    """
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        for start in range(0, batch.num_rows, rows_at_once):
            part = pa.record_batch(batch).slice(start, rows_at_once)
            if held and rows + part.num_rows > rows_at_once:
                yield frame_of(pa.Table.from_batches(held))
                held, rows = [], 0
            held.append(part)
            rows += part.num_rows
    if held:
        yield frame_of(pa.Table.from_batches(held))


def writing(schema: pa.Schema) -> WriterProperties:
    """Return the settings for a file of these columns: no dictionaries where nearly every value is distinct.

    Looking for repeated numbers and names takes as long as the rest of the writing. A group of rows is held in memory
    while it is written; several processes share a file by its groups.
    """
    from deltalake import ColumnProperties, WriterProperties

    distinct = [column.name for column in schema if pa.types.is_floating(column.type) or column.name in NAMES]
    no_dictionary = ColumnProperties(dictionary_enabled=False)
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        max_row_group_size=GROUP_ROWS,
        column_properties=dict.fromkeys(distinct, no_dictionary) or None,
    )


def _is_text(values: pd.Series | pa.ChunkedArray) -> bool:
    if isinstance(values, pa.ChunkedArray):
        return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))
    return pd.api.types.is_string_dtype(values.dtype) and values.dtype != object


def _column(values: pd.Series | pa.ChunkedArray, kind: pa.DataType | None) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        return values if kind is None else values.cast(kind)
    if kind is not None and pa.types.is_timestamp(kind) and values.dtype == object:  # moments, or None
        values = pd.to_datetime(values, utc=True)
    if kind is not None and pa.types.is_timestamp(kind) and values.dt.tz is not None:
        return pa.array(values.dt.tz_convert(None).to_numpy(), pa.timestamp("us")).cast(kind)
    return pa.Array.from_pandas(values).cast(kind) if kind is not None else pa.Array.from_pandas(values)
