"""Publishes snapshots of a project's feature tables: after each night that has changed them, and for a new contract."""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from flows.serving.project_terms import Terms
from tasks.dataset.feature_assembly import feature_values
from tasks.lake import Lake, LakeSnapshot
from tasks.package.joined_references import joined_references
from tasks.package.table_arrays import first_instant, table_arrays
from tasks.row_contract.compiled_contract import ServedTable
from tasks.serving_store import ServingStore
from tasks.serving_store.table_snapshots.snapshot_store import SnapshotStore
from tasks.serving_store.table_snapshots.table_snapshot import PROTOCOL, TableSnapshot, commits_of, state_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOOK_SECONDS = 2.0


class TablePublisher:
    """Keeps the snapshot of a project's feature tables in step with the lake.

    Parameters
    ----------
    lake : Lake
        Where a night stores the values.
    store : ServingStore
        Where the snapshots are written.
    """

    def __init__(self, project: str, lake: Lake, store: ServingStore) -> None:
        self._project, self._lake, self._snapshots = project, lake, SnapshotStore(store)
        self._seen: tuple[ServedTable, ...] = ()
        self._due = 0.0

    def publish(self, terms: Terms, private: Ed25519PrivateKey, moment: datetime) -> bool:
        """Write a snapshot if the lake or the terms of the tables have changed; return whether one was written.

        The lake is looked at every two seconds.
        """
        tables = terms.contract.tables
        if not tables or (tables == self._seen and monotonic() < self._due):
            return False
        self._seen, self._due = tables, monotonic() + LOOK_SECONDS
        state = state_of(*(self._lake.version(self._project, table) for table in ("features", "batches")))
        newest = self._snapshots.readable_snapshot(self._project)
        if newest is not None and (newest.tables, newest.state) == (tables, state) and self._snapshots.has_file(newest):
            return False
        then, spec = LakeSnapshot(self._lake.root, self._lake.options, commits=commits_of(state)), terms.spec
        values = {table.name: feature_values(then, self._project, table) for table in spec.features.tables}
        from_us = first_instant(values, spec, moment)
        draft = TableSnapshot(
            protocol=PROTOCOL,
            project=self._project,
            serial=0,
            tables=tables,
            file="",
            state=state,
            from_us=from_us,
            references=joined_references(values, spec, from_us),
        )
        self._snapshots.write(draft, table_arrays(values, spec, from_us), private, moment)
        return True
