"""Cells of a column of Python objects as JSON: to read them, no code of the sender is run.

What JSON has, such as a text or a finite number, is itself. Every other cell is a list: the name of its kind, then its
parts. A cell of a kind that is not known here arrives as its text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

LARGEST_JSON_INT = 2**63  # Python limits how many decimal digits it reads


class TextOfObject:
    """A cell of a kind that is not known here: only its texts arrive.

    Examples
    --------
    >>> str(TextOfObject("1/2", "Fraction(1, 2)")), repr(TextOfObject("1/2", "Fraction(1, 2)"))
    ('1/2', 'Fraction(1, 2)')
    """

    def __init__(self, text: str, shown: str) -> None:
        self._text, self._shown = text, shown

    def __str__(self) -> str:
        """Return what `str` gave for the object."""
        return self._text

    def __repr__(self) -> str:
        """Return what `repr` gave for the object."""
        return self._shown


class TextOfContainer(tuple[str]):
    """The same of a container, such as a set; it is one itself, because a container is no value of a column."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return what `repr` gave for the container."""
        return self[0]


def cells_as_json(cells: Iterable[object]) -> str:
    """Return the cells of a column as one JSON text.

    Examples
    --------
    >>> cells_as_json(["a", 1, 1.5, None, date(2026, 1, 2), Decimal("1.50")])
    '["a", 1, 1.5, null, ["date", "2026-01-02"], ["Decimal", "1.50"]]'
    """
    return json.dumps([as_json(cell) for cell in cells])


def cells_from_json(text: str) -> list[Any]:
    """Return the cells of a column.

    Raises
    ------
    ValueError, TypeError, KeyError, RecursionError
        The text is not what `cells_as_json` writes.

    Examples
    --------
    >>> cells_from_json('["a", ["date", "2026-01-02"], ["Decimal", "1.50"]]')
    ['a', datetime.date(2026, 1, 2), Decimal('1.50')]
    """
    return [from_json(cell) for cell in json.loads(text)]


def as_json(cell: object) -> Any:
    """Return one cell as a JSON value; see the module."""
    kind = type(cell)
    if cell is None or kind in {bool, float, str} or (kind is int and abs(cell) < LARGEST_JSON_INT):  # type: ignore[arg-type]  # an int
        return cell
    if cell is pd.NaT or cell is pd.NA:
        return ["missing", "NaT" if cell is pd.NaT else "NA"]
    if kind in WRITERS and (parts := WRITERS[kind](cell)) is not None:
        return [kind.__name__, *parts]
    if isinstance(cell, np.generic) and cell.dtype.kind in "biufMm":
        item = cell.astype(np.int64) if cell.dtype.kind in "Mm" else cell
        return ["numpy", cell.dtype.str, item.item()]
    if isinstance(cell, list | tuple | dict | set | frozenset | bytes | np.ndarray):
        return ["container", repr(cell)]
    return ["object", str(cell), repr(cell)]


def from_json(value: Any) -> Any:
    """Return one cell from its JSON value; see the module."""
    if not isinstance(value, list):
        return value
    kind, *parts = value
    return READERS[kind](*parts)


def zone_as_json(zone: tzinfo | None) -> str | int | None:
    """Return a time zone as its name, or as seconds east of UTC; None for another kind of zone.

    Examples
    --------
    >>> zone_as_json(ZoneInfo("Europe/Berlin")), zone_as_json(timezone(timedelta(hours=-2))), zone_as_json(UTC)
    ('Europe/Berlin', -7200, 0)
    """
    if isinstance(zone, ZoneInfo):
        return zone.key
    offset = zone.utcoffset(None) if isinstance(zone, timezone) else None
    return None if offset is None or offset.microseconds else int(offset.total_seconds())


def zone_from_json(zone: str | int) -> tzinfo:
    """Return a time zone from its name, or from seconds east of UTC."""
    if isinstance(zone, str):
        return ZoneInfo(zone)
    return UTC if zone == 0 else timezone(timedelta(seconds=zone))


def _datetime_parts(cell: datetime) -> list[Any] | None:
    plain = [cell.replace(tzinfo=None, fold=0).isoformat(), cell.fold]
    if cell.tzinfo is None:
        return plain
    zone = zone_as_json(cell.tzinfo)
    return None if zone is None else [*plain, zone]


def _datetime(text: str, fold: int, zone: str | int | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(fold=fold, tzinfo=None if zone is None else zone_from_json(zone))


def _timestamp_parts(cell: pd.Timestamp) -> list[Any] | None:
    zone = None if cell.tzinfo is None else zone_as_json(cell.tzinfo)
    if cell.tzinfo is not None and zone is None:
        return None
    return [cell.unit, int(cell.to_datetime64().astype(np.int64)), zone]


def _timestamp(unit: str, count: int, zone: str | int | None) -> pd.Timestamp:
    moment = pd.Timestamp(np.datetime64(count, unit))  # type: ignore[call-overload]  # the unit is one of numpy's
    return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone_from_json(zone))


def _timedelta_parts(cell: pd.Timedelta) -> list[Any]:
    return [cell.unit, int(cell.to_timedelta64().astype(np.int64))]


def _pandas_timedelta(unit: str, count: int) -> pd.Timedelta:
    return pd.Timedelta(np.timedelta64(count, unit))  # type: ignore[call-overload]  # the unit is one of numpy's


def _numpy(dtype: str, item: Any) -> Any:
    kind = np.dtype(dtype)
    return np.int64(item).view(kind) if kind.kind in "Mm" else kind.type(item)


WRITERS: dict[type, Callable[[Any], list[Any] | None]] = {
    int: lambda cell: [hex(cell)],
    date: lambda cell: [cell.isoformat()],
    time: lambda cell: [cell.isoformat(), cell.fold] if cell.tzinfo is None else None,
    datetime: _datetime_parts,
    timedelta: lambda cell: [cell.days, cell.seconds, cell.microseconds],
    pd.Timestamp: _timestamp_parts,
    pd.Timedelta: _timedelta_parts,
    Decimal: lambda cell: [str(cell)],
    bytes: lambda cell: [cell.hex()],
    list: lambda cell: [as_json(inner) for inner in cell],
    tuple: lambda cell: [as_json(inner) for inner in cell],
    dict: lambda cell: [[as_json(key), as_json(inner)] for key, inner in cell.items()],
}
READERS: dict[str, Callable[..., Any]] = {
    "int": lambda text: int(text, 16),
    "date": date.fromisoformat,
    "time": lambda text, fold: time.fromisoformat(text).replace(fold=fold),
    "datetime": _datetime,
    "timedelta": timedelta,
    "Timestamp": _timestamp,
    "Timedelta": _pandas_timedelta,
    "Decimal": Decimal,
    "bytes": bytes.fromhex,
    "list": lambda *cells: [from_json(cell) for cell in cells],
    "tuple": lambda *cells: tuple(from_json(cell) for cell in cells),
    "dict": lambda *pairs: {from_json(key): from_json(inner) for key, inner in pairs},
    "missing": lambda name: {"NaT": pd.NaT, "NA": pd.NA}[name],
    "numpy": _numpy,
    "container": lambda shown: TextOfContainer((str(shown),)),
    "object": lambda text, shown: TextOfObject(str(text), str(shown)),
}
