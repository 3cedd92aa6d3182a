"""Accepted rows in parts: which files of one commit hold a batch, so that any process reads its share by itself.

Only the names of a few files are sent to a worker. The driver has read the table's log once; a worker opens no table,
so it cannot see a state other than the driver's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

from tasks.errors import Unreachable
from tasks.lake.batch_state import Batch
from tasks.lake.lake import Lake
from tasks.lake.object_files import file_system

ParallelMap: TypeAlias = "Callable[..., Iterable[Any]]"
"""Does pieces of work with the meaning of `map`, in this process or on workers; results keep the order of the work."""
PIECE_ROWS = 200_000  # of a batch that is read whole; a larger one is read half as many rows at a time
PART_ROWS = 1_000_000  # a file of a large batch with more is read in several parts
BUFFER_BYTES = 1 << 20  # of a column, read at once from a disk
PARTITIONS = 64  # of a night, as long as none of them becomes too large
TABLE = "rows"


@dataclass(frozen=True, slots=True)
class RowPart:
    """What a worker reads: one revision of a batch as a whole, or a share of its rows in one file.

    Attributes
    ----------
    files : tuple of str
        Paths, below the table's folder, of the files that may have rows of the batch.
    rows : int
        How many they are, about: a file may hold other batches too.
    share : (int, int) or None
        Which share of the only file's row groups, from 0 on, of how many; None reads everything at once, in the order
        of the row ids.
    """

    batch_id: str
    revision: int
    files: tuple[str, ...]
    rows: int
    share: tuple[int, int] | None = None

    @property
    def write_key(self) -> str:
        """The name of every write of this batch at this revision."""
        return f"{self.batch_id}/{self.revision}"


@dataclass(frozen=True)
class RowReader:
    """Reads accepted rows from files, wherever their store can be reached; small to send."""

    lake: Lake
    project: str
    schema: pa.Schema

    def pieces(self, part: RowPart) -> Iterator[pd.DataFrame]:
        """Yield a part's rows in pieces, one of them held at a time; the same cuts every time.

        Raises
        ------
        Unreachable
            When the store does not answer, or a file is gone: it belongs to a commit that upkeep has removed.
        """
        name = (self.project, TABLE, part, self.schema)
        try:
            if part.share is None:
                yield self.lake.recent.get(name, partial(self._whole, part))
            else:
                for piece in self.lake.recent_pieces.get(name, partial(self._shared, part, *part.share)):
                    yield piece.to_pandas()
        except OSError as error:
            where = self.lake.uri(self.project, TABLE)
            raise Unreachable(
                f"reading {part.files[0]} and {len(part.files) - 1} more of {where} failed: {error}; is the store up, "
                "and reached from here? If files were removed meanwhile, run the flow again"
            ) from error

    def _whole(self, part: RowPart) -> pd.DataFrame:
        from pyarrow import dataset

        if not part.files:
            empty: pd.DataFrame = self.schema.empty_table().to_pandas()
            return empty
        system, paths = self._places(part)
        found = dataset.dataset(paths, schema=self.schema, format="parquet", filesystem=system)
        table = found.to_table(filter=_of(part), use_threads=False)
        rows: pd.DataFrame = table.to_pandas().sort_values("row_id", ignore_index=True)
        return rows

    def _shared(self, part: RowPart, which: int, shares: int) -> Iterator[pa.RecordBatch]:
        from pyarrow import parquet

        system, (path,) = self._places(part)
        far = self.lake.root.startswith("s3://")  # few large requests; a disk is read as far as a piece needs
        with parquet.ParquetFile(path, filesystem=system, pre_buffer=far, buffer_size=BUFFER_BYTES) as file:
            count, rows = file.num_row_groups, -(-PIECE_ROWS // 2)
            groups = [group for group in range(count) if group * shares // count == which]
            for batch in file.iter_batches(rows, row_groups=groups, use_threads=False) if groups else ():
                mine = _belonging(batch, part)
                if mine.num_rows:
                    yield self._aligned(mine)
                del batch, mine
        pa.default_memory_pool().release_unused()  # Arrow keeps what it held at once, several times a piece

    def _aligned(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows of one file with the table's columns; columns that were added later have no values."""
        there = set(batch.schema.names)
        columns = {
            kind.name: batch.column(kind.name).cast(kind.type)
            if kind.name in there
            else pa.nulls(batch.num_rows, kind.type)
            for kind in self.schema
        }
        return pa.record_batch(columns)

    def _places(self, part: RowPart) -> tuple[Any, list[str]]:
        system, root = file_system(self.lake.root, self.lake.options)
        return system, [f"{root}/{self.project}/{TABLE}/{file}" for file in part.files]


@dataclass(frozen=True)
class RowFiles:
    """The files of a project's accepted rows at one commit; known to the driver only.

    Attributes
    ----------
    commit : int
        The commit of the table.
    listed : DataFrame
        `path` and `num_records` of each file, and where known the extremes of its batch ids and event dates.
    """

    reader: RowReader
    commit: int
    listed: pd.DataFrame

    @classmethod
    def now(cls, lake: Lake, project: str) -> RowFiles:
        """Return the files of the latest commit."""
        opened = lake.current(project, TABLE) or lake.ensured(project, TABLE)
        reader = RowReader(lake, project, pa.schema(opened.schema().to_arrow()))
        actions = pa.table(opened.get_add_actions(flatten=True))
        wanted = ["path", "num_records", "min.batch_id", "max.batch_id", "min.event_date", "max.event_date"]
        listed = actions.select([name for name in wanted if name in actions.column_names]).to_pandas()
        return cls(reader, opened.version(), listed.reindex(columns=wanted).sort_values("path", ignore_index=True))

    def parts(self, batch: Batch) -> list[RowPart]:
        """Return a batch's rows in parts: one, unless it is large; then by file, and by row groups of a large file."""
        held = self._holding(batch)
        files = tuple(held["path"])
        if batch.rows_accepted <= PIECE_ROWS:
            return [RowPart(batch.batch_id, batch.revision, files, batch.rows_accepted)]
        return [
            RowPart(batch.batch_id, batch.revision, (file,), -(-rows // shares), (which, shares))
            for file, rows in zip(files, held["num_records"].fillna(PIECE_ROWS).astype(int), strict=True)
            for shares in [max(1, -(-rows // PART_ROWS))]
            for which in range(shares)
        ]

    def _holding(self, batch: Batch) -> pd.DataFrame:
        """Return the files that may have rows of a batch; a file without known extremes may."""
        listed = self.listed
        low, high = listed["min.batch_id"], listed["max.batch_id"]
        could = (low.isna() | (low <= batch.batch_id)) & (high.isna() | (high >= batch.batch_id))
        if batch.event_from is not None and batch.event_until is not None:
            first, last = (pd.to_datetime(listed[f"{end}.event_date"]) for end in ("min", "max"))
            could &= (first.isna() | (first <= pd.Timestamp(batch.event_until))) & (
                last.isna() | (last >= pd.Timestamp(batch.event_from))
            )
        return listed[could]


def partitions(parts: Sequence[RowPart], most_rows: int | None = None) -> list[tuple[RowPart, ...]]:
    """Return parts in the same order, put together so that there are tens of partitions, never thousands.

    None is cut. Whatever is put together, each part's rows are read and counted in the same pieces, so the grouping
    changes no result.

    Parameters
    ----------
    most_rows : int, optional
        Rows of a partition that are not exceeded, unless one part alone has more; then there may be more partitions.

    Examples
    --------
    Ten parts of 100,000 rows: fewer than 200,000 together are not worth a partition.

    >>> parts = [RowPart(f"b{number}", 1, (), 100_000) for number in range(10)]
    >>> [len(together) for together in partitions(parts)]
    [2, 2, 2, 2, 2]

    128,000,000 rows in parts of a million are 64 partitions of two, or 128 where no more may be held.

    >>> large = [RowPart("b", 1, ("f",), 1_000_000, (number, 128)) for number in range(128)]
    >>> len(partitions(large)), len(partitions(large, most_rows=1_000_000))
    (64, 128)
    """
    wanted = max(PIECE_ROWS, -(-sum(part.rows for part in parts) // PARTITIONS))
    wanted = wanted if most_rows is None else min(wanted, most_rows)
    made: list[tuple[RowPart, ...]] = []
    held: list[RowPart] = []
    rows = 0
    for part in parts:
        if held and rows + part.rows > wanted:
            made.append(tuple(held))
            held, rows = [], 0
        held.append(part)
        rows += part.rows
    return [*made, tuple(held)] if held else made


def _of(part: RowPart) -> Any:
    from pyarrow import compute

    return (compute.field("batch_id") == part.batch_id) & (compute.field("revision") == part.revision)


def _belonging(batch: pa.RecordBatch, part: RowPart) -> pa.RecordBatch:
    from pyarrow import compute

    mine = compute.and_(
        compute.equal(batch.column("batch_id"), part.batch_id), compute.equal(batch.column("revision"), part.revision)
    )
    return batch if mine.true_count == batch.num_rows else batch.filter(mine)
