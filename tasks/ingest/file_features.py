"""What the project's own function makes of the files that rows name: read, verified, and never more than a chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from tasks.errors import DataError, SourceError, Unreachable
from tasks.features import featured
from tasks.ingest.readers.bounds import Chunk
from tasks.ingest.readers.columnar.parquet import frame_of_table
from tasks.ingest.sources.s3_client import code_of
from tasks.ingest.sources.stored_objects import FileFault, FileStore
from tasks.spec.landing_sections.files_of_rows import FUNCTION_FAILED, FilesOfRows
from tasks.spec.project_spec import ProjectSpec

AT_ONCE = 8  # files that are read at the same time: a store answers each after some milliseconds
MEBIBYTE = 2**20


@dataclass
class _Files:
    """The files of some rows of a chunk, by position, and what is known of each row of the chunk."""

    contents: dict[int, bytes] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)

    @property
    def held_bytes(self) -> int:
        return sum(map(len, self.contents.values()))


class FileFeatures:
    """Adds to the rows of a delivery what the project's function makes of their files.

    The function gets the rows as they were delivered, with the bytes of the file in place of its name, and never more
    than `source.files.chunk_mb` of them. Its columns are added as they will be stored, with the digest of the file, and
    with the reason why a file cannot be used. A file that is gone, too large or another one is no error: its row is
    refused later. A store that does not answer is one, because the night can be run again.

    Parameters
    ----------
    store : FileStore
        Where the files are.
    spec : ProjectSpec
        With `source.files`. Without `features.function`, files are read and verified only.
    folder : Path
        The folder of project.yaml.
    """

    def __init__(self, store: FileStore, spec: ProjectSpec, folder: Path) -> None:
        if spec.source.files is None:
            raise ValueError("found a spec without source.files; expected one with it")
        self._store, self._spec, self._folder = store, spec, folder
        self._files: FilesOfRows = spec.source.files

    def __call__(self, chunk: Chunk) -> pd.DataFrame:
        """Return the next chunk with the made columns, the digest and the fault of each row.

        Raises
        ------
        DataError
            The function is not pure, or ends its process.
        SourceError, Unreachable
            The store refuses, or does not answer.
        """
        rows = (chunk if isinstance(chunk, pd.DataFrame) else frame_of_table(chunk)).reset_index(drop=True)
        files, made = _Files(), list[pd.DataFrame]()
        for full in self._filled(rows, files):
            made += self._made(rows, full)
            full.contents.clear()
        columns = pd.concat(made) if made else pd.DataFrame()
        added = {str(name): column.reindex(rows.index) for name, column in columns.items()}
        texts: dict[str, dict[int, str]] = {self._files.fault_column: files.faults}
        texts |= {name: {} for name in self._spec.features.made.all if name not in added}
        texts |= {} if self._files.sha256 else {self._files.digest_column: files.digests}
        for name, values in texts.items():
            added[name] = pd.Series([values.get(place) for place in range(len(rows))], dtype="str")
        return rows.assign(**added)

    def _filled(self, rows: pd.DataFrame, files: _Files) -> Iterator[_Files]:
        """Yield the files of the rows, each time as many as may be in memory."""
        if self._files.column not in rows:
            return
        most_bytes, chunk_bytes = self._files.object_mb * MEBIBYTE, self._files.chunk_mb * MEBIBYTE
        step = max(1, min(AT_ONCE, chunk_bytes // most_bytes))
        names = ["" if pd.isna(name) else str(name).strip() for name in rows[self._files.column]]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for start in range(0, len(names), step):
                if files.contents and files.held_bytes + step * most_bytes > chunk_bytes:
                    yield files
                read = pool.map(lambda name: self._read(name, most_bytes), names[start : start + step])
                for place, content in enumerate(read, start):
                    self._note(place, content, rows, files)
        yield files

    def _read(self, name: str, most_bytes: int) -> bytes | FileFault:
        """Return what the store has; with `privacy`, its errors are without the name of the file, a value of a row."""
        try:
            return self._store.read_file(name, most_bytes)
        except (SourceError, Unreachable) as error:
            if not self._spec.privacy.is_set:
                raise
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            reason = code_of(cause) if hasattr(cause, "response") else getattr(cause, "strerror", type(cause).__name__)
            raise type(error)(
                f"a file that a row names in {self._files.folder!r} of {self._spec.source.uri!r} cannot be read: "
                f"{reason} (its name is left out because of privacy); expected a store that answers and may be read"
            ) from None

    def _note(self, place: int, content: bytes | FileFault, rows: pd.DataFrame, files: _Files) -> None:
        """Note the content of the file of one row, or why it cannot be used."""
        if not isinstance(content, bytes):
            files.faults[place] = content
            return
        files.digests[place] = hashlib.sha256(content).hexdigest()
        column = self._files.sha256
        if column is not None and column in rows:
            said = str(rows[column].iloc[place]).strip().lower()
            if said != files.digests[place]:
                files.faults[place] = "file_digest"
                return
        files.contents[place] = content

    def _made(self, rows: pd.DataFrame, files: _Files) -> Iterator[pd.DataFrame]:
        """Yield the columns that the function makes of files in memory; note the rows that it fails on."""
        if not files.contents or self._spec.features.function is None:
            return
        places = [*files.contents]
        given = rows.iloc[places].assign(**{self._files.column: pd.Series(files.contents, dtype=object)})
        made = featured(given, self._spec.features.function, self._folder, self._spec)
        for at, message in (made.faults | made.failures).items():
            files.faults[places[at]] = f"{FUNCTION_FAILED}: {message}"
        if len(made.failures) == len(places):
            return
        lacking = [name for name in self._spec.features.made.all if name not in made.rows]
        if lacking:
            raise DataError(
                f"{self._spec.features.function} makes no column {lacking[0]!r} of the files that rows name; expected "
                f"every column of features.made: {self._spec.features.made.all}"
            )
        yield self._typed(made.rows)

    def _typed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the made columns, each in one type for all chunks."""
        made = self._spec.features.made
        types = dict.fromkeys(made.numbers, "float64") | dict.fromkeys(made.booleans, "boolean")
        types |= dict.fromkeys(made.categories, "str") | dict.fromkeys(made.dates, "datetime64[us]")
        return rows[made.all].astype(types)
