"""The rows of one delivery, from one object or several, in pieces; put together, or made private one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from tasks.ingest.readers.csv_reader import delimited
from tasks.ingest.readers.json_lines import jsonlines
from tasks.ingest.readers.object_content import Content, Format, refuse_other_formats
from tasks.ingest.readers.parquet import columnar, frame_of_table
from tasks.ingest.readers.text_encoding import Encoding
from tasks.ingest.readers.unreadable import BrokenError

Piece: TypeAlias = "pa.Table | pd.DataFrame"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the files of a delivery are written."""

    format: Format
    encoding: Encoding = "utf-8"
    separator: str = ","


def pieces(parts: Sequence[Content], dialect: Dialect) -> Iterator[Piece]:
    """Yield the rows of all objects of a delivery: tables from csv and Parquet, frames of objects from json lines.

    The columns of csv and Parquet are those of the first object that has any, in its order.

    Raises
    ------
    BrokenError
        When an object cannot be read or has other columns than those before; possibly after some pieces.
    """
    names: list[str] | None = None
    for content in parts:
        try:
            for piece in _pieces(content, dialect):
                if isinstance(piece, pd.DataFrame):
                    yield piece
                    continue
                names = names or piece.column_names
                yield _in_order(piece, names)
        except BrokenError as error:
            if len(parts) == 1:
                raise
            raise BrokenError(error.found.reason, f"{content.key}: {error.found.detail}") from error


def assembled(found: Iterable[Piece]) -> pd.DataFrame:
    """Return pieces as one frame, in their order."""
    frames: list[pd.DataFrame] = []
    for _, group in groupby(found, key=lambda piece: piece.schema if isinstance(piece, pa.Table) else None):
        alike = list(group)
        frames += [frame_of_table(pa.concat_tables(alike))] if isinstance(alike[0], pa.Table) else alike
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    if len(filled) <= 1:
        return filled[0] if filled else pd.DataFrame()
    names = list(dict.fromkeys(name for frame in filled for name in frame.columns))
    return pd.concat([with_columns(frame, names) for frame in filled], ignore_index=True)


def with_columns(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return rows with exactly these columns; what json lines do not have anywhere is None."""
    if list(frame.columns) == list(names):
        return frame
    nothing = [None] * len(frame)
    columns = {name: frame[name] if name in frame else pd.Series(nothing, dtype=object) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _pieces(content: Content, dialect: Dialect) -> Iterator[Piece]:
    if not content.size_bytes:
        return
    refuse_other_formats(content, dialect.format)
    if dialect.format == "csv":
        yield from delimited(content, dialect.encoding, dialect.separator)
    elif dialect.format == "jsonl":
        yield from jsonlines(content, dialect.encoding)
    else:
        with content.seekable() as file:
            yield from columnar(file)


def _in_order(piece: pa.Table, names: list[str]) -> pa.Table:
    if piece.column_names == names:
        return piece
    lost, new = set(names) - set(piece.column_names), set(piece.column_names) - set(names)
    if lost or new:
        detail = f"other columns than the objects before it: {len(lost)} lost, {len(new)} new"
        raise BrokenError("columns_differ", detail)
    return piece.select(names)
