"""A person's own data, as it was given to `leeway init`: one file, or a folder of files of one kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from flows.cli.init.csv_sniffer import CsvDialect, with_points, written
from tasks.errors import DataError, SourceError, SpecError, nearest
from tasks.ingest import FolderSource, StoredObject, Unreadable, batch_id
from tasks.ingest.landing.arrivals import date_in_name
from tasks.ingest.readers.parse import Format
from tasks.spec import projects_folder
from tasks.spec.infer import Arrival

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
PACKED = ".gz"
READ_BYTES = 100_000_000  # of text
UNPACKED_FACTOR = 5  # what a compressed byte may become
LONGEST_NAME = 63
SAYS_NOTHING = frozenset({"landing", "data", "rows", "raw", "files"})
DATES = re.compile(r"\d{4}-\d{2}-\d{2}|(?<!\d)\d{8}(?!\d)")
SHOWN = 3


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file that was read: its key in the landing place, the name of its content, and its rows as delivered."""

    key: str
    batch_id: str
    frame: pd.DataFrame


@dataclass(frozen=True, slots=True)
class DataSample:
    """What was given: how it is written, what says when a file landed, and what was read of it, oldest first.

    `found` counts the files that are there; `unreadable` says of each that cannot be read what is wrong with it.
    """

    fmt: Format
    arrival: Arrival
    found: int
    files: tuple[SampleFile, ...]
    unreadable: tuple[str, ...] = ()
    written: CsvDialect = field(default_factory=CsvDialect)

    def rows(self, needed: Sequence[str]) -> pd.DataFrame:
        """Return the rows of all files, with the columns that every file has; decimals have points.

        Parameters
        ----------
        needed : sequence of str
            Columns that no file may lack if another has them.

        Raises
        ------
        SpecError
            When a file lacks one of them.
        """
        filled = [each for each in self.files if len(each.frame)] or list(self.files[:1])
        columns = [[str(name) for name in each.frame.columns] for each in filled]
        anywhere = set().union(*columns)
        faults = [
            f"{each.key} has no column {name!r}, which other files have{nearest(name, mine)}; "
            "expected files of one kind: give a folder of these only"
            for name in needed
            for each, mine in zip(filled, columns, strict=True)
            if name in anywhere and name not in mine
        ]
        if faults:
            raise SpecError(faults[:SHOWN])
        shared = [name for name in filled[0].frame.columns if all(str(name) in mine for mine in columns)]
        rows = pd.concat([each.frame[shared] for each in filled], ignore_index=True)
        return with_points(rows) if self.written.decimal == "," else rows

    def uncommon(self, rows: pd.DataFrame) -> list[str]:
        """Return the columns that are not in `rows` because some files lack them, sorted."""
        shared = {str(name) for name in rows.columns}
        return sorted({str(name) for each in self.files for name in each.frame.columns} - shared)


def read_given(data: Path) -> DataSample:
    """Return a file, or the newest files of a folder: as many as about 100 MB of text hold, and one at least.

    Raises
    ------
    SourceError
        When there is nothing, or nothing that Leeway reads, or files of several kinds.
    DataError
        When not one of the files can be read.
    """
    objects = _listing(data)
    fmt = _format(data, objects)
    dated = all(date_in_name(each.key) for each in objects)
    newest = sorted(objects, key=lambda each: (_arrival(each, dated=dated), each.key), reverse=True)
    way, files, unreadable = _read(data, _fitting(newest), fmt)
    if not files:
        raise DataError(f"{data} cannot be read as {fmt}: {unreadable[0]}")
    return DataSample(
        fmt, "filename" if dated else "modified", len(objects), tuple(files[::-1]), tuple(unreadable), way
    )


def project_name(data: Path) -> str:
    """Return a project's name from the name of its data: of a folder in a project, that project's.

    Raises
    ------
    SpecError
        When the name has no letter or digit that a project's name may have.

    Examples
    --------
    >>> project_name(Path("Umsätze_EU 2026-01-02.csv.gz")), project_name(Path("/shop/landing"))
    ('umsatze-eu', 'shop')
    """
    path = data.resolve()
    projects = projects_folder().resolve()
    if path.parent != projects and path.is_relative_to(projects):
        return path.relative_to(projects).parts[0]
    while path.name.lower() in SAYS_NOTHING:
        path = path.parent
    stem = path.name if path.is_dir() else path.name.split(".")[0]
    plain = unicodedata.normalize("NFKD", DATES.sub("", stem)).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_NAME].rstrip("-")
    if not name:
        raise SpecError([f"no project name can be made of {data.name!r}; say one with --project NAME"])
    return name


def _listing(data: Path) -> list[StoredObject]:
    if data.is_file():
        status = data.stat()
        return [StoredObject(data.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))]
    if not data.is_dir():
        beside = sorted(each.name for each in data.parent.iterdir()) if data.parent.is_dir() else []
        raise SourceError(f"found no file or folder {str(data)!r}{nearest(data.name, beside)}")
    found = FolderSource(data).list()
    if not found:
        raise SourceError(f"the folder {str(data)!r} is empty; expected {_known()} files")
    return found


def _format(data: Path, objects: Sequence[StoredObject]) -> Format:
    written = {each.key: FORMATS.get(Path(each.key.lower().removesuffix(PACKED)).suffix) for each in objects}
    strange = [key for key, fmt in written.items() if fmt is None]
    if strange:
        listed = ", ".join(strange[:SHOWN]) + (", ..." if len(strange) > SHOWN else "")
        rest = "; every file of the folder is taken for a delivery: move the others out" if data.is_dir() else ""
        raise SourceError(f"{listed}: expected {_known()} by the ending of the name{rest}")
    kinds = sorted({fmt for fmt in written.values() if fmt})
    if len(kinds) > 1:
        raise SourceError(f"{str(data)!r} holds {' and '.join(kinds)} files; expected one kind: give a folder of each")
    return kinds[0]


def _known() -> str:
    return "csv, jsonl or Parquet"


def _arrival(each: StoredObject, *, dated: bool) -> str:
    return str(date_in_name(each.key) if dated else each.modified)


def _fitting(newest: Sequence[StoredObject]) -> list[StoredObject]:
    """Return the newest objects that can be looked at together."""
    chosen: list[StoredObject] = []
    weight = 0
    for each in newest:
        weight += each.size_bytes * (1 if each.key.lower().endswith((".csv", ".jsonl", ".ndjson")) else UNPACKED_FACTOR)
        if chosen and weight > READ_BYTES:
            break
        chosen.append(each)
    return chosen


def _read(data: Path, objects: Sequence[StoredObject], fmt: Format) -> tuple[CsvDialect, list[SampleFile], list[str]]:
    """Read all as the newest that has content is written."""
    place, files, unreadable = FolderSource(data if data.is_dir() else data.parent), [], []
    way: CsvDialect | None = None
    for each in objects:
        content = place.read(each.key)
        way = way or (written(content, each.key, fmt) if content else None)
        frame = (way or CsvDialect()).read(content, each.key, fmt)
        if isinstance(frame, Unreadable):
            unreadable.append(f"{each.key}: {frame.detail} ({frame.reason})")
        else:
            files.append(SampleFile(each.key, batch_id(content), frame))
    return way or CsvDialect(), files, unreadable
