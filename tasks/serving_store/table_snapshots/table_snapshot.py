"""TableSnapshot: the newest values of a project's feature tables, as a file of arrays with a signed description.

PROTOCOL is the number of the format; see `tasks.serving_store.servable_package` for how to change it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tasks.row_contract.compiled_contract import ServedTable

PROTOCOL = 1
PURPOSE = "leeway tables of {project}"


class JoinedReference(msgspec.Struct, frozen=True, kw_only=True):
    """The key columns and the time of a row, and what the batch joins with it; numbers keep every bit in JSON."""

    row: dict[str, Any]
    joined: dict[str, Any]


class TableSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A state of the feature tables.

    Attributes
    ----------
    serial : int
        Grows with every snapshot; a worker never goes back to a smaller one.
    tables : tuple of ServedTable
        The tables; a contract with others is not answered from it.
    file : str
        The sha256 of the file with the arrays.
    state : str
        The commits of the lake that it was made of: see `state_of`.
    from_us : int
        The instant from which on it has all that was known, in microseconds since 1970.
    references : tuple of JoinedReference
        Rows with the values that the batch joins with them, which a worker repeats.
    """

    protocol: int
    project: str
    serial: int
    tables: tuple[ServedTable, ...]
    file: str
    state: str
    from_us: int
    references: tuple[JoinedReference, ...]

    def to_json(self) -> bytes:
        """Return the description as JSON."""
        return msgspec.json.encode(self)


def state_of(values: int | None, deliveries: int | None) -> str:
    """Return the name of a state of the tables: the commits of the values, and of what is said of deliveries.

    >>> state_of(12, 30), state_of(None, 4)
    ('12.30', '-.4')
    """
    return ".".join("-" if commit is None else str(commit) for commit in (values, deliveries))


def commits_of(state: str) -> dict[str, int]:
    """Return the commits of a state by table of the lake.

    >>> commits_of("12.30"), commits_of("-.4")
    ({'features': 12, 'batches': 30}, {'batches': 4})
    """
    commits = dict(zip(("features", "batches"), state.split("."), strict=True))
    return {table: int(commit) for table, commit in commits.items() if commit != "-"}
