"""The rim of answer tables: the answers for a delivery in a table of the user's database, written whole and once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from tasks.arrays import BoolArray
from tasks.databases import ARROW, Kind, TableWriter, is_there, literal, open_writer, quoted, relation_name
from tasks.errors import SourceError
from tasks.lake import Batch
from tasks.render.values import counted
from tasks.score.answer_rows import KEY, AnswerRows

DELIVERIES: Mapping[str, Kind] = {"delivery": "text", "project": "text", "answers": "whole", "written": "moment"}
Own = Callable[[str, pd.Series], BoolArray]


@dataclass(frozen=True)
class AnswerTable:
    """A table of a database with the answers of one project, next to one with the deliveries that they are for.

    Both are written in one transaction, so each delivery is written once, whenever a run ends.

    Parameters
    ----------
    address : str
        Of the database, as `tasks.databases.database_address` returns it.
    table : str
        Its name, after that of its schema if it has one.
    project : str
        The project.
    environment : mapping of str to str
        For the variables of libpq.
    rows : AnswerRows
        What is written of an answer.
    timeout_minutes : float
        The longest duration of a statement.
    is_private : bool
        Whether no message may quote a cell.
    formerly : tuple of str
        The names that the project had before.
    """

    address: str = field(repr=False)
    table: str
    project: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    rows: AnswerRows = field(default_factory=AnswerRows)
    timeout_minutes: float = 30
    is_private: bool = False
    formerly: tuple[str, ...] = ()

    @property
    def ledger(self) -> str:
        """The name of the table of deliveries."""
        return f"{self.table}_deliveries"

    def name(self, batch: Batch) -> str:
        """Return the name of a revision of a batch: what a release or a correction adds is another."""
        return batch.write_key

    def names(self) -> set[str]:
        """Return the deliveries with their answers in the table; none while there is no table.

        Raises
        ------
        SourceError
            When the table has other columns, or has the answers of another project.
        Unreachable
            When the database does not answer.
        """
        if not is_there(self.address):
            return set()
        with self._open(writes=False) as writer:
            return self._handed_out(writer) if self._exists(writer) else set()

    def lacking(self, names: Collection[str]) -> set[str]:
        """Return the deliveries without their answers in the table; it raises what `names` does."""
        return {*names} - self.names()

    def described(self) -> str:
        """Return what the table has now, for a person; it raises what `names` does."""
        absent = f"{self.table} is not there yet; the first night with answers makes it"
        if not is_there(self.address):
            return absent
        with self._open(writes=False) as writer:
            if not self._exists(writer):
                return absent
            return (
                f"{self.table} has the answers for {counted(len(self._handed_out(writer)), 'delivery', 'deliveries')}"
            )

    def write(self, name: str, answers: pd.DataFrame) -> None:
        """Write the answers for a delivery, unless another run has; a newer answer of a version replaces an older one.

        The tables are made if they are not there. See `names` for what it raises.
        """
        with self._open() as writer:
            writer.lock(self.table)
            if not self._exists(writer):
                self._make(writer)
            if name in self._handed_out(writer):
                return
            given = writer.give(self.rows.table(answers))
            writer.run(self._upsert(given))
            row = pa.table(
                {"delivery": [name], "project": [self.project], "answers": [len(answers)]}
                | {"written": pa.array([answers["time"].max().to_pydatetime()], ARROW["moment"])}
            )
            names = ", ".join(map(quoted, DELIVERIES))
            writer.run(f"INSERT INTO {relation_name(self.ledger)} ({names}) SELECT {names} FROM {writer.give(row)}")  # noqa: S608 - quoted

    def erase(self, own: Own, moved: Mapping[str, Sequence[int]]) -> None:
        """Remove the answers of a subject that is erased, in one transaction.

        Parameters
        ----------
        own : function
            From the id of a batch and the ids of rows to which of these are erased.
        moved : mapping of str to (int, int)
            The bases, before and after the erasure, of batches that were written again: their answers are those of the
            new one.
        """
        if not is_there(self.address):
            return
        with self._open() as writer:
            writer.lock(self.table)
            if not self._exists(writer):
                return
            row_id, batch_id = quoted(self.rows.column("row_id")), quoted("batch_id")
            gone = list[tuple[str, str]]()
            for part in writer.batches(f"SELECT {row_id} AS row_id, {batch_id} AS batch_id FROM {self._relation}"):  # noqa: S608 - quoted
                for batch, rows in part.to_pandas().groupby("batch_id"):
                    ids = rows["row_id"].astype("str").reset_index(drop=True)
                    gone += [(row, str(batch)) for row in ids[own(str(batch), ids)]]
            if gone:
                given = writer.give(pa.table(dict(zip(("row_id", "batch_id"), zip(*gone, strict=True), strict=True))))
                both = f"({row_id}, {batch_id}) IN (SELECT row_id, batch_id FROM {given})"  # noqa: S608 - quoted
                writer.run(f"DELETE FROM {self._relation} WHERE {both}")  # noqa: S608 - quoted
            self._rename(writer, moved)

    @property
    def _relation(self) -> str:
        return relation_name(self.table)

    def _open(self, *, writes: bool = True) -> AbstractContextManager[TableWriter]:
        return open_writer(
            self.address, self.environment, self.timeout_minutes, is_private=self.is_private, writes=writes
        )

    def _upsert(self, given: str) -> str:
        own = {name: quoted(self.rows.column(name)) for name in self.rows.kinds}
        key = ", ".join(own[name] for name in KEY)
        changed = ", ".join(f"{own[name]} = excluded.{own[name]}" for name in self.rows.kinds if name not in KEY)
        return (
            f"INSERT INTO {self._relation} AS stored ({', '.join(own.values())}) "  # noqa: S608 - quoted
            f"SELECT {', '.join(map(quoted, self.rows.kinds))} FROM {given} WHERE true "
            f"ON CONFLICT ({key}) DO UPDATE SET {changed} WHERE excluded.{own['time']} >= stored.{own['time']}"
        )

    def _handed_out(self, writer: TableWriter) -> set[str]:
        found = writer.rows(f"SELECT delivery, project FROM {relation_name(self.ledger)}")  # noqa: S608 - quoted
        if others := sorted({str(project) for _, project in found} - {self.project, *self.formerly}):
            raise SourceError(
                f"{self.table} has answers of the project {others[0]!r}; expected a table of {self.project!r} alone: "
                "name another one in scoring.table"
            )
        return {str(delivery) for delivery, _ in found}

    def _exists(self, writer: TableWriter) -> bool:
        """Return whether both tables are there; without one of them the other says nothing, and all is written again.

        Raises
        ------
        SourceError
            One of them has other columns.
        """
        wanted = {self.rows.column(name): kind for name, kind in self.rows.kinds.items()}
        found = [
            _fits(writer, self.table, wanted, [self.rows.column(name) for name in KEY]),
            _fits(writer, self.ledger, DELIVERIES, ["delivery"]),
        ]
        return all(found)

    def _make(self, writer: TableWriter) -> None:
        wanted = {self.rows.column(name): kind for name, kind in self.rows.kinds.items()}
        _make_table(writer, self.table, wanted, [self.rows.column(name) for name in KEY])
        _make_table(writer, self.ledger, DELIVERIES, ["delivery"])
        writer.run(f"DELETE FROM {relation_name(self.ledger)}")  # noqa: S608 - quoted

    def _rename(self, writer: TableWriter, moved: Mapping[str, Sequence[int]]) -> None:
        """Let answers for revisions of batches that were written again count for what these are now."""
        for name in sorted(self._handed_out(writer)):
            batch_id, _, revision = name.rpartition("/")
            before, after = moved.get(batch_id, (0, 0))
            if before <= int(revision) < after:
                target, ledger = literal(f"{batch_id}/{after}"), relation_name(self.ledger)
                writer.run(f"DELETE FROM {ledger} WHERE delivery = {target}")  # noqa: S608 - quoted
                writer.run(f"UPDATE {ledger} SET delivery = {target} WHERE delivery = {literal(name)}")  # noqa: S608 - quoted


def _fits(writer: TableWriter, table: str, wanted: Mapping[str, Kind], key: Sequence[str]) -> bool:
    """Return whether a table is there.

    Raises
    ------
    SourceError
        It lacks a column, or one has another type, or the key is not unique.
    """
    found = writer.columns(table)
    if not found:
        return False
    wrong = [f"{name} is missing" for name in wanted if name not in found]
    wrong += [
        f"{name} is {found[name]}"
        for name, kind in wanted.items()
        if name in found and found[name] not in writer.types[kind].accepted
    ]
    if frozenset(key) not in writer.unique_keys(table):
        wrong.append(f"no unique key is ({', '.join(key)})")
    if wrong:
        raise SourceError(
            f"the table {table} cannot take answers: {'; '.join(wrong)}. Expected {_definition(writer, wanted, key)}. "
            "Alter it, or rename it or name another one in scoring.table, and the next night makes it"
        )
    return True


def _make_table(writer: TableWriter, table: str, wanted: Mapping[str, Kind], key: Sequence[str]) -> None:
    columns = _definition(writer, wanted, key, quote=quoted)
    writer.run(f"CREATE TABLE IF NOT EXISTS {relation_name(table)} ({columns})")


def _definition(
    writer: TableWriter, wanted: Mapping[str, Kind], key: Sequence[str], quote: Callable[[str], str] = str
) -> str:
    columns = [
        f"{quote(name)} {writer.types[kind].created}{' NOT NULL' if name in key else ''}"
        for name, kind in wanted.items()
    ]
    return ", ".join([*columns, f"PRIMARY KEY ({', '.join(map(quote, key))})"])
