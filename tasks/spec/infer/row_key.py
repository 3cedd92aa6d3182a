"""The id: the column or columns that identify a row."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from tasks.errors import SpecError, nearest
from tasks.spec.cells.cell_types import categories, numbers
from tasks.spec.infer.column_kinds import can_be_named, looks_like_an_identifier

NOTHING_UNIQUE = (
    "no column is unique, alone or together with the event time; name the columns that identify a row with --id "
    "(such as --id customer --id date), or add a column that numbers the rows where they are written"
)


@dataclass(frozen=True, slots=True)
class Key:
    """The columns that identify a row, why they were chosen, and whether they do so only with the event time."""

    columns: list[str]
    why: str
    used_again: bool = False


def given_key(frame: pd.DataFrame, columns: list[str], time: str) -> Key:
    """Return the key that the user named, or refuse it: for an unknown column, empty cells or duplicates.

    Ids that repeat, each time with another event time, are used again: the event time is then a part of the identity.

    Examples
    --------
    >>> rides = pd.DataFrame({"ride": ["r1", "r2", "r1"], "day": ["2025-02-01", "2025-02-01", "2026-02-01"]})
    >>> given_key(rides, ["ride"], "day").used_again
    True
    """
    known = [str(name) for name in frame.columns]
    unknown = [name for name in columns if name not in known or not can_be_named(name)]
    if unknown:
        listed = ", ".join(known)
        hints = [
            f"id column {name!r} is not in the data, or not usable; known: {listed}{nearest(name, known)}"
            for name in unknown
        ]
        raise SpecError(hints)
    empty = [name for name in columns if categories(frame[name]).column.isna().any()]
    if empty:
        raise SpecError([f"id column {name!r} has empty cells; every row needs an id" for name in empty])
    repeated = int(_texts(frame, columns).duplicated().sum())
    if repeated and not _texts(frame, list(dict.fromkeys([*columns, time]))).duplicated().any():
        return Key(columns, f"as given; {repeated:,} are used again at another time", used_again=True)
    if repeated:
        raise SpecError([f"id {columns} has {repeated:,} duplicates; add a column that distinguishes them"])
    return Key(columns, "as given")


def guessed_key(frame: pd.DataFrame, time: str, label: str) -> Key:
    """Guess the columns that identify a row: columns named like an id first, then others, alone or with the event time.

    Raises
    ------
    SpecError
        When nothing is unique, alone or together with the event time.

    Examples
    --------
    >>> frame = pd.DataFrame({"shop": ["a", "b", "a", "b"], "day": ["1", "1", "2", "2"], "sales": [5, 6, 7, 8]})
    >>> guessed_key(frame, "day", "sales").columns
    ['shop', 'day']
    """
    names = [str(name) for name in frame.columns if str(name) not in {time, label} and _can_name(frame[name])]
    named = [name for name in names if looks_like_an_identifier(name)]
    others = [name for name in names if name not in named]
    reason = "it is unique, and its name is that of an id"
    key = _alone(frame, named, reason) or _paired(frame, named, time)
    key = key or _alone(frame, others, "it is unique in this data") or _paired(frame, others, time)
    if key:
        return key
    raise SpecError([NOTHING_UNIQUE])


def _alone(frame: pd.DataFrame, names: list[str], why: str) -> Key | None:
    return next((Key([name], why) for name in names if categories(frame[name]).column.is_unique), None)


def _paired(frame: pd.DataFrame, names: list[str], time: str) -> Key | None:
    for name in names:
        if not _texts(frame, [name, time]).duplicated().any():
            return Key([name, time], f"{name} repeats, but is unique in this data together with {time}")
    return None


def _texts(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: categories(frame[name]).column for name in names})


def _can_name(column: pd.Series) -> bool:
    """Return whether a column can be part of an id: no missing value, and text or whole numbers."""
    if not can_be_named(str(column.name)) or categories(column).column.isna().any():
        return False
    read = numbers(column)
    if read.clean:
        return bool((read.column % 1 == 0).all())
    return not (pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype))
