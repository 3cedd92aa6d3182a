"""Names of columns that are Leeway's own, and what a delivered column of such a name is called inside.

A delivered column called `batch_id` is `batch_id (delivered)` from the moment it is read: in the spec, the contract,
the lake, the model and the reports. Feature functions see it under the name it was delivered with.
"""

from __future__ import annotations

from collections.abc import Iterable

RESERVED = frozenset({"row_id", "batch_id", "revision", "event_date", "repeated_hour"})
"""Of the rows of every project."""
RESERVED_IN_TABLES = RESERVED | {
    "table",
    "entity",
    "event_time",
    "arrival",
    "arrival_rank",
    "known_from",
    "at",
    "position",
}
"""Of the values of feature tables."""
SUFFIX = " (delivered)"


def kept_apart(name: str, reserved: frozenset[str] = RESERVED) -> str:
    """Return the name that a delivered column has inside.

    >>> kept_apart("batch_id"), kept_apart("area"), kept_apart("batch_id (delivered)")
    ('batch_id (delivered)', 'area', 'batch_id (delivered)')
    """
    return f"{name}{SUFFIX}" if name in reserved else name


def delivered_name(name: str) -> str:
    """Return the name that a column has outside.

    >>> delivered_name("batch_id (delivered)"), delivered_name("weight (delivered)")
    ('batch_id', 'weight (delivered)')
    """
    bare = name.removesuffix(SUFFIX)
    return bare if bare in RESERVED_IN_TABLES else name


def apart(names: Iterable[str], wanted: Iterable[str] = ()) -> dict[str, str]:
    """Return the inside names of those delivered columns that have another one, by their delivered names.

    Parameters
    ----------
    names : iterable of str
        The delivered columns.
    wanted : iterable of str
        Inside names of further columns that are kept apart: the columns of a feature table.

    Examples
    --------
    >>> apart(["row_id", "arrival", "x"]), apart(["arrival", "event_time"], wanted=["arrival (delivered)"])
    ({'row_id': 'row_id (delivered)'}, {'arrival': 'arrival (delivered)'})
    """
    inside = set(wanted)
    renamed = {name: f"{name}{SUFFIX}" for name in names if name in RESERVED or f"{name}{SUFFIX}" in inside}
    return {name: other for name, other in renamed.items() if name in RESERVED_IN_TABLES}
