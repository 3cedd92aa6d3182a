"""A folder as the source of deliveries."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tasks.errors import Conflict, SourceError, Unreachable
from tasks.ingest.sources.stored_objects import FileFault, StoredObject, copied, is_delivery, is_file_name, is_safe

NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""The errors of a path at which no file can be: it is gone, or a link leads to itself or to a name that is too long."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder and its subfolders, without symbolic links to files outside of it.

    `marker` is the spec's `complete_marker`: such files are listed as well. `files` is the sub-folder of the files that
    rows name: it is not listed.
    """

    root: Path
    marker: str | None = None
    files: str | None = None

    @property
    def exists(self) -> bool:
        """Whether there is such a folder."""
        return self.root.is_dir()

    def list(self) -> list[StoredObject]:
        """Return all deliveries in the folder, in the order of their keys.

        Raises
        ------
        SourceError
            When the folder or a subfolder does not exist or cannot be read.
        """
        if not self.root.is_dir():
            raise SourceError(
                f"found no folder {str(self.root)!r}; expected the landing zone of the spec: "
                "create the folder, or correct the uri (a relative one is relative to project.yaml)"
            )
        return sorted(self._objects(), key=lambda stored: stored.key)

    def unfollowed(self) -> tuple[str, ...]:
        """Return links to folders, to files outside of the folder and to nothing, in the order of their keys."""
        found = []
        for folder, folders, names in os.walk(self.root, onerror=_refuse):
            folders[:] = self._searched(folder, folders)
            paths = [Path(folder, name) for name in (*folders, *names) if is_delivery(name, self.marker)]
            found += [path for path in paths if path.is_symlink() and self._object(path) is None]
        return tuple(sorted(path.relative_to(self.root).as_posix() for path in found))

    def read(self, key: str) -> bytes:
        """Return the content of one file.

        Raises
        ------
        SourceError
            When the key is outside of the folder, or names no readable file.
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

        A file has no checksum: only a change of its size or of the time of writing is noticed.

        Raises
        ------
        Conflict
            When the file is gone, or was written since it was listed.
        SourceError
            When the key is outside of the folder, or the file cannot be read.
        Unreachable
            When the disk does not answer.
        """
        path = self._path(listed.key)
        try:
            with path.open("rb") as file:
                sha256 = copied(file, out)
        except FileNotFoundError as error:
            raise Conflict(f"{str(path)!r} was removed since it was listed") from error
        except (IsADirectoryError, PermissionError) as error:
            raise _unreadable(path, error) from error
        except OSError as error:
            raise Unreachable(f"{str(path)!r} did not answer: {error}") from error
        if (now := self._object(path)) is None or now.stamp != listed.stamp or out.tell() != listed.size_bytes:
            raise Conflict(f"{str(path)!r} was written since it was listed; it is taken in once it does not change")
        return sha256

    def read_file(self, name: str, most_bytes: int) -> bytes | FileFault:
        """Return the content of a file that a row names, or why it cannot be used.

        Parameters
        ----------
        name : str
            Relative to the sub-folder `files`; links out of it are not followed.
        most_bytes : int
            A larger file is not read.

        Raises
        ------
        Unreachable
            When the disk does not answer.
        """
        base = self.root / (self.files or "")
        path = base / name
        if not is_file_name(name):
            return "file_name"
        try:
            if not path.resolve().is_relative_to(base.resolve()):
                return "file_name"
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe would never end
                return "file_missing"
            if status.st_size > most_bytes:
                return "file_too_large"
            with path.open("rb") as file:
                content = file.read(most_bytes + 1)
        except (RuntimeError, OSError) as error:  # the former of links in a circle
            if isinstance(error, RuntimeError | PermissionError) or error.errno in NOWHERE:
                return "file_missing"
            raise Unreachable(f"{str(path)!r} did not answer: {error}") from error
        return content if len(content) <= most_bytes else "file_too_large"

    def _searched(self, folder: str, folders: Sequence[str]) -> Sequence[str]:
        """Return the sub-folders of a folder in which deliveries may be."""
        apart = None if self.files is None else self.root / self.files
        return [name for name in folders if is_delivery(name) and Path(folder, name) != apart]

    def _path(self, key: str) -> Path:
        path = self.root / key
        if not is_safe(key) or not self._is_inside(path):
            raise SourceError(
                f"found key {key!r}; expected a file inside {str(self.root)!r}: the key is outside of the folder"
            )
        return path

    def _objects(self) -> Iterator[StoredObject]:
        for folder, folders, names in os.walk(self.root, onerror=_refuse):
            folders[:] = self._searched(folder, folders)
            for path in (Path(folder, name) for name in names if is_delivery(name, self.marker)):
                if (stored := self._object(path)) is not None:
                    yield stored

    def _object(self, path: Path) -> StoredObject | None:
        if path.is_symlink() and not self._is_inside(path):
            return None
        try:
            status = path.stat()
        except OSError as error:
            if error.errno in NOWHERE:  # removed since the folder was listed, or a broken link
                return None
            raise
        if not stat.S_ISREG(status.st_mode):
            return None
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return StoredObject(path.relative_to(self.root).as_posix(), status.st_size, modified)

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root.resolve())
        except RuntimeError:  # of links in a circle
            return False


def _refuse(error: OSError) -> None:
    raise SourceError(
        f"{error.filename!r} cannot be listed ({error.strerror}); expected a folder that this process can read"
    )


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{str(path)!r} cannot be read ({error.strerror}); expected a delivered file to stay where it landed, "
        "readable for this process"
    )
