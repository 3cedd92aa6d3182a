"""A folder as a landing place."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tasks.errors import Conflict, SourceError, Unreachable
from tasks.ingest.sources.stored_objects import StoredObject, is_delivery, is_safe

BLOCK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder and its subfolders; what a symbolic link would bring in from elsewhere is not part of it.

    `marker` is the spec's `complete_marker`: such files are listed too.
    """

    root: Path
    marker: str | None = None

    def list(self) -> list[StoredObject]:
        """Return every delivery in the folder, in the order of its keys.

        Raises
        ------
        SourceError
            When the folder, or one below it, does not exist or may not be read.
        """
        if not self.root.is_dir():
            raise SourceError(
                f"found no folder {str(self.root)!r}; expected the landing place of the spec: "
                "make the folder, or correct the uri (a relative one is looked for beside project.yaml)"
            )
        return sorted(self._objects(), key=lambda found: found.key)

    def read(self, key: str) -> bytes:
        """Return the content of one file.

        Raises
        ------
        SourceError
            When the key leads out of the folder, or names no file that may be read.
        Unreachable
            When the disk does not answer.
        """
        path = self._path(key)
        try:
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise _unreadable(path, error) from error
        except OSError as error:
            raise Unreachable(f"{str(path)!r} did not answer: {error}") from error

    def copy(self, listed: StoredObject, out: BinaryIO) -> str:
        """Write one file to another, a block at a time; return the sha256 of its content.

        A file has no checksum to compare with: what is noticed is that it grew, shrank or was written meanwhile.

        Raises
        ------
        Conflict
            When the file is gone, or is not what the listing showed any more.
        SourceError
            When the key leads out of the folder, or the file may not be read.
        Unreachable
            When the disk does not answer.
        """
        path, digest = self._path(listed.key), hashlib.sha256()
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    out.write(block)
                    digest.update(block)
        except FileNotFoundError as error:
            raise Conflict(f"{str(path)!r} was taken away since it was listed") from error
        except (IsADirectoryError, PermissionError) as error:
            raise _unreadable(path, error) from error
        except OSError as error:
            raise Unreachable(f"{str(path)!r} did not answer: {error}") from error
        if (now := self._object(path)) is None or now.stamp != listed.stamp or out.tell() != listed.size_bytes:
            raise Conflict(f"{str(path)!r} was written since it was listed; it is taken in once it stays as it is")
        return digest.hexdigest()

    def _path(self, key: str) -> Path:
        path = self.root / key
        if not is_safe(key) or not self._is_inside(path):
            raise SourceError(
                f"found key {key!r}; expected a file inside {str(self.root)!r}: it leads out of the folder"
            )
        return path

    def _objects(self) -> Iterator[StoredObject]:
        for folder, folders, names in os.walk(self.root, onerror=_refuse):
            folders[:] = [name for name in folders if is_delivery(name)]
            for path in (Path(folder, name) for name in names if is_delivery(name, self.marker)):
                if (found := self._object(path)) is not None:
                    yield found

    def _object(self, path: Path) -> StoredObject | None:
        if path.is_symlink() and not self._is_inside(path):
            return None
        try:
            status = path.stat()
        except FileNotFoundError:  # moved away since the folder was read, or a link to nothing
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return StoredObject(path.relative_to(self.root).as_posix(), status.st_size, modified)

    def _is_inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root.resolve())


def _refuse(error: OSError) -> None:
    raise SourceError(
        f"{error.filename!r} cannot be listed ({error.strerror}); expected a folder this process may read"
    )


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{str(path)!r} cannot be read ({error.strerror}); expected a delivered file to stay where it landed, "
        "readable for this process"
    )
