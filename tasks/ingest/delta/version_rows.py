"""The rows of files that one version of a Delta table has added and removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.ingest.delta.row_changes import CHANGE, plain

if TYPE_CHECKING:
    from deltalake import DeltaTable

GONE = (
    "not found",
    "Invalid table version",
    "No such file",
    "Not Found",
    "No files in log segment",
    "No protocol found",
)
"""What is in the message where a version is no longer in the log, or a file of it was removed."""
METADATA = "does not have change data enabled"
"""What is in the message where a version changes the metadata of a table without a change data feed."""


@dataclass(frozen=True)
class VersionRows:
    """The columns of these rows, and a function that reads them with the column `_change_type`."""

    names: list[str]
    read: Callable[[], Iterator[pa.RecordBatch]]


def version_rows(table: DeltaTable, at: Callable[[int], DeltaTable], version: int) -> VersionRows | None:
    """Return the rows of a version; None where it has the same files as the version before.

    `load_cdf` refuses a version that changes the metadata: a column is added, a constraint, a description, or a schema
    is merged or overwritten. Where the files of such a version differ, all rows are compared with those before it.

    Parameters
    ----------
    table : DeltaTable
        The newest version.
    at : callable
        Returns the table as it was at a version.

    Raises
    ------
    FileNotFoundError
        Some of it is no longer there, or the rows before it cannot have the types of this version.
    """
    from deltalake.exceptions import DeltaError

    feed = partial(table.load_cdf, starting_version=version, ending_version=version)
    with _as_gone():
        try:
            return VersionRows(pa.RecordBatchReader.from_stream(feed()).schema.names, partial(_of_feed, feed))
        except DeltaError as error:
            if METADATA not in str(error):
                raise
        before, after = at(version - 1), at(version)
        if set(before.file_uris()) == set(after.file_uris()):
            return None
        names = pa.RecordBatchReader.from_stream(after.scan()).schema.names
        return VersionRows(names, partial(_of_both, before, after))


def _of_feed(feed: Callable[[], pa.RecordBatchReader]) -> Iterator[pa.RecordBatch]:
    with _as_gone():
        yield from pa.RecordBatchReader.from_stream(feed())


def _of_both(before: DeltaTable, after: DeltaTable) -> Iterator[pa.RecordBatch]:
    """Yield all rows before a version as deleted and all after it as added; a column that was not there is empty."""
    with _as_gone():
        rows = pa.RecordBatchReader.from_stream(after.scan())
        schema = plain(pa.record_batch([pa.array([], each.type) for each in rows.schema], rows.schema)).schema
        for batch in rows:
            yield from _marked(plain(batch), schema, "insert").to_batches()
        for batch in pa.RecordBatchReader.from_stream(before.scan()):
            try:
                marked = _marked(plain(batch), schema, "delete")
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise FileNotFoundError("the rows before cannot have the types of this version") from None
            yield from marked.to_batches()


def _marked(rows: pa.Table, schema: pa.Schema, change: str) -> pa.Table:
    """Return rows with the columns of a schema and the column `_change_type`.

    >>> schema = pa.schema({"id": pa.int64(), "fare": pa.float64()})
    >>> _marked(pa.table({"id": pa.array([7], pa.int32()), "x": ["a"]}), schema, "delete").to_pylist()
    [{'id': 7, 'fare': None, '_change_type': 'delete'}]
    """
    cells = [
        rows[each.name].cast(each.type) if each.name in rows.schema.names else pa.nulls(rows.num_rows, each.type)
        for each in schema
    ]
    return pa.table([*cells, pa.repeat(change, rows.num_rows)], [*schema.names, CHANGE])


@contextmanager
def _as_gone() -> Iterator[None]:
    """Raise FileNotFoundError where a version, or a file of it, is not there."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (OSError, DeltaError, pa.ArrowException, ValueError) as error:
        if any(words in str(error) for words in GONE):
            raise FileNotFoundError(str(error)) from error
        raise
