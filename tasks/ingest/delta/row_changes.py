"""Which rows one version of a Delta table has added, changed and deleted: no row of a file that was only rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingest.tables.read_rows import Digests, are_among, row_digests

CHANGE = "_change_type"
OWN = (CHANGE, "_commit_version", "_commit_timestamp")
REMOVED = ("delete", "update_preimage")
Read = Callable[[], Iterable[pa.RecordBatch]]


@dataclass(frozen=True)
class RowChanges:
    """The changes of a version, which are read again each time; in memory is a digest of each row.

    Attributes
    ----------
    added, removed : array of uint64
        The digests of rows in files that it has added and removed, in ascending order.
    keys : array of uint64
        Those of the ids of the added ones.
    """

    read: Read
    names: Sequence[str]
    key: Sequence[str]
    added: Digests
    removed: Digests
    keys: Digests

    @classmethod
    def of(cls, read: Read, names: Sequence[str], key: Sequence[str]) -> RowChanges:
        """Return the changes that a function reads, with the column `_change_type`.

        Parameters
        ----------
        names : sequence of str
            The columns that are delivered.
        key : sequence of str
            Those of them that make the id of a row; without any, `deleted` says nothing.
        """
        added, removed, keys = list[Digests](), list[Digests](), list[Digests]()
        for rows, is_removed in _parts(read):
            digests = row_digests(digestible(rows.select(names)))
            removed.append(digests[is_removed])
            added.append(digests[~is_removed])
            if key:
                keys.append(row_digests(digestible(rows.select(key)))[~is_removed])
        return cls(read, names, key, *map(_sorted, (added, removed, keys)))

    def rows(self) -> Iterator[pa.Table]:
        """Yield the rows that are new or have changed."""
        for rows, is_removed in _parts(self.read):
            chosen = rows.filter(pa.array(~is_removed)).select(self.names)
            is_known = are_among(row_digests(digestible(chosen)), self.removed)
            yield chosen.filter(pa.array(~is_known))

    def deleted(self) -> Iterator[pa.Table]:
        """Yield the rows that are gone, as they were: no row has their id any more."""
        for rows, is_removed in _parts(self.read):
            chosen = rows.filter(pa.array(is_removed)).select(self.names)
            stays = are_among(row_digests(digestible(chosen)), self.added)
            stays |= are_among(row_digests(digestible(chosen.select(self.key))), self.keys)
            yield chosen.filter(pa.array(~stays))


def plain(batch: pa.RecordBatch) -> pa.Table:
    """Return rows with texts of the usual type, which Parquet files have."""
    table = pa.Table.from_batches([batch])
    kinds = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary(), pa.large_string(): pa.string()}
    schema = pa.schema([field.with_type(kinds.get(field.type, field.type)) for field in table.schema])
    return table.cast(schema)


def digestible(table: pa.Table) -> pa.Table:
    """Return rows with columns of types that have a digest: all others as texts.

    >>> digestible(pa.table({"stops": [[1, 2], None]}))["stops"].to_pylist()
    ['[1, 2]', None]
    """
    return pa.table({name: _digestible(table[name]) for name in table.column_names})


def _digestible(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_string, pa.types.is_boolean, pa.types.is_date32)
    if any(is_one(kind) for is_one in known) or pa.types.is_timestamp(kind):
        return column
    if pa.types.is_decimal(kind):
        return column.cast(pa.string())
    return pa.chunked_array([[None if cell is None else repr(cell) for cell in column.to_pylist()]], pa.string())


def _parts(read: Read) -> Iterator[tuple[pa.Table, np.ndarray]]:
    for batch in read():
        rows = plain(batch)
        is_removed = pc.is_in(rows[CHANGE], value_set=pa.array(REMOVED))
        yield rows, np.asarray(is_removed, dtype=bool)


def _sorted(parts: Sequence[Digests]) -> Digests:
    return np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *parts]))
