"""Files that appear as a whole: written to a draft in the same folder, then put in their place in one step."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write a file so that a reader, or a machine that loses its power, sees the old content or the new one.

    Once this returns, the new one is on the disk.

    Parameters
    ----------
    mode : int
        The permissions of the file, less those that the umask takes away.

    Raises
    ------
    OSError
        When the disk is full or refuses the write; no draft is left.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = write_whole(Path(folder, "a"), b"1")
    ...     write_whole(path, b"2").read_bytes(), len(list(Path(folder).iterdir()))
    (b'2', 1)
    """
    with _draft(path, content, mode) as draft:
        draft.replace(path)
    sync_folder(path.parent)
    return path


def write_once(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file as a whole, unless there is one: of several processes the first one wins.

    Raises
    ------
    OSError
        When the disk is full or refuses the write; no draft is left.
    """
    with _draft(path, content, mode) as draft, suppress(FileExistsError):
        os.link(draft, path)
    sync_folder(path.parent)


def private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are missing, for their owner only; one that exists stays as it is.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as root:
    ...     made = private_folder(Path(root, "a", "b"))
    ...     [oct(path.stat().st_mode & 0o777) for path in (made.parent, made)]
    ['0o700', '0o700']
    """
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)
            sync_folder(path.parent)
    return folder


def sync_folder(folder: Path) -> None:
    """Wait until the names of the files in a folder are on the disk, so that they survive a loss of power.

    Some file systems of a network keep names by themselves, and refuse this; a folder that cannot be listed is left.
    """
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
                raise
        finally:
            os.close(descriptor)


@contextmanager
def _draft(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Yield a hidden file next to a path, with its content on the disk; it is removed unless it was put in place."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
