"""The data given to `leeway init`: one file, or a folder of files of one format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from flows.cli.init.csv_sniffer import CsvDialect, detect_dialect, with_decimal_points
from tasks.errors import DataError, SourceError, SpecError, nearest
from tasks.ingest import FolderSource, StoredObject, Unreadable, batch_id
from tasks.ingest.landing.arrivals import date_in_name
from tasks.ingest.landing.path_columns import shared_path_columns
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
FORMAT_NAMES = "csv, jsonl or Parquet"
COMPRESSED = ".gz"
READ_BYTES = 100_000_000  # of text
COMPRESSION_FACTOR = 5  # bytes of text in a compressed byte, at most
MAX_NAME_LENGTH = 63
GENERIC_NAMES = frozenset({"landing", "data", "rows", "raw", "files"})
DATES = re.compile(r"\d{4}-\d{2}-\d{2}|(?<!\d)\d{8}(?!\d)")
FAULTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file that was read: its key in the landing zone, the id of its content, and its rows as delivered."""

    key: str
    batch_id: str
    frame: pd.DataFrame


@dataclass(frozen=True, slots=True)
class DataSample:
    """The files that were read, oldest first, and their format.

    `arrival` names what dates the arrival of a file; `file_count` counts all files, also those that were not read;
    `unreadable` has the fault of each file that cannot be read.
    """

    fmt: Format
    arrival: Arrival
    file_count: int
    files: tuple[SampleFile, ...]
    unreadable: tuple[str, ...] = ()
    dialect: CsvDialect = field(default_factory=CsvDialect)

    def rows(self, needed: Sequence[str]) -> pd.DataFrame:
        """Return the rows of all files, with the columns that all files have and decimal points.

        Parameters
        ----------
        needed : sequence of str
            Columns that every file must have if one has them.

        Raises
        ------
        SpecError
            When a file lacks one of them.
        """
        filled = [file for file in self.files if len(file.frame)] or list(self.files[:1])
        columns = [[str(name) for name in file.frame.columns] for file in filled]
        anywhere = set().union(*columns)
        faults = [
            f"{file.key} has no column {name!r}, which other files have{nearest(name, names)}; "
            "expected files with the same columns: give a folder of these only"
            for name in needed
            for file, names in zip(filled, columns, strict=True)
            if name in anywhere and name not in names
        ]
        if faults:
            raise SpecError(faults[:FAULTS_SHOWN])
        shared = [name for name in filled[0].frame.columns if all(str(name) in names for names in columns)]
        rows = pd.concat([file.frame[shared] for file in filled], ignore_index=True)
        return with_decimal_points(rows) if self.dialect.decimal == "," else rows

    def uncommon(self, rows: pd.DataFrame) -> list[str]:
        """Return the columns, sorted, that `rows` lacks because some files lack them."""
        shared = {str(name) for name in rows.columns}
        return sorted({str(name) for file in self.files for name in file.frame.columns} - shared)


def read_given(data: Path) -> DataSample:
    """Read a file, or the newest files of a folder: about 100 MB of text, and at least one file.

    Raises
    ------
    SourceError
        When there is no file, no file in a format that Leeway reads, or files of several formats.
    DataError
        When none of the files can be read.
    """
    objects = _listing(data)
    fmt = _format(data, objects)
    dated = all(date_in_name(stored.key) for stored in objects)
    newest = sorted(objects, key=lambda stored: (_arrival(stored, dated=dated), stored.key), reverse=True)
    dialect, files, unreadable = _read(data, _within_limit(newest), fmt)
    if not files:
        raise DataError(f"{data} cannot be read as {fmt}: {unreadable[0]}")
    return DataSample(
        fmt, "filename" if dated else "modified", len(objects), tuple(files[::-1]), tuple(unreadable), dialect
    )


def project_name(data: Path) -> str:
    """Return a project name made from the name of the data; data inside a project has the name of that project.

    Raises
    ------
    SpecError
        When the name has no letter or digit that is allowed in a project's name.

    Examples
    --------
    >>> project_name(Path("Umsätze_EU 2026-01-02.csv.gz")), project_name(Path("/shop/landing"))
    ('umsatze-eu', 'shop')
    """
    path = data.resolve()
    projects = projects_folder().resolve()
    if path.parent != projects and path.is_relative_to(projects):
        return path.relative_to(projects).parts[0]
    while path.name.lower() in GENERIC_NAMES:
        path = path.parent
    stem = path.name if path.is_dir() else path.name.split(".")[0]
    ascii_stem = unicodedata.normalize("NFKD", DATES.sub("", stem)).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_stem).strip("-")[:MAX_NAME_LENGTH].rstrip("-")
    if not name:
        raise SpecError([f"no project name can be made from {data.name!r}; give one with --project NAME"])
    return name


def _listing(data: Path) -> list[StoredObject]:
    if data.is_file():
        status = data.stat()
        return [StoredObject(data.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))]
    if not data.is_dir():
        siblings = sorted(path.name for path in data.parent.iterdir()) if data.parent.is_dir() else []
        raise SourceError(f"found no file or folder {str(data)!r}{nearest(data.name, siblings)}")
    objects = FolderSource(data).list()
    if not objects:
        raise SourceError(f"the folder {str(data)!r} is empty; expected {FORMAT_NAMES} files")
    return objects


def _format(data: Path, objects: Sequence[StoredObject]) -> Format:
    by_key = {stored.key: FORMATS.get(Path(stored.key.lower().removesuffix(COMPRESSED)).suffix) for stored in objects}
    unknown = [key for key, fmt in by_key.items() if fmt is None]
    if unknown:
        listed = ", ".join(unknown[:FAULTS_SHOWN]) + (", ..." if len(unknown) > FAULTS_SHOWN else "")
        rest = "; every file of the folder counts as a delivery: move other files out" if data.is_dir() else ""
        raise SourceError(f"{listed}: expected {FORMAT_NAMES} files, recognised by the end of the name{rest}")
    formats = sorted({fmt for fmt in by_key.values() if fmt})
    if len(formats) > 1:
        raise SourceError(
            f"{str(data)!r} has {' and '.join(formats)} files; expected one format: give a folder for each"
        )
    return formats[0]


def _arrival(stored: StoredObject, *, dated: bool) -> str:
    return str(date_in_name(stored.key) if dated else stored.modified)


def _within_limit(newest: Sequence[StoredObject]) -> list[StoredObject]:
    """Return the newest objects that together are small enough to read."""
    chosen: list[StoredObject] = []
    total_bytes = 0
    for stored in newest:
        text = stored.key.lower().endswith((".csv", ".jsonl", ".ndjson"))
        total_bytes += stored.size_bytes * (1 if text else COMPRESSION_FACTOR)
        if chosen and total_bytes > READ_BYTES:
            break
        chosen.append(stored)
    return chosen


def _read(data: Path, objects: Sequence[StoredObject], fmt: Format) -> tuple[CsvDialect, list[SampleFile], list[str]]:
    """Read all files in the dialect of the newest one with content."""
    source, files, unreadable = FolderSource(data if data.is_dir() else data.parent), [], []
    dialect: CsvDialect | None = None
    shared = tuple(shared_path_columns([stored.key for stored in objects]))
    for stored in objects:
        content = source.read(stored.key)
        if dialect is None and content:
            dialect = replace(detect_dialect(content, stored.key, fmt), path_columns=shared)
        frame = (dialect or CsvDialect()).read(content, stored.key, fmt)
        if isinstance(frame, Unreadable):
            unreadable.append(f"{stored.key}: {frame.detail} ({frame.reason})")
        else:
            files.append(SampleFile(stored.key, batch_id(content), frame))
    return dialect or CsvDialect(), files, unreadable
