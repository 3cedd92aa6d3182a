"""The rows that an earlier night has read, by digest, so that what is read again for late commits is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Digests = npt.NDArray[np.uint64]
NONE: Digests = np.empty(0, dtype=np.uint64)
FACTOR, MISSING = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x632BE59BD9B4E019)  # odd, and of mixed bits
PROTOCOL = 1


def row_digests(table: pa.Table) -> Digests:
    """Return a 64-bit digest of each row.

    >>> rows = pa.table({"id": [1, 2, 1, None], "fare": [3.5, None, 3.5, 0.0]})
    >>> first, second, third, fourth = row_digests(rows).tolist()
    >>> first == third, len({first, second, fourth})
    (True, 3)
    """
    digests = np.zeros(table.num_rows, dtype=np.uint64)
    for column in table.columns if table.num_rows else ():
        digests = digests * FACTOR + _cell_digests(column)
    return digests


def are_among(digests: Digests, known: Digests) -> npt.NDArray[np.bool_]:
    """Return which digests are among the known ones, which are in ascending order.

    >>> are_among(np.array([9, 4, 7], dtype=np.uint64), np.array([4, 9], dtype=np.uint64)).tolist()
    [True, True, False]
    """
    if not len(known):
        return np.zeros(len(digests), dtype=bool)
    places = np.minimum(np.searchsorted(known, digests), len(known) - 1)
    return np.asarray(known[places] == digests)


def _cell_digests(column: pa.ChunkedArray) -> Digests:
    """Return the digest of each cell; a missing one has that of no value."""
    kind = column.type
    if pa.types.is_temporal(kind):
        column = column.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    is_missing = column.is_null().to_numpy()
    filled = column.fill_null("" if pa.types.is_string(column.type) else 0)
    hashes = pd.util.hash_array(filled.to_numpy())
    return np.where(is_missing, MISSING, hashes)


@dataclass(frozen=True)
class ReadRows:
    """The digests of the newest rows of deliveries, by the name of each.

    What is kept before a delivery is stored counts only once there is a stored delivery of that name.

    Attributes
    ----------
    looked_at : datetime or None
        When the table was read last, if there was nothing new since its last delivery.
    """

    by_key: Mapping[str, Digests]
    looked_at: datetime | None = None

    def of(self, key: str) -> Digests:
        """Return the digests of the rows of a delivery; none where it is not known."""
        return self.by_key.get(key, NONE)

    def encoded(self) -> bytes:
        """Return the digests as bytes that `decoded` reads."""
        texts = {key: digests.astype("<u8").tobytes().hex() for key, digests in self.by_key.items()}
        looked_at = None if self.looked_at is None else self.looked_at.isoformat()
        return json.dumps({"protocol": PROTOCOL, "digests": texts, "looked_at": looked_at}).encode()


def decoded(content: bytes | None) -> ReadRows:
    """Return digests that `ReadRows.encoded` wrote; nothing is known where nothing was written.

    >>> from datetime import UTC
    >>> known = ReadRows({"a": np.array([5, 2**63], dtype=np.uint64)}, datetime(2026, 3, 1, tzinfo=UTC))
    >>> decoded(known.encoded()).of("a").tolist() == [5, 2**63], decoded(known.encoded()).looked_at == known.looked_at
    (True, True)
    """
    if content is None:
        return ReadRows({})
    read = json.loads(content)
    digests = {key: np.frombuffer(bytes.fromhex(text), dtype="<u8") for key, text in read["digests"].items()}
    return ReadRows(digests, None if read["looked_at"] is None else datetime.fromisoformat(read["looked_at"]))
