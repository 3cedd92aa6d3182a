"""The public keys of versions, for the workers of the service: they follow those of the home, such as its first one."""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.registry import VERSIONS, HomeKeys
from tasks.serving_store import VERSION_KEYS_FILE, public_pems
from tasks.whole_file import private_folder, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class VersionKeys:
    """Keeps the file with the public keys of versions in the serving folder as the home has them.

    Parameters
    ----------
    keys : HomeKeys
        The trusted keys of the home.
    root : Path
        The serving folder.
    """

    def __init__(self, keys: HomeKeys, root: Path) -> None:
        self._keys, self._path = keys, root / VERSION_KEYS_FILE
        self._written: tuple[Ed25519PublicKey, ...] | None = None

    def follow(self) -> bool:
        """Write the file if the keys have changed; return whether they have."""
        trusted = self._keys.trusted
        if trusted is self._written:
            return False
        content = "".join(public_pems(trusted)).encode()
        private_folder(self._path.parent)
        if not self._path.exists() or self._path.read_bytes() != content:  # a full disk is no reason not to start
            write_whole(self._path, content)
        self._written = trusted
        return True

    def trusted(self) -> Sequence[Ed25519PublicKey]:
        """Return the keys that sign versions."""
        return self._keys.trusted


def without_signing_key(keys: HomeKeys, environ: MutableMapping[str, str] = os.environ) -> None:
    """Leave the public keys of versions in an environment, and no private one."""
    pems = "".join(public_pems(keys.given))
    for name in (*VERSIONS.secrets, VERSIONS.public, f"{VERSIONS.public}_FILE"):
        environ.pop(name, None)
    if pems:
        environ[VERSIONS.public] = pems
