"""The rows of one delivery in chunks, from one object or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.ingest.landing.path_columns import with_path_columns
from tasks.ingest.readers.bounds import DEFAULT, Bounds, Chunk, within
from tasks.ingest.readers.columnar.parquet import columnar, frame_of_table
from tasks.ingest.readers.csv_reader import delimited
from tasks.ingest.readers.json_lines import jsonlines
from tasks.ingest.readers.object_content import Content, Format, refuse_other_formats
from tasks.ingest.readers.text_encoding import Encoding
from tasks.ingest.readers.unreadable import BrokenError


@dataclass(frozen=True, slots=True)
class Dialect:
    """The format of the files of a delivery, and the columns that their paths have."""

    format: Format
    encoding: Encoding = "utf-8"
    separator: str = ","
    bounds: Bounds = DEFAULT
    path_columns: tuple[str, ...] = ()


def read_chunks(parts: Sequence[Content], dialect: Dialect) -> Iterator[Chunk]:
    """Yield the rows of all objects of a delivery: tables from csv and Parquet, frames of objects from JSON lines.

    The columns of csv and Parquet are those of the first object that has columns, in its order. Together the chunks are
    within the bounds of the dialect.

    Raises
    ------
    BrokenError
        When an object cannot be read or has other columns than earlier ones; possibly after some chunks.
    """
    yield from within(dialect.bounds, _all_chunks(parts, dialect), sum(content.size_bytes for content in parts))


def _all_chunks(parts: Sequence[Content], dialect: Dialect) -> Iterator[Chunk]:
    names: list[str] | None = None
    for content in parts:
        try:
            for chunk in with_path_columns(_chunks_of(content, dialect), content.key, dialect.path_columns):
                if isinstance(chunk, pd.DataFrame):
                    yield chunk
                    continue
                names = names or chunk.column_names
                yield _in_order(chunk, names)
        except BrokenError as error:
            if len(parts) == 1:
                raise
            raise BrokenError(error.unreadable.reason, f"{content.key}: {error.unreadable.detail}") from error


def assembled(chunks: Iterable[Chunk]) -> pd.DataFrame:
    """Return chunks as one frame, in their order."""
    frames: list[pd.DataFrame] = []
    for _, group in groupby(chunks, key=lambda chunk: chunk.schema if isinstance(chunk, pa.Table) else None):
        same_schema = list(group)
        is_table = isinstance(same_schema[0], pa.Table)
        frames += [frame_of_table(pa.concat_tables(same_schema))] if is_table else same_schema
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    if len(filled) <= 1:
        return filled[0] if filled else pd.DataFrame()
    names = list(dict.fromkeys(name for frame in filled for name in frame.columns))
    return pd.concat([with_columns(frame, names) for frame in filled], ignore_index=True)


def with_columns(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return rows with exactly these columns; a column that JSON lines lack is None."""
    if list(frame.columns) == list(names):
        return frame
    present = frame.reset_index(drop=True)
    lacking = [name for name in names if name not in present.columns]
    # One block for all of them: a series each takes minutes when there are ten thousand.
    missing = pd.DataFrame(np.full((len(present), len(lacking)), None, dtype=object), columns=lacking)
    return pd.concat([present, missing], axis=1)[list(names)]


def _chunks_of(content: Content, dialect: Dialect) -> Iterator[Chunk]:
    if not content.size_bytes:
        return
    refuse_other_formats(content, dialect.format)
    if dialect.format == "csv":
        yield from delimited(content, dialect.encoding, dialect.separator, dialect.bounds)
    elif dialect.format == "jsonl":
        yield from jsonlines(content, dialect.encoding, dialect.bounds)
    else:
        with content.seekable() as file:
            yield from columnar(file, dialect.bounds)


def _in_order(table: pa.Table, names: list[str]) -> pa.Table:
    if table.column_names == names:
        return table
    lacking, new = set(names) - set(table.column_names), set(table.column_names) - set(names)
    if lacking or new:
        detail = f"other columns than the objects before it: {len(lacking)} missing, {len(new)} new"
        raise BrokenError("columns_differ", detail)
    return table.select(names)
