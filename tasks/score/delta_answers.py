"""The rim of answers in a Delta table: those for a delivery are merged by row and version, in one commit, once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from tasks.arrays import BoolArray
from tasks.errors import Conflict, SourceError, Unreachable
from tasks.lake import Batch
from tasks.lake.schemas.table_schemas import STATISTICS
from tasks.score.answer_rows import KEY, AnswerRows

if TYPE_CHECKING:
    from deltalake import DeltaTable

WRITTEN, ATTEMPTS = 1, 5
TITLE = "Answers of the Leeway project "
STORE = ("Generic S3 error", "error sending request", "connection", "Connection", "timed out")


@dataclass(frozen=True)
class DeltaAnswers:
    """A Delta table with the answers of one project.

    A commit with the answers for a delivery also says, in an application transaction, that they are written; so each
    delivery is written once, whenever a run ends.

    Parameters
    ----------
    uri : str
        The folder of the table, or `s3://bucket/prefix`.
    project : str
        The project.
    rows : AnswerRows
        What is written of an answer.
    options : mapping of str to str
        The storage options for S3.
    formerly : tuple of str
        The names that the project had before.
    """

    uri: str
    project: str
    rows: AnswerRows
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    formerly: tuple[str, ...] = ()

    def name(self, batch: Batch) -> str:
        """Return the name of a revision of a batch: what a release or a correction adds is another."""
        return batch.write_key

    def lacking(self, names: Collection[str]) -> set[str]:
        """Return the deliveries without their answers in the table; all while there is no table.

        Raises
        ------
        SourceError
            When the table has other columns, or has the answers of another project.
        Unreachable
            When the store does not answer.
        """
        with self._faults():
            table = self._table()
            return {name for name in names if table is None or table.transaction_version(name) is None}

    def described(self) -> str:
        """Return what the table has now, for a person; it raises what `lacking` does."""
        with self._faults():
            table = self._table()
        if table is None:
            return f"{self.uri} is not there yet; the first night with answers makes it"
        return f"{self.uri} takes answers; its version is {table.version()}"

    def write(self, name: str, answers: pd.DataFrame) -> None:
        """Write the answers for a delivery, unless another run has; a newer answer of a version replaces an older one.

        The table is made if it is not there. See `lacking` for what it raises.

        Raises
        ------
        Conflict
            When other writers of the table were faster several times.
        """
        from deltalake.exceptions import CommitFailedError

        with self._faults():
            for _ in range(ATTEMPTS):
                try:
                    table = self._table() or self._made()
                    if table.transaction_version(name) is None:
                        self._merge(table, name, self._rows(answers))
                except CommitFailedError:  # another writer was faster, or the reply was lost: it is looked up
                    continue
                return
        raise Conflict(f"other writers of {self.uri} were faster {ATTEMPTS} times; run it again")

    def erase(self, own: Callable[[str, pd.Series], BoolArray], _moved: Mapping[str, Sequence[int]]) -> None:
        """Remove the answers of a subject that is erased, and the files of older versions of the table.

        The answers of batches that were written again are merged again under their new name: they are equal.

        Parameters
        ----------
        own : function
            From the id of a batch and the ids of rows to which of these are erased.
        """
        with self._faults():
            table = self._table()
            if table is None:
                return
            row_id, is_changed = self.rows.column("row_id"), False
            stored = pa.RecordBatchReader.from_stream(table.scan(columns=[row_id, "batch_id"])).read_pandas()
            same = f't."{row_id}" = s."{row_id}" AND t."batch_id" = s."batch_id"'
            for batch, rows in stored.groupby("batch_id"):
                ids = rows[row_id].astype("str").reset_index(drop=True)
                gone = rows[own(str(batch), ids)].drop_duplicates()
                if len(gone):  # a deletion would keep the ids in its log
                    source = pa.Table.from_pandas(gone, preserve_index=False)
                    table.merge(source, same, source_alias="s", target_alias="t").when_matched_delete().execute()
                    is_changed = True
            if is_changed:
                table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    def _table(self) -> DeltaTable | None:
        """Return the table; None if there is none.

        Raises
        ------
        SourceError
            It cannot take the answers of this project.
        """
        from deltalake import DeltaTable

        if not DeltaTable.is_deltatable(self.uri, storage_options=dict(self.options) or None):
            return None
        table = DeltaTable(self.uri, storage_options=dict(self.options) or None)
        title = table.metadata().description or ""
        if title.startswith(TITLE) and title.removeprefix(TITLE) not in {self.project, *self.formerly}:
            raise SourceError(
                f"{self.uri} has answers of the project {title.removeprefix(TITLE)!r}; expected a table of "
                f"{self.project!r} alone: name another one in scoring.output"
            )
        there = {column.name: column.type for column in pa.schema(table.schema().to_arrow())}
        wrong = [
            f"{column.name} is {there.get(column.name, 'missing')}, not {column.type}"
            for column in self.rows.schema
            if not _holds(there.get(column.name), column.type)
        ]
        if wrong:
            raise SourceError(
                f"the Delta table {self.uri} cannot take answers: {'; '.join(wrong)}. Alter it, or name another folder "
                "in scoring.output, and the next night makes it"
            )
        return table

    def _made(self) -> DeltaTable:
        from deltalake import CommitProperties, DeltaTable
        from deltalake.schema import Schema

        return DeltaTable.create(
            self.uri,
            Schema.from_arrow(self.rows.schema),
            mode="error",
            description=TITLE + self.project,
            configuration={STATISTICS: self.rows.column("time")},  # the log is not to keep ids that are erased
            storage_options=dict(self.options) or None,
            commit_properties=CommitProperties(max_commit_retries=0),
        )

    def _rows(self, answers: pd.DataFrame) -> pa.Table:
        newest = answers.sort_values("time", kind="stable").drop_duplicates(list(KEY), keep="last")
        return self.rows.table(newest).rename_columns(self.rows.schema.names)

    def _merge(self, table: DeltaTable, name: str, rows: pa.Table) -> None:
        from deltalake import CommitProperties, Transaction, write_deltalake

        time = self.rows.column("time")
        same = " AND ".join(f't."{self.rows.column(key)}" = s."{self.rows.column(key)}"' for key in KEY)
        says = CommitProperties(max_commit_retries=0, app_transactions=[Transaction(name, WRITTEN)])
        merge = table.merge(rows, same, source_alias="s", target_alias="t", commit_properties=says)
        written = {f'"{column}"': f's."{column}"' for column in rows.column_names}
        newer = merge.when_matched_update(written, f's."{time}" >= t."{time}"')
        newer.when_not_matched_insert(written).execute()
        table.update_incremental()
        if table.transaction_version(name) is None:  # no answer was newer, so there was nothing to commit
            nothing = pa.schema(table.schema().to_arrow()).empty_table()
            write_deltalake(table, nothing, mode="append", commit_properties=says)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (OSError, DeltaError, pa.ArrowException) as error:
            if any(word in str(error) for word in STORE):
                raise Unreachable(f"the store of {self.uri} did not answer: {error}") from error
            raise SourceError(f"the Delta table {self.uri} cannot take answers: {error}") from error


def _holds(there: pa.DataType | None, kind: pa.DataType) -> bool:
    """Return whether a column of a table has the values of a kind; large types are the same in Delta."""
    if there is None:
        return False
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return bool(pa.types.is_list(there) or pa.types.is_large_list(there)) and there.value_type == kind.value_type
    if pa.types.is_string(kind):
        return bool(pa.types.is_string(there) or pa.types.is_large_string(there) or pa.types.is_string_view(there))
    return bool(there == kind)
