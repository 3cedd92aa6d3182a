"""The home belongs to its owner: all that is written under it has mode 0700 or 0600, whatever the umask was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

OTHERS = 0o077


def keep_private() -> None:
    """Let this process, and those it starts, write files that only their owner can read."""
    os.umask(OTHERS)


def private_home(home: Path, say: Callable[[str], None] = print) -> None:
    """Make the home if it is missing, and say what to do where an earlier version, or its owner, left it readable."""
    keep_private()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (warning := readable_by_others(home)) is not None:
        say(warning)


def readable_by_others(home: Path) -> str | None:
    """Return a warning where users other than the owner can read or write a home; None where it is private or missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     os.chmod(folder, 0o755)
    ...     said = readable_by_others(Path(folder))
    >>> said.replace(folder, "HOME")
    'other users can read HOME (mode 0755); expected 0700: `chmod -R go= HOME`'
    """
    if not home.exists():
        return None
    mode = home.stat().st_mode & 0o777
    if not mode & OTHERS:
        return None
    return f"other users can read {home} (mode {mode:04o}); expected 0700: `chmod -R go= {home}`"
