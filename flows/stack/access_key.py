"""The secret that Prefect's API asks for: random, one for each home, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from tasks.errors import Terminal

FILE = "prefect_auth"
USER = "leeway"
BYTES = 32


def access_key(home: Path) -> str:
    """Return the home's `user:password` for Prefect; it is made at the first call.

    Two processes that make it at once end with the same key: the file is linked into place, and the first link wins.

    Raises
    ------
    Terminal
        The file can be read by other users, or does not hold a key.
    """
    path = home / "keys" / FILE
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise Terminal(f"{path} can be read by other users; expected mode 0600: `chmod 600 {path}`")
    key = path.read_text(encoding="ascii").strip()
    user, _, password = key.partition(":")
    if user != USER or len(password) < BYTES:
        raise Terminal(f"{path} does not hold a key of the form {USER}:SECRET; delete it, and the next start makes one")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{USER}:{secrets.token_urlsafe(BYTES)}\n")
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
