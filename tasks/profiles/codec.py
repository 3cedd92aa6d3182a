"""Profiles as bytes: the form in which the lake and the registry keep them.

Layout: `LWPF`, the PROTOCOL as two bytes (little-endian), then zlib: the length of a JSON header (four bytes), the
header (ruler, and every scalar and category count, keys sorted), then for every number column in order of name its bins
(each but the first as the distance from the one before) and its counts, little-endian, in the narrowest unsigned type
that holds them. Equal profiles give equal bytes. Nothing in them is code: no pickle.

To bump PROTOCOL: (1) raise `PROTOCOL`; (2) keep the old reader in `READERS` under its number, and let the new one stand
beside it; (3) freeze bytes of the new form as tests/rooms/profiles/frozen/profile_<number>.bin, and leave the older
files and their tests as they are; (4) say in the changelog from which release on the new form is written. Readers come
first: a release that reads a form must be everywhere before one that writes it.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.errors import DataError
from tasks.profiles.axis import Axis
from tasks.profiles.category import CategoryProfile
from tasks.profiles.number import NumberProfile
from tasks.profiles.ruler import Ruler
from tasks.profiles.table import ColumnProfile, TableProfile

PROTOCOL = 1
MAGIC = b"LWPF"
ZLIB_LEVEL = 6
PREFIX = struct.Struct("<4sH")
LENGTH = struct.Struct("<I")
SCALARS = (
    "rows",
    "nulls",
    "positive_infinities",
    "negative_infinities",
    "minimum",
    "maximum",
    "total",
    "total_squares",
)


def to_bytes(profile: TableProfile) -> bytes:
    """Return a profile as bytes; equal profiles give equal bytes.

    Examples
    --------
    >>> empty = TableProfile.empty(Ruler(numbers={"age": Axis(40.0, 10.0)}))
    >>> from_bytes(to_bytes(empty)) == empty
    True
    """
    ruler = profile.ruler
    header = {
        "numbers": [[name, float(axis.center), float(axis.scale)] for name, axis in sorted(ruler.numbers.items())],
        "booleans": ruler.booleans,
        "categories": ruler.categories,
        "rows": profile.rows,
        "columns": {name: _scalars(column) for name, column in profile.columns.items()},
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    histograms = [_histogram(profile.columns[name]) for name in sorted(ruler.numbers)]
    body = zlib.compress(b"".join([LENGTH.pack(len(text)), text, *histograms]), ZLIB_LEVEL)
    return PREFIX.pack(MAGIC, PROTOCOL) + body


def from_bytes(data: bytes) -> TableProfile:
    """Return the profile that bytes hold; the ruler comes with them.

    Raises
    ------
    DataError
        The bytes are no profile, are damaged, or are of a PROTOCOL this release does not read.
    """
    if len(data) < PREFIX.size or data[:4] != MAGIC:
        raise DataError(
            f"{data[:4]!r} begins no profile; {MAGIC!r} was expected. Was another file stored under this name?"
        )
    _, protocol = PREFIX.unpack_from(data)
    if protocol not in READERS:
        raise DataError(
            f"a profile of PROTOCOL {protocol} was found; this release reads {sorted(READERS)}. Read it with the "
            "release that wrote it, or a newer one"
        )
    try:
        return READERS[protocol](zlib.decompress(data[PREFIX.size :]))
    except (zlib.error, struct.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"the bytes of a profile are damaged ({error}); profile the rows again from the lake"
        ) from error


def _scalars(column: ColumnProfile) -> dict[str, Any]:
    if isinstance(column, CategoryProfile):
        return {"rows": column.rows, "nulls": column.nulls, "counts": dict(column.counts)}
    return {**{name: getattr(column, name) for name in SCALARS}, "bins": len(column.bins), "widths": _widths(column)}


def _steps(column: NumberProfile) -> np.ndarray:
    return np.diff(column.bins.astype(np.int64), prepend=0)


def _widths(column: NumberProfile) -> list[int]:
    """Return how many bytes a step between bins, and a count, take."""
    return [np.min_scalar_type(int(array.max(initial=0))).itemsize for array in (_steps(column)[1:], column.counts)]


def _histogram(column: ColumnProfile) -> bytes:
    if isinstance(column, CategoryProfile) or not len(column.bins):
        return b""
    steps = _steps(column)
    step_bytes, count_bytes = _widths(column)
    first = int(steps[0]).to_bytes(2, "little")
    return first + steps[1:].astype(f"<u{step_bytes}").tobytes() + column.counts.astype(f"<u{count_bytes}").tobytes()


@dataclass(slots=True)
class _Reader:
    """A place in the bytes of the histograms."""

    body: bytes
    at: int

    def integers(self, count: int, width: int) -> np.ndarray:
        array = np.frombuffer(self.body, dtype=f"<u{width}", count=count, offset=self.at)
        self.at += count * width
        return array.astype(np.int64)


def _read_1(body: bytes) -> TableProfile:
    (length,) = LENGTH.unpack_from(body)
    header = json.loads(body[LENGTH.size : LENGTH.size + length])
    ruler = Ruler(
        {name: Axis(center, scale) for name, center, scale in header["numbers"]},
        tuple(header["categories"]),
        tuple(header["booleans"]),
    )
    reader = _Reader(body, LENGTH.size + length)
    scalars = header["columns"]
    numbers = {name: _read_number(axis, scalars[name], reader) for name, axis in ruler.numbers.items()}
    others = {name: CategoryProfile(**scalars[name]) for name in (*ruler.booleans, *ruler.categories)}
    if reader.at != len(body):
        raise ValueError(f"{len(body) - reader.at} bytes are left over")
    return TableProfile(ruler, header["rows"], {**numbers, **others})


def _read_number(axis: Axis, scalars: Mapping[str, Any], reader: _Reader) -> NumberProfile:
    count = scalars["bins"]
    step_bytes, count_bytes = scalars["widths"]
    steps = np.concatenate([reader.integers(min(count, 1), 2), reader.integers(max(count - 1, 0), step_bytes)])
    counts = reader.integers(count, count_bytes)
    return NumberProfile(
        axis=axis,
        bins=np.cumsum(steps).astype(np.uint16),
        counts=counts,
        **{name: scalars[name] for name in SCALARS},
    )


READERS: dict[int, Callable[[bytes], TableProfile]] = {1: _read_1}


def digest(ruler: Ruler) -> str:
    """Return 16 hex digits that name a ruler: profiles of equal digests can be added.

    >>> digest(Ruler({}, ("plan",))) == digest(Ruler({}, ("plan",))) != digest(Ruler({}, ("tier",)))
    True
    """
    return hashlib.sha256(to_bytes(TableProfile.empty(ruler))).hexdigest()[:16]
