"""Which requests a candidate answers: a keyed hash, so that an entity stays with one version while the share grows."""

from __future__ import annotations

import hashlib

POSITIONS = 2**64


def position(key: str, salt: str) -> int:
    """Return the place of an entity among 2^64 places, which are equally likely; another salt shuffles all entities.

    >>> position("customer 7", "a") == position("customer 7", "a") != position("customer 7", "b")
    True
    """
    secret = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=secret, digest_size=8).digest()
    return int.from_bytes(digest, "big")


def is_within(place: int, share: float) -> bool:
    """Return whether a place belongs to a share: who belongs to a share belongs to every larger one.

    >>> is_within(0, 0.0), is_within(2**64 - 1, 1.0), is_within(2**62, 0.25), is_within(2**62 - 1, 0.25)
    (False, True, False, True)
    """
    return place < int(share * POSITIONS)
