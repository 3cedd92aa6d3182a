"""A file of the prediction log that this process writes."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic

from tasks.whole_file import private_folder


class LogFile:
    """A file that this process writes; it appears locked, so that no one takes it for that of a killed process.

    Attributes
    ----------
    size_bytes : int
        Of its whole lines.
    is_broken : bool
        Whether a part of a line is at its end, which could not be removed: nothing may follow it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        draft, self.path = private_folder(folder) / f".{name}", folder / name
        self._descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(self.path)
        except OSError:
            os.close(self._descriptor)
            draft.unlink(missing_ok=True)
            raise
        self.size_bytes, self.opened, self.is_broken = 0, monotonic(), False

    def append(self, content: bytes) -> None:
        """Write whole lines; what a full disk has taken of them is removed again."""
        try:
            written = 0
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
        except OSError:
            try:
                os.ftruncate(self._descriptor, self.size_bytes)
            except OSError:
                self.is_broken = True
            raise
        self.size_bytes += len(content)

    def close(self) -> None:
        """Let the controller take the file."""
        with suppress(OSError):
            os.fsync(self._descriptor)
        with suppress(OSError):  # the descriptor is closed all the same
            os.close(self._descriptor)
