"""Profiles as bytes: the form in which the lake and the registry store them.

Layout: `LWPF`, the PROTOCOL as two bytes (little-endian), then zlib: the length of a JSON header (four bytes), the
header (ruler, and every scalar and count, keys sorted), then the arrays: numbers, ages of dates, dates, each in order
of name. The arrays of a number column are its bins (each but the first as the difference from the one before) and its
counts, little-endian, in the narrowest unsigned type, followed by its 512 registers of one byte when it has more than
64 values. Equal profiles give equal bytes. Nothing in them is code: no pickle.

To bump PROTOCOL: (1) raise `PROTOCOL`; (2) keep the old reader in `READERS` under its number, and add the new
one; (3) freeze bytes of the new form as tests/unit/profiles/frozen/profile_<number>.bin, and leave the older
files and their tests as they are; (4) say in the changelog from which release on the new form is written. Deploy
readers first: every process must read a form before one writes it.

PROTOCOL 1 had no pins, value counts or buckets: its profiles have `value_counts` None, and so has any sum with them.
PROTOCOL 2 had no dates; a profile without dates is still written as 2, so that its bytes and digest do not change. Both
2 and 3 may have columns of times and texts, which are skipped: lengths of texts after the numbers, times among the
dates, registers of texts at the end.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable

from tasks.errors import DataError
from tasks.profiles.formats.protocol_1 import read_1
from tasks.profiles.formats.protocol_2 import read_2, ruler_header, write_2
from tasks.profiles.ruler import Ruler
from tasks.profiles.table_profile import TableProfile

PROTOCOL, WITHOUT_DATES = 3, 2
MAGIC = b"LWPF"
ZLIB_LEVEL = 6
PREFIX = struct.Struct("<4sH")
READERS: dict[int, Callable[[bytes], TableProfile]] = {1: read_1, 2: read_2, 3: read_2}


def to_bytes(profile: TableProfile) -> bytes:
    """Return a profile as bytes; equal profiles give equal bytes.

    Examples
    --------
    >>> from tasks.profiles.axis import Axis
    >>> empty = TableProfile.empty(Ruler(numbers={"age": Axis(40.0, 10.0)}))
    >>> from_bytes(to_bytes(empty)) == empty
    True
    """
    return PREFIX.pack(MAGIC, _protocol(profile.ruler)) + zlib.compress(write_2(profile), ZLIB_LEVEL)


def from_bytes(data: bytes) -> TableProfile:
    """Read a profile, with its ruler, from its bytes.

    Raises
    ------
    DataError
        The bytes are no profile, are damaged, or are of a PROTOCOL this release does not read.
    """
    if len(data) < PREFIX.size or data[:4] != MAGIC:
        raise DataError(
            f"found {data[:4]!r} at the start of a profile; expected {MAGIC!r}. Is another file stored under this name?"
        )
    _, protocol = PREFIX.unpack_from(data)
    if protocol not in READERS:
        raise DataError(
            f"found a profile of PROTOCOL {protocol}; this release reads {sorted(READERS)}. Read it with the "
            "release that wrote it, or a newer one"
        )
    try:
        return READERS[protocol](zlib.decompress(data[PREFIX.size :]))
    except (zlib.error, struct.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"the bytes of a profile are damaged ({error}); profile the rows again from the lake"
        ) from error


def digest(ruler: Ruler) -> str:
    """Return 16 hex digits that identify a ruler: profiles with equal digests can be added.

    >>> digest(Ruler({}, ("plan",))) == digest(Ruler({}, ("plan",))) != digest(Ruler({}, ("tier",)))
    True
    """
    text = json.dumps([_protocol(ruler), ruler_header(ruler)], sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _protocol(ruler: Ruler) -> int:
    return PROTOCOL if ruler.dates else WITHOUT_DATES
