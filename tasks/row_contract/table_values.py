"""The values of feature tables for a row, as `tasks.features.as_of` joins them: from arrays, without pandas.

A table is some arrays. An entity is found by the hash of its key, by which entities are ordered; its values are in the
order of the instants from which they are known.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from tasks.row_contract.cell_values import category
from tasks.row_contract.compiled_contract import RowContract, ServedTable
from tasks.row_contract.row_reader import Fault, RowRefused, TypedRow

EPOCH, MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)  # noqa: DTZ001 - a wall clock's
DAY_US = 86_400_000_000
NO_CODE, NO_TIME = -1, np.iinfo(np.int64).min
Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


def entity_key(parts: Sequence[str]) -> str:
    r"""Return the parts of a key as one text, as `tasks.spec.cells.entity_keys.joined` does.

    >>> entity_key(["a"]), entity_key(["a|b", "c"])
    ('a', 'a\\|b|c')
    """
    if len(parts) == 1:
        return parts[0]
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def key_hash(key: bytes) -> int:
    """Return the hash by which a key is found, of 64 bits."""
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


def microseconds(moment: datetime) -> int:
    """Return a time without a zone as microseconds since 1970.

    >>> microseconds(datetime(1970, 1, 2))
    86400000000
    """
    return (moment - EPOCH) // MICROSECOND


class KnownValues:
    """The values of one feature table.

    Parameters
    ----------
    table : ServedTable
        Its columns and its terms.
    arrays : mapping of str to array
        `hashes` of the keys, ascending; `keys` as UTF-8, and where each begins and the last ends (`key_starts`); where
        the values of each entity begin and the last end (`starts`); `known_from` and `event_time` of each value, in
        microseconds since 1970; and the columns, see `tasks.package.table_arrays`.

    Examples
    --------
    >>> text = b"a"
    >>> arrays = {"hashes": np.array([key_hash(text)], dtype=np.uint64), "keys": np.frombuffer(text, dtype=np.uint8),
    ...     "key_starts": np.array([0, 1]), "starts": np.array([0, 2]), "known_from": np.array([0, 10]),
    ...     "event_time": np.array([0, 10]), "columns/balance": np.array([1.5, 2.5])}
    >>> known = KnownValues(ServedTable(name="accounts", entity=("id",), numbers=("balance",)), arrays)
    >>> known.of("a", 9, 9), known.of("a", 10, 10), known.of("b", 10, 10)
    ({'balance': 1.5}, {'balance': 2.5}, {'balance': None})
    """

    def __init__(self, table: ServedTable, arrays: Arrays) -> None:
        self._hashes, self._keys = arrays["hashes"], arrays["keys"]
        self._key_starts, self._starts = arrays["key_starts"], arrays["starts"]
        self._known_from, self._event_time = arrays["known_from"], arrays["event_time"]
        self._most_us = None if table.max_age_days is None else table.max_age_days * DAY_US
        self._cells = {name: _cell(name, kind, arrays) for name, kind in kinds_of(table).items()}
        self.none: dict[str, Any] = dict.fromkeys(self._cells)

    def of(self, key: str, at_us: int, wall_us: int) -> dict[str, Any]:
        """Return the values of an entity that were known at an instant; all missing where none was.

        Parameters
        ----------
        at_us, wall_us : int
            The instant, and the time that a wall clock of the project's zone shows then, in microseconds since 1970.
        """
        place = self._place(key.encode("utf-8", "surrogatepass"))
        if place is None:
            return self.none
        first, end = int(self._starts[place]), int(self._starts[place + 1])
        newest = first + int(np.searchsorted(self._known_from[first:end], at_us, side="right")) - 1
        if newest < first or (self._most_us is not None and wall_us - int(self._event_time[newest]) > self._most_us):
            return self.none
        return {name: cell(newest) for name, cell in self._cells.items()}

    def _place(self, key: bytes) -> int | None:
        """Return the place of an entity; several keys may have one hash."""
        wanted = np.uint64(key_hash(key))
        place = int(np.searchsorted(self._hashes, wanted))
        while place < len(self._hashes) and self._hashes[place] == wanted:
            first, end = int(self._key_starts[place]), int(self._key_starts[place + 1])
            if self._keys[first:end].tobytes() == key:
                return place
            place += 1
        return None


class JoinedTables:
    """Joins rows with the feature tables of a contract.

    Parameters
    ----------
    arrays : mapping of str to array
        Those of `KnownValues`, after the name of the table and a slash.
    from_us : int
        The instant from which on the arrays have all that was known; a row of before is refused.
    state : str
        The name of the state of the tables, for the prediction log.
    """

    def __init__(self, contract: RowContract, arrays: Arrays, from_us: int, state: str) -> None:
        self.state = state
        self._event_time, self._zone, self._from_us = contract.event_time, ZoneInfo(contract.time_zone), from_us
        self._tables = [(table.entity, KnownValues(table, _of(table.name, arrays))) for table in contract.tables]

    def joined(self, row: TypedRow) -> TypedRow:
        """Return a row with the columns of all tables.

        Raises
        ------
        RowRefused
            The row is of a time before what the arrays have.
        """
        moment: datetime = row.values[self._event_time]
        wall_us = microseconds(moment)
        at_us = wall_us - (moment.replace(tzinfo=self._zone).utcoffset() or timedelta()) // MICROSECOND
        if at_us < self._from_us:
            first = (EPOCH + self._from_us * MICROSECOND).isoformat()
            name = self._event_time
            raise RowRefused([Fault(f"before_tables:{name}", name, f"a time from {first}Z on, as the feature tables")])
        values = dict(row.values)
        for entity, known in self._tables:
            parts = [category(row.values[name]) for name in entity]
            if None in parts:
                values |= known.none
            else:
                values |= known.of(entity_key([str(part) for part in parts]), at_us, wall_us)
        return TypedRow(row.row_id, values, self.state)


def kinds_of(columns: Any) -> dict[str, str]:
    """Return the kind of each column of a table or a function: number, boolean, category or time."""
    return {
        **dict.fromkeys(columns.numbers, "number"),
        **dict.fromkeys(columns.booleans, "boolean"),
        **dict.fromkeys(columns.categories, "category"),
        **dict.fromkeys(columns.dates, "time"),
    }


def typed_cells(cells: Mapping[str, Any], tables: Sequence[ServedTable]) -> dict[str, Any]:
    """Return the typed values of columns of tables from cells in JSON.

    >>> typed_cells({"since": "2026-01-02T00:00:00"}, [ServedTable(name="t", entity=("id",), dates=("since",))])
    {'since': datetime.datetime(2026, 1, 2, 0, 0)}
    """
    dates = {name for table in tables for name in table.dates}
    return {
        name: datetime.fromisoformat(value) if name in dates and value is not None else value
        for name, value in cells.items()
    }


def _of(table: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(f"{table}/"): array for name, array in arrays.items() if name.startswith(f"{table}/")}


def _cell(name: str, kind: str, arrays: Arrays) -> Callable[[int], Any]:
    """Return the function from the place of a value to the cell of a column."""
    column = arrays[f"columns/{name}"]
    if kind == "number":
        return lambda place: value if math.isfinite(value := float(column[place])) else None
    if kind == "boolean":
        return lambda place: None if column[place] == NO_CODE else bool(column[place])
    if kind == "time":
        return lambda place: None if column[place] == NO_TIME else EPOCH + int(column[place]) * MICROSECOND
    texts, starts = arrays[f"texts/{name}"], arrays[f"text_starts/{name}"]

    def text(place: int) -> str | None:
        code = int(column[place])
        if code == NO_CODE:
            return None
        return texts[int(starts[code]) : int(starts[code + 1])].tobytes().decode("utf-8", "surrogatepass")

    return text
