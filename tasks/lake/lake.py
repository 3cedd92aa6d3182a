"""Reading and exactly-once writing of Delta tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar, cast

import pyarrow as pa

from tasks.errors import Conflict, Unreachable
from tasks.lake.object_files import read_object, remove_object, write_object
from tasks.lake.predicates import Filter, known_columns, predicate
from tasks.lake.recent_reads import RecentFrames, RecentPieces
from tasks.lake.schemas.arrow_types import Rows, as_arrow, frame_of, frames_of, stream, writing
from tasks.lake.schemas.fencing import Fence, fencing
from tasks.lake.schemas.new_table import create_table
from tasks.lake.schemas.table_schemas import TABLES

if TYPE_CHECKING:
    import pandas as pd
    from deltalake import DeltaTable

T = TypeVar("T")
ATTEMPTS = 5
ONCE = 1
STORE = "External: Generic "  # begins Delta's errors about a store while a file is written, such as a full disk


@dataclass(frozen=True)
class Lake:
    """All tables of all projects under one root.

    Parameters
    ----------
    root : str
        A folder, or `s3://bucket/prefix`.
    options : dict
        Storage options as the `deltalake` package takes them (endpoint, region, conditional put).
    fence : Fence, optional
        The lease that writes are made under: see `with_lease`.

    Notes
    -----
    Opened tables and what was read a moment ago stay in this process when the lake is pickled to another one.
    """

    root: str
    options: dict[str, str] = field(default_factory=dict, repr=False)
    fence: Fence | None = None
    _opened: dict[str, DeltaTable] = field(default_factory=dict, init=False, repr=False, compare=False)
    recent: RecentFrames = field(default_factory=RecentFrames, init=False, repr=False, compare=False)
    recent_pieces: RecentPieces = field(default_factory=RecentPieces, init=False, repr=False, compare=False)
    _parsed: dict[str, tuple[int | None, object]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[type[Lake], tuple[str, dict[str, str]]]:
        return Lake, (self.root, self.options)

    def with_lease(self, lease: str, token: int) -> Lake:
        """Return the same lake for the holder of a lease.

        Once a holder with a higher token has written to a fenced table, writes of this holder are refused: a process
        that was paused, and does not know that its lease ran out, cannot decide on old data.
        """
        return replace(self, fence=Fence(lease, token))

    def uri(self, project: str, table: str) -> str:
        """Return the address of a project's table."""
        return f"{self.root.rstrip('/')}/{project}/{table}"

    def append_if_absent(self, project: str, table: str, frame: Rows, key: str, *more_keys: str) -> bool:
        """Append rows unless a write with one of these keys is already there; return whether this call wrote them.

        Rows may come as a frame or an Arrow table, or as a function that yields such with the same columns, each time
        from the start: then they are written piece by piece, and one piece is held at a time.

        The keys are in the same commit as the rows (Delta application transactions), so a crash leaves both or neither.
        A commit with a lost reply and a race lost against another writer look alike: read again, then decide.

        Raises
        ------
        Conflict
            When other writers won every one of a few attempts.
        Overtaken
            When a later holder of the lease has written to a fenced table.
        Unreachable
            When the store does not answer.
        """
        from deltalake import CommitProperties, Transaction, write_deltalake
        from deltalake.exceptions import CommitFailedError, DeltaError

        keys = list(dict.fromkeys((key, *more_keys)))
        for _ in range(ATTEMPTS):
            # Keys are looked up in the snapshot that is written to: a commit in between is a conflict.
            snapshot = self.ensured(project, table, frame)
            fence = fencing(self.fence, snapshot, table)
            if len(_unwritten(snapshot, keys)) < len(keys):
                return False
            try:
                rows = stream(frame, table) if callable(frame) else as_arrow(frame, table)
                write_deltalake(
                    snapshot,
                    rows,
                    mode="append",
                    schema_mode="merge",  # a table may be older than one of its fixed columns
                    writer_properties=writing(rows.schema),
                    storage_options=self.options,
                    commit_properties=CommitProperties(
                        app_transactions=[*(Transaction(name, ONCE) for name in keys), *fence]
                    ),
                )
            except CommitFailedError:
                continue
            except (OSError, DeltaError) as error:
                if isinstance(error, DeltaError) and STORE not in str(error):
                    raise
                where = self.uri(project, table)
                raise Unreachable(f"writing {where} failed: {error}; is the store up, and is there space?") from error
            pa.default_memory_pool().release_unused()  # what the rows were made of
            return True
        if self.has(project, table, key):
            return False
        raise Conflict(
            f"{ATTEMPTS} attempts to write {key!r} to {self.uri(project, table)} lost against other writers; "
            "run the flow again once they are done"
        )

    def claim(self, project: str, table: str) -> None:
        """Refuse the writes of earlier holders of the lease to a table; no row is written: see `with_lease`."""
        opened = self.current(project, table)
        if self.fence is not None and opened is not None:
            no_rows = pa.schema(opened.schema().to_arrow()).empty_table()
            self.append_if_absent(project, table, no_rows, f"claimed/{self.fence.lease}/{self.fence.token}")

    def add_each(self, project: str, table: str, frames: Mapping[str, pd.DataFrame]) -> None:
        """Append, in one commit, the frames with keys that were not written yet.

        The same as `append_if_absent` for each of them, but the table grows by one file a night, not one a delivery.
        """
        import pandas as pd

        left = self.missing(project, table, list(frames))
        while left and not self.append_if_absent(project, table, pd.concat([frames[key] for key in left]), *left):
            left = self.missing(project, table, list(frames))  # another writer wrote some of them, so there are fewer

    def has(self, project: str, table: str, key: str) -> bool:
        """Tell whether a write with this key has been committed."""
        return not self.missing(project, table, [key])

    def missing(self, project: str, table: str, keys: list[str]) -> list[str]:
        """Return the keys that were not written yet, in the same order."""
        opened = self.current(project, table) if keys else None
        return list(keys) if opened is None else _unwritten(opened, keys)

    def identity(self, project: str) -> str:
        """Return the identity of a project's record, which is made with it; a moved or copied lake keeps it."""
        return str(self.ensured(project, "decisions").metadata().id)

    def version(self, project: str, table: str) -> int | None:
        """Return the table's latest commit number, or None when nothing was ever written."""
        opened = self.current(project, table)
        return None if opened is None else opened.version()

    def read(
        self,
        project: str,
        table: str,
        *,
        columns: list[str] | None = None,
        where: Sequence[Filter] = (),
        at: int | None = None,
    ) -> pd.DataFrame:
        """Read a table as it is now, or as it was at commit `at`.

        Parameters
        ----------
        columns : list of str, optional
            Only these; the others are not read from storage. One that the table does not have yet has no values.
        where : sequence of (column, operator, value)
            Filters that all must hold. Files that their statistics rule out are not opened, so the cost follows the
            rows asked for, not the history.

        Returns
        -------
        DataFrame
            In no particular order; empty, with the table's fixed columns, when nothing was ever written.
        """
        opened = self.current(project, table) if at is None else self.open(project, table)
        if opened is None:
            empty: pd.DataFrame = TABLES[table].schema.empty_table().to_pandas()
            return empty[[name for name in columns if name in empty]] if columns else empty
        if at is not None:
            opened.load_as_version(at)
        known = known_columns(opened, columns)
        frame = frame_of(pa.table(opened.scan(columns=known, predicate=predicate(where)).read_all()))
        return frame if known == columns else frame.reindex(columns=columns)

    def read_parsed(self, project: str, table: str, parse: Callable[[pd.DataFrame], T]) -> T:
        """Return what is parsed from a whole table; it is read again only once a commit was made since.

        Parameters
        ----------
        parse : callable
            From the table to an object that is not changed afterwards; always the same one for a table.
        """
        commit, uri = self.version(project, table), self.uri(project, table)
        kept = self._parsed.get(uri)
        if kept is None or kept[0] != commit:
            # A commit made since the version was looked up is read too; the next call then reads again.
            kept = self._parsed[uri] = (commit, parse(self.read(project, table)))
        return cast("T", kept[1])

    def pieces(
        self,
        project: str,
        table: str,
        *,
        columns: list[str] | None = None,
        where: Sequence[Filter] = (),
        rows_at_once: int = 200_000,
    ) -> Iterator[pd.DataFrame]:
        """Read a table as it is now, in pieces of at most so many rows; one piece is held at a time."""
        opened = self.current(project, table)
        if opened is None:
            return
        known = known_columns(opened, columns)
        for frame in frames_of(opened.scan(columns=known, predicate=predicate(where)), rows_at_once):
            yield frame if known == columns else frame.reindex(columns=columns)

    def put(self, project: str, name: str, content: bytes) -> str:
        """Write a whole object (a report page) next to the tables, replacing the last one; return its address."""
        write_object(self.root, self.options, f"{project}/objects/{name}", content)
        return f"{self.root.rstrip('/')}/{project}/objects/{name}"

    def get(self, project: str, name: str) -> bytes | None:
        """Return an object that `put` wrote, or None."""
        return read_object(self.root, self.options, f"{project}/objects/{name}")

    def discard(self, project: str, name: str) -> None:
        """Remove an object that `put` wrote, if there is one."""
        remove_object(self.root, self.options, f"{project}/objects/{name}")

    def forget(self, project: str) -> None:
        """Forget the opened tables of a project, which has another place now."""
        for kept in (self._opened, self._parsed):
            for uri in [each for each in kept if each.startswith(self.uri(project, ""))]:
                del kept[uri]

    def current(self, project: str, table: str) -> DeltaTable | None:
        """Return the table as it is now, for reading: opened once, then updated with the commits made since."""
        uri = self.uri(project, table)
        kept = self._opened.get(uri)
        if kept is None:
            opened = self.open(project, table)
            return None if opened is None else self._opened.setdefault(uri, opened)
        try:
            kept.update_incremental()
        except OSError as error:
            raise Unreachable(f"reading {uri} failed: {error}; is the store up?") from error
        return kept

    def ensured(self, project: str, table: str, first: Rows | None = None) -> DeltaTable:
        """Open a table, created empty where there was none; two writers that create it at once get the same one.

        The first write needs a snapshot to look its key up in, as every other one.

        Parameters
        ----------
        first : frame or function, optional
            The first rows, as `append_if_absent` takes them: what type a column has that may have one or another.
        """
        found = self.open(project, table)
        if found is not None:
            return found
        create_table(self.uri(project, table), table, first, self.options)
        made = self.open(project, table)
        if made is None:
            raise Unreachable(f"{self.uri(project, table)} was created and cannot be opened; is the store up?")
        return made

    def open(self, project: str, table: str) -> DeltaTable | None:
        """Open a table as it is now, or return None when nothing was ever written."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        try:
            return DeltaTable(self.uri(project, table), storage_options=self.options)
        except TableNotFoundError:
            return None
        except OSError as error:
            raise Unreachable(f"reading {self.uri(project, table)} failed: {error}; is the store up?") from error


def _unwritten(snapshot: DeltaTable, keys: list[str]) -> list[str]:
    return [key for key in keys if snapshot.transaction_version(key) is None]
