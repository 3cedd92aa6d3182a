"""Typed rows laid down on disk piece by piece, and read back a piece, or a few columns, at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


class Spool:
    """A Parquet file with a row group for each piece; every piece has the same columns and types.

    Columns of few `repeating` values are written as a dictionary.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     spool = Spool(Path(place) / "rows.parquet")
    ...     for number in (1.0, 2.0):
    ...         spool.add(pd.DataFrame({"rooms": [number], "size": [9.0]}))
    ...     spool.close()
    ...     spool.columns(["rooms"])["rooms"].tolist(), [len(piece) for piece in spool.pieces()]
    ([1.0, 2.0], [1, 1])
    """

    def __init__(self, path: Path, repeating: Sequence[str] = ()) -> None:
        self._path, self._repeating = path, list(repeating)
        self._writer: pq.ParquetWriter | None = None

    def add(self, frame: pd.DataFrame) -> None:
        """Lay down one piece; the first one decides on the types."""
        schema = None if self._writer is None else self._writer.schema
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        if self._writer is None:
            dictionary: Any = self._repeating or False
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="lz4", use_dictionary=dictionary)
        self._writer.write_table(table, row_group_size=max(1, len(frame)))

    def close(self) -> None:
        """End writing; only then can it be read."""
        if self._writer is not None:
            self._writer.close()

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of all rows."""
        frame: pd.DataFrame = pq.read_table(self._path, columns=list(names)).to_pandas()
        return frame

    def texts(self, name: str, rows: npt.NDArray[np.int64]) -> tuple[str, ...]:
        """Return a column's values in some rows, given in rising order, as text; it stops reading at the last."""
        found: list[str] = []
        start = 0
        with pq.ParquetFile(self._path) as file:
            for number in range(file.num_row_groups):
                count = file.metadata.row_group(number).num_rows
                mine = rows[(rows >= start) & (rows < start + count)] - start
                if len(mine):
                    column = file.read_row_group(number, columns=[name]).column(name)
                    found += [str(value) for value in column.take(pa.array(mine)).to_pylist()]
                if len(found) == len(rows):
                    break
                start += count
        return tuple(found)

    def pieces(self) -> Iterator[pd.DataFrame]:
        """Yield the pieces, one in memory at a time; nothing when nothing was added."""
        if self._writer is None:
            return
        with pq.ParquetFile(self._path) as file:
            for number in range(file.num_row_groups):
                yield file.read_row_group(number).to_pandas()
