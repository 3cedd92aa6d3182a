"""The files of a table in its store, and the operations that change only them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import Conflict, DataError, Unreachable
from tasks.lake.lake import Lake
from tasks.lake.object_files import file_system
from tasks.lake.predicates import literal
from tasks.lake.schemas.arrow_types import writing
from tasks.lake.schemas.table_schemas import STATISTICS, TABLES

if TYPE_CHECKING:
    from deltalake import DeltaTable

MILLISECONDS = 1000
SMALL_BYTES = 32 * 1024 * 1024
TARGET_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of a table: how many there are, how many of them are small, and their bytes."""

    table: str
    files: int
    small_files: int
    size_bytes: int


def layout(lake: Lake, project: str, table: str) -> TableFiles | None:
    """Return the files of a table, or None when nothing was ever written."""
    opened = lake.current(project, table)
    if opened is None:
        return None
    sizes = [int(size) for size in opened.get_add_actions(flatten=True).column("size_bytes").to_pylist()]
    return TableFiles(table, len(sizes), sum(size < SMALL_BYTES for size in sizes), sum(sizes))


def compact(lake: Lake, project: str, table: str) -> int:
    """Write small files together into large ones; return how many files fewer there are. No row changes."""
    opened = _opened(lake, project, table)
    with _translated_errors(lake, project, table):
        written = writing(pa.schema(opened.schema().to_arrow()))
        done = opened.optimize.compact(target_size=TARGET_BYTES, writer_properties=written)
    return int(done["numFilesRemoved"]) - int(done["numFilesAdded"])


def remove(lake: Lake, project: str, table: str, predicate: str) -> int:
    """Remove the rows a SQL predicate describes, in one commit; return how many they were.

    Earlier states of the table keep them until their files are removed: see `remove_files`.
    """
    opened = _opened(lake, project, table)
    with _translated_errors(lake, project, table):
        return int(opened.delete(predicate)["num_deleted_rows"])


def count(lake: Lake, project: str, table: str, predicate: str) -> int:
    """Return how many rows a SQL predicate describes.

    Raises
    ------
    DataError
        The table cannot be searched with it.
    """
    opened = lake.open(project, table)
    if opened is None:
        return 0
    first = next(iter(opened.schema().fields)).name
    try:
        return int(opened.scan(columns=[first], predicate=predicate).read_all().num_rows)
    except Exception as error:  # its reader raises no type of its own for a file that is lost
        raise DataError(
            f"{lake.uri(project, table)} cannot be searched: {error}; expected its files to be there, and values of "
            "the type of its columns. Restore the files, then run the command again"
        ) from error


def remove_files(
    lake: Lake, project: str, table: str, *, days: int, keep: Sequence[int] = (), dry_run: bool = False
) -> int:
    """Remove the files that no state of the last days, and none to be kept, needs; return how many there are.

    Parameters
    ----------
    days : int
        Earlier states of the table can be read for so long.
    keep : sequence of int
        Commits with a state that stays readable however old it is.
    dry_run : bool
        Only count them.
    """
    opened = _opened(lake, project, table)
    oldest = _oldest_commit(lake, project, table)
    kept = [number for number in dict.fromkeys(keep) if oldest <= number <= opened.version()]
    with _translated_errors(lake, project, table):
        gone = opened.vacuum(
            retention_hours=days * 24, dry_run=dry_run, enforce_retention_duration=False, keep_versions=kept or None
        )
    return len(gone)


def commit_before(lake: Lake, project: str, table: str, moment: datetime) -> int | None:
    """Return the newest commit made before a moment, or None when the table has no older one."""
    opened = lake.open(project, table)
    if opened is None:
        return None
    limit = moment.timestamp() * MILLISECONDS
    older = [int(commit["version"]) for commit in opened.history() if int(commit["timestamp"]) < limit]
    return max(older, default=None)


def change(lake: Lake, project: str, table: str, predicate: str, values: Mapping[str, str]) -> None:
    """Give columns of text another value in the rows a SQL predicate describes, in one commit."""
    opened = _opened(lake, project, table)
    with _translated_errors(lake, project, table):
        opened.update(predicate=predicate, updates={name: literal(value) for name, value in values.items()})


def forget_history(lake: Lake, project: str, table: str) -> None:
    """Remove every earlier state of a table: the files that only they need, and the commits that describe them.

    A commit has the smallest and the largest values of the files that it added, and the predicates of what it removed.
    Files of which it has those of personal columns, as an earlier version of Leeway wrote them, are written again. The
    keys of writes are kept: what was written once stays written. It may be interrupted at any point, and repeated.
    """
    if lake.open(project, table) is None:
        return
    opened = _opened(lake, project, table)
    with _translated_errors(lake, project, table):
        opened.alter.set_table_properties(TABLES[table].settings)
        opened = _opened(lake, project, table)
        opened.create_checkpoint()
        if _has_personal_extremes(lake, project, table, opened.version()):
            first = next(iter(opened.schema().fields)).name
            written = writing(pa.schema(opened.schema().to_arrow()))
            opened.update(updates={first: f'"{first}"'}, writer_properties=written)
            opened = _opened(lake, project, table)
        opened.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        opened = _opened(lake, project, table)
        opened.create_checkpoint()
        for number, path, system in _log_files(lake, project, table):
            if number < opened.version():
                system.delete_file(path)


def _has_personal_extremes(lake: Lake, project: str, table: str, commit: int) -> bool:
    """Return whether a checkpoint has smallest and largest values of other columns than it should."""
    kept = {*TABLES[table].settings[STATISTICS].split(",")}
    system, root = file_system(lake.root, lake.options)
    path = f"{root}/{project}/{table}/_delta_log/{commit:020}.checkpoint.parquet"
    found = pq.read_table(path, filesystem=system)
    added = found["add"].to_pylist() if "add" in found.column_names else []  # of an empty table
    described = (json.loads(action["stats"]) for action in added if action and action["stats"])
    return any({*said.get("minValues", ()), *said.get("maxValues", ())} - kept for said in described)


def _log_files(lake: Lake, project: str, table: str) -> Iterator[tuple[int, str, Any]]:
    """Yield the number of each commit and checkpoint in the log of a table, its file, and the file system of that."""
    from pyarrow import fs

    system, root = file_system(lake.root, lake.options)
    for file in system.get_file_info(fs.FileSelector(f"{root}/{project}/{table}/_delta_log")):
        number = file.base_name.partition(".")[0]
        if file.type == fs.FileType.File and number.isdigit():
            yield int(number), file.path, system


def _oldest_commit(lake: Lake, project: str, table: str) -> int:
    """Return the oldest state of a table that its log describes."""
    return min((number for number, _, _ in _log_files(lake, project, table)), default=0)


def _opened(lake: Lake, project: str, table: str) -> DeltaTable:
    opened = lake.open(project, table)
    if opened is None:
        raise ValueError(f"{lake.uri(project, table)} was never written")
    return opened


@contextmanager
def _translated_errors(lake: Lake, project: str, table: str) -> Iterator[None]:
    """Raise Delta's errors as our own types: a conflict can be tried again, and so can a store that does not answer."""
    from deltalake.exceptions import CommitFailedError

    where = lake.uri(project, table)
    try:
        yield
    except CommitFailedError as error:
        raise Conflict(f"{where} was written in the meantime; the next upkeep repeats this") from error
    except OSError as error:
        raise Unreachable(f"{where} did not answer: {error}; is the store up?") from error
