"""Public keys as PEM texts: how the control plane hands trust to workers, which have no private key."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import EvidenceError
from tasks.registry.signing import public_pem

VERSION_KEYS_FILE = "version_keys.pem"
"""The file in the serving folder."""
_END = "-----END PUBLIC KEY-----"

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def public_pems(keys: Iterable[Ed25519PublicKey]) -> tuple[str, ...]:
    """Return keys as PEM texts."""
    return tuple(public_pem(key).decode() for key in keys)


def public_keys(pems: Iterable[str]) -> tuple[Ed25519PublicKey, ...]:
    """Return the keys of PEM texts, each with any number of keys.

    Raises
    ------
    EvidenceError
        When one is no Ed25519 public key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys = []
    for block in (block for pem in pems for block in pem.split(_END)[:-1]):
        try:
            key = load_pem_public_key(f"{block.strip()}\n{_END}\n".encode())
        except ValueError:
            raise EvidenceError("found a damaged public key; expected Ed25519 public keys in PEM.") from None
        if not isinstance(key, Ed25519PublicKey):
            raise EvidenceError(f"found a {type(key).__name__}; expected an Ed25519 public key.")
        keys.append(key)
    return tuple(keys)


def version_keys(root: Path) -> tuple[Ed25519PublicKey, ...]:
    """Return the keys that sign versions, from the file that the controller keeps in the serving folder.

    Raises
    ------
    EvidenceError
        When the file is damaged.
    OSError
        When it cannot be read now.
    """
    return public_keys([(root / VERSION_KEYS_FILE).read_text(encoding="ascii")])
