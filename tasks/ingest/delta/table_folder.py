"""The files of a Delta table, looked at before the library of Delta reads them.

Its log names files, and that library reads whatever it names, also in another folder or bucket. What these have is
decoded without a limit: a file of nine kilobytes takes two gigabytes, and one with many levels ends the process.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote

from tasks.errors import SourceError
from tasks.ingest.readers.bounds import DEFAULT, Bounds, Chunk, size_bytes, within
from tasks.ingest.readers.columnar.parquet import checked_file, columnar
from tasks.ingest.readers.sealed_file import SealedFile
from tasks.ingest.readers.unreadable import BrokenError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

LOG = "_delta_log"
VERSION = re.compile(r"(?P<version>\d{20})\.(?P<kind>checkpoint.*\.parquet|checkpoint.*\.json|json)$")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
BATCH_ROWS = 8_192
"""How many rows the library of Delta decodes at once."""
MOST_BATCH_CHUNKS = 4
"""How much they may be, in chunks."""
COPIED_BYTES = 2**23


@dataclass(frozen=True)
class TableFolder:
    """The files in the folder of a table.

    Attributes
    ----------
    uri : str
        A folder, or `s3://bucket/prefix`.
    system : FileSystem
        What reads the files by their names below it.
    folder : Path
        For an encrypted copy of one file of S3 at a time.
    bounds : Bounds
        How much may be in memory.
    """

    uri: str
    system: FileSystem
    folder: Path
    bounds: Bounds = DEFAULT

    def refuse_unsafe_log(self) -> None:
        """Look at what is read to open the table: the newest checkpoint, and the commits after it.

        Raises
        ------
        SourceError
            They are more than a quarter of the memory, or a checkpoint cannot be read safely.
        """
        from pyarrow.fs import FileSelector

        listed = self.system.get_file_info(FileSelector(LOG, recursive=True, allow_not_found=True))
        found = [(file, match) for file in listed if (match := VERSION.search(file.path))]
        newest = max((match["version"] for _, match in found if match["kind"] != "json"), default="")
        read = [file for file, match in found if match["version"] >= newest]
        read += [file for file in listed if "/_sidecars/" in file.path]
        log_bytes, allowed = sum(file.size or 0 for file in read), self.bounds.chunk_bytes * MOST_BATCH_CHUNKS
        if log_bytes > allowed:
            raise SourceError(
                f"the log of the Delta table {self.uri} has {log_bytes:,} bytes since its last checkpoint; "
                f"ingest.memory_mb, {self.bounds.memory_mb:,}, allows {allowed:,}. Write a checkpoint, or allow more"
            )
        for checkpoint in (file.path for file in read if file.path.endswith(".parquet")):
            with self._looked_at(checkpoint) as file:
                checked_file(file, self.bounds)

    def read_by(self, version: int) -> list[str]:
        """Return the files, as the log names them, that have what a version has changed.

        Raises
        ------
        FileNotFoundError
            The version is no longer in the log.
        """
        changed, feed = list[str](), list[str]()
        with self.system.open_input_file(f"{LOG}/{version:020}.json") as commit:
            lines = commit.read().splitlines()
        for entry in map(json.loads, filter(None, lines)):
            feed += [entry["cdc"]["path"]] if "cdc" in entry else []
            changed += [entry[kind]["path"] for kind in ("add", "remove") if entry.get(kind, {}).get("dataChange")]
        return feed or changed

    def refuse_unsafe(self, paths: Iterable[str]) -> None:
        """Look at files before they are read.

        Raises
        ------
        FileNotFoundError
            One is not there.
        SourceError
            One is outside of the table, or cannot be read within the bounds.
        """
        for path in paths:
            with self._looked_at(path) as file:
                for _ in within(self.bounds, self._of_batches(columnar(file, self.bounds)), file.seek(0, 2)):
                    continue

    @contextmanager
    def _looked_at(self, path: str) -> Iterator[BinaryIO]:
        """Yield a file to look at; what is found about it is an error of the source."""
        try:
            with self._opened(path) as file:
                yield file
        except BrokenError as error:
            said = error.unreadable
            raise SourceError(f"{path} of the Delta table {self.uri}: {said.reason}, {said.detail}") from None

    def _of_batches(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield chunks, as long as as many rows as are decoded at once take little memory."""
        allowed = self.bounds.chunk_bytes * MOST_BATCH_CHUNKS
        rows = held_bytes = 0
        for chunk in chunks:
            yield chunk
            share = min(1.0, BATCH_ROWS / max(len(chunk), 1))
            rows, held_bytes = rows + len(chunk), held_bytes + int(size_bytes(chunk) * share)
            if held_bytes > allowed:
                raise self.bounds.too_large(f"{rows:,} rows or fewer have {held_bytes:,} bytes", f"{allowed:,} at once")
            if rows >= BATCH_ROWS:
                rows = held_bytes = 0

    def _opened(self, path: str) -> BinaryIO:
        name = self._inside(path)
        if not self.uri.startswith("s3://"):
            return (Path(self.uri) / name).open("rb")
        with SealedFile(self.folder / "looked-at.parquet") as copy, self.system.open_input_stream(name) as stream:
            shutil.copyfileobj(stream, copy, COPIED_BYTES)
        return copy.opened()

    def _inside(self, path: str) -> str:
        """Return the name of a file below the table; also of a link, which may be to a file of the table only."""
        once = unquote(path)
        outside = SCHEME.match(path) or any(
            name.startswith("/") or ".." in PurePosixPath(name).parts for name in (path, once, unquote(once))
        )
        if not outside and not self.uri.startswith("s3://"):
            root = Path(self.uri).resolve()
            outside = not (root / once).resolve().is_relative_to(root)
        if outside:
            raise SourceError(
                f"the log of the Delta table {self.uri} names {path!r}, which is outside of its folder; expected files "
                "of the table only. Copy the table instead of cloning it, or name the other one in source.uri"
            )
        return once
