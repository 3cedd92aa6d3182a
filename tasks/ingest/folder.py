"""A folder as a landing place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.errors import SourceError, Unreachable
from tasks.ingest.objects import StoredObject, is_delivery, is_safe


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder and its subfolders; what a symbolic link would bring in from elsewhere is not part of it."""

    root: Path

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
        path = self.root / key
        if not is_safe(key) or not self._is_inside(path):
            raise SourceError(
                f"found key {key!r}; expected a file inside {str(self.root)!r}: it leads out of the folder"
            )
        try:
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise SourceError(
                f"{str(path)!r} cannot be read ({error.strerror}); expected a delivered file to stay where it landed, "
                "readable for this process"
            ) from error
        except OSError as error:
            raise Unreachable(f"{str(path)!r} did not answer: {error}") from error

    def _objects(self) -> Iterator[StoredObject]:
        for folder, folders, names in os.walk(self.root, onerror=_refuse):
            folders[:] = [name for name in folders if is_delivery(name)]
            for path in (Path(folder, name) for name in names if is_delivery(name)):
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
