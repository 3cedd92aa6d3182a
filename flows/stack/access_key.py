"""The secret that Prefect's API asks for: random, one for each home, readable by its owner alone."""

from __future__ import annotations

import secrets
from pathlib import Path

from tasks.errors import Terminal
from tasks.whole_file import private_folder, write_once

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


def known_key(home: Path) -> tuple[str, ...]:
    """Return the home's key and its secret part, to hide them; nothing where there is no key yet."""
    if not (home / "keys" / FILE).exists():
        return ()
    key = access_key(home)
    return key, key.partition(":")[2]


def _make(path: Path) -> None:
    private_folder(path.parent)
    write_once(path, f"{USER}:{secrets.token_urlsafe(BYTES)}\n".encode())
