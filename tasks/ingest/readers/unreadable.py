"""Content that cannot be read: an exception inside the readers, a value outside of them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

# What Arrow, pandas or Python raise for a broken or hostile file; any other exception is a fault of Leeway.
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
    """Content without the format it should have: the reason code of the quarantined batch, and the detail."""

    reason: str
    detail: str


class BrokenError(Exception):
    """Raised inside the readers only: `parsed` and `delivered` return its `Unreadable`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.unreadable = Unreadable(reason, detail)
