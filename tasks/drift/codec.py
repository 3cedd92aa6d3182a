"""References as bytes: the form in which the registry keeps them beside their model.

Layout: `LWRF`, the PROTOCOL as two bytes (little-endian), then zlib of: the number of periods (four bytes), and for
each its ISO date (ten ASCII characters), the length of its profile (four bytes) and the profile as
`tasks.profiles.to_bytes` gives it. The total is not stored: it is the exact sum of the periods. Profiles are already
compressed; the outer zlib only guards the whole with a checksum.

To bump PROTOCOL: (1) raise `PROTOCOL`; (2) keep the old reader in `READERS` under its number; (3) freeze bytes of the
new form as tests/rooms/drift/frozen/reference_<number>.bin and leave the older files and their tests as they are; (4)
say so in the changelog. A new PROTOCOL of profiles alone needs none here: profiles carry their own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from tasks import profiles
from tasks.drift.reference import Reference, reference_of
from tasks.errors import DataError

PROTOCOL = 1
MAGIC = b"LWRF"
ZLIB_LEVEL = 6
PREFIX = struct.Struct("<4sH")
COUNT = struct.Struct("<I")
PERIOD = struct.Struct("<10sI")


def to_bytes(reference: Reference) -> bytes:
    """Return a reference as bytes; equal references give equal bytes."""
    parts = [COUNT.pack(len(reference.periods))]
    for start, profile in reference.periods:
        body = profiles.to_bytes(profile)
        parts += [PERIOD.pack(start.encode("ascii"), len(body)), body]
    return PREFIX.pack(MAGIC, PROTOCOL) + zlib.compress(b"".join(parts), ZLIB_LEVEL)


def from_bytes(data: bytes) -> Reference:
    """Return the reference that bytes hold.

    Raises
    ------
    DataError
        The bytes are no reference, are damaged, or are of a PROTOCOL this release does not read.
    """
    if len(data) < PREFIX.size or data[:4] != MAGIC:
        raise DataError(
            f"{data[:4]!r} begins no reference; {MAGIC!r} was expected. Was another file stored under this name?"
        )
    _, protocol = PREFIX.unpack_from(data)
    if protocol not in READERS:
        raise DataError(
            f"a reference of PROTOCOL {protocol} was found; this release reads {sorted(READERS)}. Read it with the "
            "release that wrote it, or a newer one"
        )
    try:
        body = zlib.decompress(data[PREFIX.size :])
        return READERS[protocol](body)
    except (zlib.error, struct.error, UnicodeDecodeError) as error:
        raise DataError(
            f"the bytes of a reference are damaged ({error}); take the file from the registry again"
        ) from error


def _read_1(body: bytes) -> Reference:
    (count,) = COUNT.unpack_from(body)
    at = COUNT.size
    periods = []
    for _ in range(count):
        start, length = PERIOD.unpack_from(body, at)
        at += PERIOD.size
        periods.append((start.decode("ascii"), profiles.from_bytes(body[at : at + length])))
        at += length
    return reference_of(periods)


READERS: dict[int, Callable[[bytes], Reference]] = {1: _read_1}
