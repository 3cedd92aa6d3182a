"""Public keys as PEM texts: how the control plane hands trust to workers, which have no private key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tasks.errors import EvidenceError
from tasks.registry.signing import public_pem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def public_pems(keys: Iterable[Ed25519PublicKey]) -> tuple[str, ...]:
    """Return keys as PEM texts."""
    return tuple(public_pem(key).decode() for key in keys)


def public_keys(pems: Iterable[str]) -> tuple[Ed25519PublicKey, ...]:
    """Return the keys of PEM texts.

    Raises
    ------
    EvidenceError
        When one is no Ed25519 public key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys = []
    for pem in pems:
        key = load_pem_public_key(pem.encode())
        if not isinstance(key, Ed25519PublicKey):
            raise EvidenceError(f"found a {type(key).__name__}; expected an Ed25519 public key.")
        keys.append(key)
    return tuple(keys)
