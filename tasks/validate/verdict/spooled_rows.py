"""Rows of a large delivery on disk, in Arrow's own format: read back a chunk, or a few columns, at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.arrays import IntArray


class SpooledRows:
    """A file with a batch for each chunk; all chunks have the columns and types of the first.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     spool = SpooledRows(Path(folder) / "rows.arrow")
    ...     for number in (1.0, 2.0):
    ...         spool.add(pd.DataFrame({"rooms": [number], "size": [9.0]}))
    ...     spool.close()
    ...     spool[["rooms"]]["rooms"].tolist(), len(spool), [len(chunk) for chunk in spool.chunks()]
    ([1.0, 2.0], 2, [1, 1])
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pa.RecordBatchFileWriter | None = None
        self._schema: pa.Schema | None = None
        self._rows = self._chunks = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def columns(self) -> list[str]:
        """The columns of the chunks; empty before the first."""
        return [] if self._schema is None else list(self._schema.names)

    def add(self, frame: pd.DataFrame) -> None:
        """Write a chunk."""
        table = pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
        if self._writer is None:
            self._schema = table.schema
            self._writer = pa.ipc.new_file(str(self._path), table.schema)
        self._writer.write_table(table.combine_chunks())
        self._rows += len(frame)
        self._chunks += len(frame) > 0

    def close(self) -> None:
        """End the writing; the rows can be read only after it."""
        if self._writer is not None:
            self._writer.close()

    def __getitem__(self, columns: list[str]) -> pd.DataFrame:
        """Return some columns of all rows."""
        if not columns:
            return pd.DataFrame(index=pd.RangeIndex(self._rows))
        frame: pd.DataFrame = pa.concat_tables(self.chunks(columns)).to_pandas()
        return frame

    def head(self, rows: int) -> pd.DataFrame:
        """Return the first rows, as far as they are in the first chunk."""
        frame: pd.DataFrame = next(self.chunks()).slice(0, rows).to_pandas()
        return frame

    def texts(self, column: str, rows: IntArray) -> tuple[str, ...]:
        """Return the values of a column in some rows, given in rising order, as text; reading ends at the last."""
        values: list[str] = []
        start = 0
        for chunk in self.chunks([column]):
            inside = rows[(rows >= start) & (rows < start + len(chunk))] - start
            if len(inside):
                values += [str(value) for value in chunk.column(column).take(pa.array(inside)).to_pylist()]
            if len(values) == len(rows):
                break
            start += len(chunk)
        return tuple(values)

    def chunks(self, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Yield the chunks, or some columns of them, one in memory at a time; none before the first was added."""
        # The file is mapped, so that only the columns in use enter memory; a reader that is given a list of columns
        # reads all of them nevertheless. It is mapped again for each chunk: the pages of a map stay in memory with it.
        for number in range(self._chunks):
            with pa.memory_map(str(self._path)) as file, pa.ipc.open_file(file) as reader:
                chunk = pa.Table.from_batches([reader.get_batch(number)])
            yield chunk.select(list(columns)) if columns else chunk
