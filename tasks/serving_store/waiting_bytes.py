"""How much waits in a folder to be landed: files of the prediction log, or of labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

BLOCK_BYTES = 4096
"""What a file takes on a disk at least."""
MEASURE_SECONDS = 1.0


class WaitingBytes:
    """The size of the files in a folder: measured once a second, and what was added since is counted.

    Parameters
    ----------
    folder : Path
        It may be missing.
    counts : callable
        Whether a file counts, by its name.

    Examples
    --------
    >>> waiting = WaitingBytes(Path("/nowhere"), lambda name: True)
    >>> waiting.add(10)
    >>> waiting.total()
    10
    """

    def __init__(self, folder: Path, counts: Callable[[str], bool]) -> None:
        self._folder, self._counts = folder, counts
        self._due, self._total = 0.0, 0

    def total(self) -> int:
        """Return the bytes that wait."""
        if monotonic() >= self._due:
            self._total, self._due = self._measured(), monotonic() + MEASURE_SECONDS
        return self._total

    def add(self, size_bytes: int) -> None:
        """Count what was just written."""
        self.total()
        self._total += size_bytes

    def _measured(self) -> int:
        total = 0
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if self._counts(entry.name):
                    with suppress(FileNotFoundError):  # it has landed meanwhile
                        total += max(entry.stat(follow_symlinks=False).st_size, BLOCK_BYTES)
        return total
