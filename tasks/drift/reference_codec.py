"""References as bytes: the form in which the registry stores them with their model.

Layout: `LWRF`, the PROTOCOL as two bytes (little-endian), then zlib of: periods, features, the number of the features'
layout and the length of the total (four bytes each), the total as `tasks.profiles.to_bytes` gives it, the ISO date of
each period (ten ASCII characters), and for each feature its sums of all periods and then its rows. An array begins with
a character for its type: B, H, I or L for unsigned integers of 1, 2, 4 or 8 bytes, d for float64, little-endian.

PROTOCOL 1 stored a whole profile for each period; the sums of a period are computed from it.

To bump PROTOCOL: (1) raise `PROTOCOL`; (2) keep the old reader in `READERS` under its number; (3) freeze bytes of the
new form as tests/unit/drift/frozen/reference_<number>.bin and leave the older files and their tests as they are; (4)
say so in the changelog. A new PROTOCOL of profiles alone needs none here: profiles carry their own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from datetime import date

import numpy as np

from tasks import profiles
from tasks.arrays import FloatArray
from tasks.drift.measures.score_layout import LAYOUT, score_layout
from tasks.drift.reference import Reference, build_reference
from tasks.errors import DataError

PROTOCOL = 2
MAGIC = b"LWRF"
ZLIB_LEVEL = 6
PREFIX = struct.Struct("<4sH")
COUNT = struct.Struct("<I")
PERIOD = struct.Struct("<10sI")
HEAD = struct.Struct("<IIII")
DAY_CHARACTERS = 10
TYPES = {kind: np.dtype(f"<{name}") for kind, name in {"B": "u1", "H": "u2", "I": "u4", "L": "u8", "d": "f8"}.items()}


def to_bytes(reference: Reference) -> bytes:
    """Return a reference as bytes; equal references give equal bytes."""
    total = profiles.to_bytes(reference.total)
    periods, features = reference.sums.shape
    parts = [HEAD.pack(periods, features, LAYOUT, len(total)), total]
    parts += [day.isoformat().encode("ascii") for day in reference.days]
    for sums, rows in zip(reference.sums.T, reference.rows.T, strict=True):
        parts += [_array(sums), _array(rows)]
    return PREFIX.pack(MAGIC, PROTOCOL) + zlib.compress(b"".join(parts), ZLIB_LEVEL)


def from_bytes(data: bytes) -> Reference:
    """Read a reference from its bytes.

    Raises
    ------
    DataError
        The bytes are no reference, are damaged, or are of a PROTOCOL or a layout this release does not read.
    """
    if len(data) < PREFIX.size or data[:4] != MAGIC:
        raise DataError(
            f"found {data[:4]!r} at the start of a reference; expected {MAGIC!r}. Is another file stored "
            "under this name?"
        )
    _, protocol = PREFIX.unpack_from(data)
    if protocol not in READERS:
        raise DataError(
            f"found a reference of PROTOCOL {protocol}; this release reads {sorted(READERS)}. Read it with the "
            "release that wrote it, or a newer one"
        )
    try:
        body = zlib.decompress(data[PREFIX.size :])
        return READERS[protocol](body)
    except (zlib.error, struct.error, ValueError, KeyError) as error:
        raise DataError(
            f"the bytes of a reference are damaged ({error}); take the file from the registry again"
        ) from error


def _array(values: FloatArray) -> bytes:
    """Return an array in the narrowest exact type, preceded by the character of that type."""
    if (values < 0).any() or (values != np.floor(values)).any():
        return b"d" + values.astype("<f8").tobytes()
    kind = np.min_scalar_type(int(values.max(initial=0))).char
    kind = "L" if kind in "LQ" else kind
    return kind.encode("ascii") + values.astype(TYPES[kind]).tobytes()


def _read_1(body: bytes) -> Reference:
    (count,) = COUNT.unpack_from(body)
    at = COUNT.size
    periods = []
    for _ in range(count):
        start, length = PERIOD.unpack_from(body, at)
        at += PERIOD.size
        periods.append((start.decode("ascii"), profiles.from_bytes(body[at : at + length])))
        at += length
    return build_reference(periods)


def _read_2(body: bytes) -> Reference:
    periods, features, number, length = HEAD.unpack_from(body)
    if number != LAYOUT:
        raise DataError(
            f"found a reference of layout {number}; this release monitors layout {LAYOUT}, which defines other"
            " sums. Train again (`leeway run retrain PROJECT`), or use the release that wrote it"
        )
    at = HEAD.size + length
    total = profiles.from_bytes(body[HEAD.size : at])
    days = []
    for _ in range(periods):
        days.append(date.fromisoformat(body[at : at + DAY_CHARACTERS].decode("ascii")))
        at += DAY_CHARACTERS
    arrays = np.empty((features, 2, periods))
    for index in np.ndindex(features, 2):
        kind = TYPES[body[at : at + 1].decode("ascii")]
        arrays[index] = np.frombuffer(body, kind, periods, at + 1)
        at += 1 + periods * kind.itemsize
    expected = len(score_layout(total).column)
    if at != len(body) or features != expected:
        raise ValueError(f"{features} features in {at} of {len(body)} bytes; {expected} were expected")
    return Reference(total, tuple(days), arrays[:, 0].T.copy(), arrays[:, 1].T.copy())


READERS: dict[int, Callable[[bytes], Reference]] = {1: _read_1, 2: _read_2}
