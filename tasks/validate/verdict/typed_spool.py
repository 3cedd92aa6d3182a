"""Typed rows laid down on disk piece by piece, and read back a piece, or a few columns, at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.arrays import IntArray


class Spool:
    """A file in Arrow's own format with a batch for each piece; every piece has the same columns and types.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     spool = Spool(Path(place) / "rows.arrow")
    ...     for number in (1.0, 2.0):
    ...         spool.add(pd.DataFrame({"rooms": [number], "size": [9.0]}))
    ...     spool.close()
    ...     spool.columns(["rooms"])["rooms"].tolist(), [len(piece) for piece in spool.pieces()]
    ([1.0, 2.0], [1, 1])
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pa.RecordBatchFileWriter | None = None
        self._schema: pa.Schema | None = None

    def add(self, frame: pd.DataFrame) -> None:
        """Lay down one piece; the first one decides on the types."""
        rows = pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
        if self._writer is None:
            self._schema = rows.schema
            self._writer = pa.ipc.new_file(str(self._path), rows.schema)
        self._writer.write_table(rows.combine_chunks())

    def close(self) -> None:
        """End writing; only then can it be read."""
        if self._writer is not None:
            self._writer.close()

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of all rows."""
        frame: pd.DataFrame = pa.concat_tables(self.pieces(names)).to_pandas()
        return frame

    def texts(self, name: str, rows: IntArray) -> tuple[str, ...]:
        """Return a column's values in some rows, given in rising order, as text; it stops reading at the last."""
        found: list[str] = []
        start = 0
        for piece in self.pieces([name]):
            mine = rows[(rows >= start) & (rows < start + len(piece))] - start
            if len(mine):
                found += [str(value) for value in piece.column(name).take(pa.array(mine)).to_pylist()]
            if len(found) == len(rows):
                break
            start += len(piece)
        return tuple(found)

    def pieces(self, names: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Yield the pieces, or these columns of theirs, one in memory at a time; nothing when nothing was added."""
        if self._schema is None:
            return
        # Mapped, so that of a piece only the columns that are looked at come into memory; a reader told to leave
        # columns out reads them all the same.
        with pa.memory_map(str(self._path)) as file, pa.ipc.open_file(file) as kept:
            for number in range(kept.num_record_batches):
                piece = pa.Table.from_batches([kept.get_batch(number)])
                yield piece.select(list(names)) if names else piece
