"""The rows that an earlier night has read, by digest, so that what is read again for late commits is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Digests = npt.NDArray[np.uint64]
NONE: Digests = np.empty(0, dtype=np.uint64)
CELL, MISSING = "\x1f", "\x00"
PROTOCOL = 1


def row_digests(table: pa.Table) -> Digests:
    """Return a 64-bit digest of each row.

    >>> rows = pa.table({"id": [1, 2, 1], "fare": [3.5, None, 3.5]})
    >>> first, second, third = row_digests(rows).tolist()
    >>> first == third, first == second
    (True, False)
    """
    if not table.num_rows:
        return NONE
    cells = [column.cast(pa.string()) for column in table.columns]
    texts = pc.binary_join_element_wise(*cells, CELL, null_handling="replace", null_replacement=MISSING)
    return np.asarray(pd.util.hash_array(texts.to_numpy(zero_copy_only=False)), dtype=np.uint64)


@dataclass(frozen=True)
class KnownRows:
    """The digests of the newest rows of deliveries, by the name of each.

    What is kept before a delivery is stored counts only once there is a stored delivery of that name.
    """

    by_key: Mapping[str, Digests]

    def of(self, key: str) -> Digests:
        """Return the digests of the rows of a delivery; none where it is not known."""
        return self.by_key.get(key, NONE)

    def encoded(self) -> bytes:
        """Return the digests as bytes that `decoded` reads."""
        texts = {key: digests.astype("<u8").tobytes().hex() for key, digests in self.by_key.items()}
        return json.dumps({"protocol": PROTOCOL, "digests": texts}).encode()


def decoded(content: bytes | None) -> KnownRows:
    """Return digests that `KnownRows.encoded` wrote; nothing is known where nothing was written.

    >>> known = KnownRows({"a": np.array([5, 2**63], dtype=np.uint64)})
    >>> decoded(known.encoded()).of("a").tolist() == [5, 2**63]
    True
    """
    texts = {} if content is None else json.loads(content)["digests"]
    return KnownRows({key: np.frombuffer(bytes.fromhex(text), dtype="<u8") for key, text in texts.items()})
