"""Snapshots of feature tables in the serving folder: `<project>/tables.json` is signed, and names a `tables-*.bin`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy.typing as npt

from tasks.errors import EvidenceError
from tasks.row_contract import RowContract, TypedRow
from tasks.row_contract.row_reader import ContractReader
from tasks.row_contract.table_values import JoinedTables
from tasks.serving_store.store import ProjectDocument, ServingStore, Stamp, file_stamp, next_serial
from tasks.serving_store.table_snapshots import table_snapshot as snapshots
from tasks.serving_store.table_snapshots.array_file import array_bytes, mapped_arrays
from tasks.serving_store.table_snapshots.table_snapshot import TableSnapshot
from tasks.whole_file import private_folder, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TABLES_FILE = "tables.json"
DOCUMENTS = ProjectDocument(TableSnapshot, snapshots.PROTOCOL, snapshots.PURPOSE, TABLES_FILE)
READ_ONLY = 0o400


class SnapshotStore:
    """The snapshots of the feature tables of projects.

    Parameters
    ----------
    store : ServingStore
        Where they are, and the keys of which signatures are accepted.
    """

    def __init__(self, store: ServingStore) -> None:
        self._root, self._trusted = store.root, store.trusted

    def stamp(self, project: str) -> Stamp | None:
        """Return what changes whenever a snapshot is written; None without one."""
        return file_stamp(self._root / project / TABLES_FILE)

    def snapshot(self, project: str) -> TableSnapshot | None:
        """Return the verified description of the newest snapshot of a project; None without one.

        Raises
        ------
        EvidenceError
            When it is not signed by a trusted key, or damaged.
        """
        return DOCUMENTS.read(self._root, project, self._trusted)

    def readable_snapshot(self, project: str) -> TableSnapshot | None:
        """Return the description of the newest snapshot; None if there is none, or it is damaged."""
        with suppress(EvidenceError):
            return self.snapshot(project)
        return None

    def has_file(self, snapshot: TableSnapshot) -> bool:
        """Return whether the file of a snapshot is there; it is not verified."""
        return self._path(snapshot.project, snapshot.file).is_file()

    def load(self, project: str, contract: RowContract) -> tuple[TableSnapshot, JoinedTables]:
        """Return the newest snapshot, verified and proven, and what joins rows with it.

        Raises
        ------
        EvidenceError
            When there is none for the tables of the contract, a file has changed, or a reference is joined otherwise.
        """
        snapshot = self.snapshot(project)
        if snapshot is None or snapshot.tables != contract.tables:
            raise EvidenceError(f"the feature tables of {project} are not published yet as its contract has them.")
        path = self._path(project, snapshot.file)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise EvidenceError(f"the feature tables of {project} are incomplete: {error}.") from error
        if found != snapshot.file:
            raise EvidenceError(f"the feature tables of {project} have changed on the disk; they are not used.")
        tables = JoinedTables(contract, mapped_arrays(path), snapshot.from_us, snapshot.state)
        _prove(snapshot, contract, tables)
        return snapshot, tables

    def write(
        self,
        draft: TableSnapshot,
        arrays: Mapping[str, npt.NDArray[Any]],
        private: Ed25519PrivateKey,
        moment: datetime,
    ) -> TableSnapshot:
        """Write a snapshot and sign it; its serial and the digest of its file are set here. Older files are removed."""
        content, project = array_bytes(arrays), draft.project
        digest = hashlib.sha256(content).hexdigest()
        private_folder(self._root / project)
        path = self._path(project, digest)
        path.unlink(missing_ok=True)  # one that was damaged is replaced; a worker that has mapped it keeps it
        write_whole(path, content, READ_ONLY)
        serial = next_serial(moment, self.readable_snapshot(project))
        snapshot = msgspec.structs.replace(draft, file=digest, serial=serial)
        DOCUMENTS.write(self._root, snapshot, private)
        self._remove_files(project, path)
        return snapshot

    def remove(self, project: str) -> None:
        """Remove the snapshot of a project; a worker that has mapped it joins rows with it until there is another."""
        (self._root / project / TABLES_FILE).unlink(missing_ok=True)
        self._remove_files(project)

    def _remove_files(self, project: str, kept: Path | None = None) -> None:
        for path in (self._root / project).glob("tables-*.bin"):
            if path != kept:
                path.unlink(missing_ok=True)

    def _path(self, project: str, digest: str) -> Path:
        return self._root / project / f"tables-{digest}.bin"


def _prove(snapshot: TableSnapshot, contract: RowContract, tables: JoinedTables) -> None:
    """Raise EvidenceError if a reference is not joined as the batch does."""
    names = dict.fromkeys(name for table in contract.tables for name in table.entity)
    keys = msgspec.structs.replace(
        contract, ids=(), numbers=(), booleans=(), categories=(), dates=(), entities=tuple(names), rules=()
    )
    reader = ContractReader(keys)
    for reference in snapshot.references:
        row = tables.joined(TypedRow("", reader.read(reference.row).values))
        found = {name: row.values[name] for name in reference.joined}
        if msgspec.to_builtins(found) != reference.joined:
            raise EvidenceError(
                f"the feature tables of {snapshot.project} are not joined here as in the nightly batch; "
                "install the same Leeway for the service and its controller."
            )
