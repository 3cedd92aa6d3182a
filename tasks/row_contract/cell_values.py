"""Typed values of single JSON cells, as `tasks.spec.cells` types columns.

Every function returns the typed value, or None where it is missing, and raises `CellFaultError` where the cell cannot
be read. A few cells that the batch reads are refused here, because a client can send them better: whole numbers beyond
2^53, texts longer than 1,000 characters, and times in another form than ISO 8601.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from tasks.row_contract.cell_texts import FALSE, INFINITE, MISSING, NULL_MARKER, SIMPLE_NUMBER, TRUE

LARGEST_EXACT = 2**53
LONGEST_TEXT = 1_000
NO_CATEGORY = ("", NULL_MARKER)
FIRST_YEAR, LAST_YEAR = 1700, 2200
MAX_OFFSET_MINUTES = 14 * 60
_NUMBER = re.compile(SIMPLE_NUMBER, re.ASCII)
_TIME = re.compile(  # an offset follows only a time of day
    r"(\d{4}-\d\d-\d\d([T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?)((?(2)(?:Z|[+-]\d\d:?\d\d)?))", re.ASCII
)
Cell = Callable[[Any], Any]


class CellFaultError(ValueError):
    """A cell cannot be read; `code` is the reason code of the batch, or one of this module's own."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def number(value: Any, decimal: str = ".") -> float | None:
    """Return a number as float.

    Parameters
    ----------
    value : object
        As JSON has it.
    decimal : '.' or ','
        The decimal sign of numbers written as text.

    Examples
    --------
    >>> number(3), number(" 1.5"), number("NA"), number("1,5", ","), number(None)
    (3.0, 1.5, None, 1.5, None)
    >>> number(True)
    Traceback (most recent call last):
    tasks.row_contract.cell_values.CellFaultError: not_a_number
    """
    kind = type(value)
    if kind is float:
        if math.isfinite(value):
            return float(value)
        raise CellFaultError("not_finite")
    if kind is int:
        if -LARGEST_EXACT <= value <= LARGEST_EXACT:
            return float(value)
        raise CellFaultError("not_exact")
    if value is None:
        return None
    if kind is str:
        return _number_of_text(value, decimal)
    raise CellFaultError("not_a_number")


def boolean(value: Any) -> bool | None:
    """Return true or false.

    >>> boolean(True), boolean("Yes"), boolean(0), boolean("")
    (True, True, False, None)
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str | int | float):
        text = _short(str(value)).strip().lower()
        if text in TRUE:
            return True
        if text in FALSE:
            return False
        if text in MISSING:
            return None
    raise CellFaultError("not_a_boolean")


def category(value: Any) -> str | None:
    """Return a category as text without outer blanks.

    >>> category(" NA "), category(98178), category(98178.0), category(True), category("")
    ('NA', '98178', '98178', 'true', None)
    """
    kind = type(value)
    if kind is str:
        text = _short(value).strip()
        return None if text in NO_CATEGORY else text
    if value is None:
        return None
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return _short(str(value))
    if kind is float and math.isfinite(value):
        return str(int(value)) if value == int(value) else str(value)
    raise CellFaultError("not_a_category")


def time_reader(time_zone: str) -> Callable[[Any], datetime | None]:
    """Return the reader of times: wall-clock time of a zone, to the microsecond, without the zone attached.

    Where a wall-clock time occurs twice, the second has a `fold` of 1.

    Examples
    --------
    >>> read = time_reader("America/Los_Angeles")
    >>> [str(read(text)) for text in ("2026-01-02", "2026-01-02T08:30:00Z", None)]
    ['2026-01-02 00:00:00', '2026-01-02 00:30:00', 'None']
    """
    zone = ZoneInfo(time_zone)

    def time(value: Any) -> datetime | None:
        if value is None:
            return None
        if type(value) is not str:
            raise CellFaultError("not_a_time")
        text = _short(value).strip()
        found = _TIME.fullmatch(text)
        if found is None:
            if text.lower() in MISSING:
                return None
            raise CellFaultError("not_a_time")
        return _moment(found, zone)

    return time


def _moment(found: re.Match[str], zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(found[1])
    except ValueError:
        raise CellFaultError("not_a_time") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise CellFaultError("not_a_time")
    if not found[3]:
        return moment
    return moment.replace(tzinfo=_offset(found[3])).astimezone(zone).replace(tzinfo=None)


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes > 59 or 60 * hours + minutes > MAX_OFFSET_MINUTES:  # noqa: PLR2004 - minutes of an hour
        raise CellFaultError("not_a_time")
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _number_of_text(value: str, decimal: str) -> float | None:
    text = _short(value).strip()
    if decimal == ",":
        text = text.replace(".", "'").replace(",", ".")
    if _NUMBER.match(text):
        number_read = float(text)
        if math.isfinite(number_read):
            return number_read
        raise CellFaultError("not_finite")
    if text.lower() in MISSING:
        return None
    raise CellFaultError("not_finite" if INFINITE.fullmatch(text) else "not_a_number")


def _short(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise CellFaultError("too_long")
    if not text.isascii() or "\0" in text:
        _refuse_broken(text)
    return text


def _refuse_broken(text: str) -> None:
    """Refuse texts that no stored file can have: NUL, and half a character of UTF-16."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise CellFaultError("not_a_text")
