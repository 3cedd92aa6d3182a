"""The decision log: a row of the table `decisions` for each entry of the decision record."""

from __future__ import annotations

import pandas as pd

from tasks.errors import DataError, Unreachable
from tasks.lake.lake import Lake
from tasks.lake.object_files import file_system, listed, move_folder
from tasks.records import Entry, EntryKind, NightEntry, nights_of
from tasks.records.entry_codec import from_row, to_row


def append_entry(lake: Lake, project: str, entry: Entry) -> bool:
    """Write an entry once: a second one of the same kind and name is not written; return whether this call wrote it."""
    return lake.append_if_absent(project, "decisions", pd.DataFrame([to_row(entry)]), f"{entry.kind}/{entry.name}")


def read_entries(lake: Lake, project: str, *kinds: EntryKind) -> list[Entry]:
    """Return the record, oldest first, of the kinds asked for (all when none is named).

    Raises
    ------
    DataError
        A row is not an entry that this version can read.
    """
    try:
        record = lake.read_parsed(project, "decisions", _entries)
    except ValueError as error:
        raise DataError(
            f"the decision record of {project} cannot be read: {error}. If a newer Leeway wrote it, install that one"
        ) from error
    return [entry for entry in record if not kinds or entry.kind in kinds]


def _entries(table: pd.DataFrame) -> tuple[Entry, ...]:
    ordered = table.sort_values(["time", "name"], kind="stable")
    rows = ({str(name): value for name, value in row.items()} for row in ordered.to_dict("records"))
    return tuple(from_row(row | {"time": row["time"].to_pydatetime()}) for row in rows)


def read_nights(lake: Lake, project: str) -> list[NightEntry]:
    """Return the nights of the record, oldest first."""
    return nights_of(read_entries(lake, project, "night"))


def move_project(lake: Lake, old: str, new: str) -> None:
    """Give everything that is stored of a project another name; a repeated call goes on where one was interrupted."""
    move_folder(lake.root, lake.options, old, new)
    lake.forget(old)


def recorded_projects(lake: Lake) -> list[str]:
    """Return the names of the projects with a decision record in the lake, in alphabetical order.

    Raises
    ------
    Unreachable
        When the store does not answer.
    """
    from pyarrow import fs

    names = sorted(each.base_name for each in listed(lake.root, lake.options) if each.type == fs.FileType.Directory)
    system, folder = file_system(lake.root, lake.options)
    try:
        logs = system.get_file_info([f"{folder}/{name}/decisions/_delta_log" for name in names])
    except OSError as error:
        raise Unreachable(f"listing {lake.root} failed: {error}; is the store up?") from error
    return [name for name, log in zip(names, logs, strict=True) if log.type == fs.FileType.Directory]
