"""Files that appear as a whole: written to a draft in the same folder, then put in their place in one step."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write a file so that a reader, or a machine that loses its power, sees the old content or the new one.

    Parameters
    ----------
    mode : int
        The permissions of the file, less those that the umask takes away.

    Raises
    ------
    OSError
        When the disk is full or refuses the write; no draft is left.
    """
    draft = write_draft(path, content, mode)
    try:
        return draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def write_draft(path: Path, content: bytes, mode: int) -> Path:
    """Write a hidden file next to a path; return it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft
