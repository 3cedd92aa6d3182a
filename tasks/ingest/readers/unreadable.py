"""Content that cannot be read: a value for callers, an exception only on its way out of the readers."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

# Whatever a hostile file makes Arrow, pandas or Python raise while it is read; anything else is a fault of our own.
READING_ERRORS = (
    pa.ArrowException,
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    MemoryError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Content that is not what its format says: the reason code of the quarantined batch, and what was found where."""

    reason: str
    detail: str


class BrokenError(Exception):
    """Never leaves the readers: `parsed` and `delivered` turn it into an `Unreadable`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.found = Unreadable(reason, detail)
