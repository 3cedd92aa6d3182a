"""What is needed to write rows to a table, in one transaction of any engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import pyarrow as pa

Kind = Literal["text", "whole", "real", "truth", "day", "moment", "reals"]
"""Of a column: a text, whole number, real number, truth value, day, instant, or list of real numbers."""
ARROW: Mapping[Kind, pa.DataType] = {
    "text": pa.string(),
    "whole": pa.int64(),
    "real": pa.float64(),
    "truth": pa.bool_(),
    "day": pa.date32(),
    "moment": pa.timestamp("us", "UTC"),
    "reals": pa.list_(pa.float64()),
}


class SqlType(NamedTuple):
    """The type of a column that is created, and those of an existing one that hold the same values."""

    created: str
    accepted: frozenset[str]


class TableWriter(Protocol):
    """A transaction that is committed when its block ends, and of which an error leaves nothing.

    Attributes
    ----------
    types : mapping of Kind to SqlType
        How the engine stores each kind.
    """

    types: ClassVar[Mapping[Kind, SqlType]]

    def run(self, text: str) -> None:
        """Run a statement."""
        ...

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        ...

    def batches(self, text: str) -> Iterator[pa.Table]:
        """Yield the rows of a query, a part at a time."""
        ...

    def lock(self, table: str) -> None:
        """Wait until no other transaction that has called this for a table is open."""
        ...

    def columns(self, table: str) -> dict[str, str]:
        """Return the type of each column of a table, as the engine calls it; none if there is no such table."""
        ...

    def unique_keys(self, table: str) -> list[frozenset[str]]:
        """Return the columns of each unique key of a table."""
        ...

    def give(self, rows: pa.Table) -> str:
        """Return the name of a table of this transaction's own, with rows of the types in `ARROW`."""
        ...
