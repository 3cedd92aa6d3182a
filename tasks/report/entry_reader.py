"""A night as the record holds it, whatever version wrote it: what is missing or unknown is left out, never an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.lake import Entry

NULLS = "null_share"
DRIFTS = {"virtual": "harmless", "slice": "local slice"}
LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured number, with its interval, its promise and its leeway where they are known."""

    value: float
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    leeway: float | None = None

    @property
    def tolerated(self) -> float | None:
        """The largest value within leeway."""
        return None if self.expected is None or self.leeway is None else self.at(1)

    def at(self, leeways: int) -> float:
        """Return the value so many leeways above what was promised; 0 is promised, and no leeway, where not known.

        >>> Measure(1.0, expected=2.0, leeway=0.5).at(-1)
        1.5
        """
        return (self.expected or 0.0) + leeways * (self.leeway or 0.0)


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One statistic of one column, or of the slice `where`, against its leeway; `strain` is the share that is used."""

    column: str
    statistic: str
    distance: float
    leeway: float
    strain: float
    creep: bool = False
    where: str = ""

    @property
    def left(self) -> float:
        """How much further it may move."""
        return self.leeway - self.distance


def number(value: object) -> float | None:
    """Return a finite number, or None for anything else.

    >>> number(3), number("3"), number(float("nan")), number(True), number(10**400)
    (3.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping, or an empty one for anything else.

    >>> mapping({"a": 1}), mapping([1])
    ({'a': 1}, {})
    """
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """Return a list, or an empty one for anything else.

    >>> sequence([1]), sequence("no list")
    ([1], ())
    """
    return value if isinstance(value, list | tuple) else ()


def amount(details: Mapping[str, Any], key: str) -> int:
    """Return a count, 0 where it is not recorded.

    >>> amount({"rows": 3}, "rows"), amount({}, "rows")
    (3, 0)
    """
    return int(number(details.get(key)) or 0)


def measure(value: object) -> Measure | None:
    """Return a number, or a record with a `value`, as a measure.

    >>> measure({"value": 1.0, "low": 0.5})
    Measure(value=1.0, low=0.5, high=None, expected=None, leeway=None)
    >>> measure(2), measure({"low": 1})
    (Measure(value=2.0, low=None, high=None, expected=None, leeway=None), None)
    """
    plain = number(value)
    if plain is not None:
        return Measure(plain)
    held = mapping(value)
    middle = number(held.get("value"))
    if middle is None:
        return None
    return Measure(middle, *(number(held.get(key)) for key in ("low", "high", "expected", "leeway")))


def error_of(entry: Entry) -> Measure | None:
    """Return the champion's realised error that a night saw."""
    return measure(mapping(entry.details.get("performance")).get("loss"))


def bias_of(entry: Entry) -> Measure | None:
    """Return the champion's bias that a night saw."""
    return measure(mapping(entry.details.get("performance")).get("bias"))


def estimate_of(entry: Entry) -> Measure | None:
    """Return the error that was estimated without labels: a number, a record with `value`, or one under `loss`."""
    held = entry.details.get("estimated")
    return measure(held) or measure(mapping(held).get("loss"))


def shifts(entry: Entry) -> tuple[ColumnDrift, ...]:
    """Return what a night measured of its columns, in the order of the record: the most strained first."""
    return tuple(_shifts(sequence(entry.details.get("moved"))))


def _shifts(moved: Sequence[Any]) -> Iterator[ColumnDrift]:
    for each in map(mapping, moved):
        distance, leeway, strain = (number(each.get(key)) for key in ("distance", "leeway", "strain"))
        if "column" not in each or strain is None:
            continue
        statistic = str(each.get("statistic", ""))
        sizes = distance or 0.0, leeway or 0.0, strain
        yield ColumnDrift(str(each["column"]), statistic, *sizes, bool(each.get("creep")), str(each.get("where") or ""))


def strains(entry: Entry, statistic: str | None = None) -> dict[str, float]:
    """Return each column's largest strain, of one statistic or of all."""
    worst: dict[str, float] = {}
    for each in map(mapping, sequence(entry.details.get("moved"))):
        strain = number(each.get("strain"))
        if strain is None or "column" not in each or (statistic is not None and each.get("statistic") != statistic):
            continue
        column = str(each["column"])
        if strain > worst.get(column, -1.0):
            worst[column] = strain
    return worst


def drift_of(entry: Entry) -> str:
    """Return the kind of a night's drift in the words of the report.

    >>> from datetime import UTC, datetime
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> drift_of(Entry("n", "night", moment.date(), moment, "hold", "area moved", drift="virtual"))
    'harmless'
    """
    return DRIFTS.get(entry.drift, entry.drift)


def answered(entry: Entry, question: str) -> Mapping[str, Any]:
    """Return an answer of a night's decision, empty when it was not asked."""
    found = (mapping(each) for each in sequence(entry.details.get("answers")))
    return next((each for each in found if each.get("question") == question), {})


def nights_of(record: Sequence[Entry]) -> list[Entry]:
    """Return the last decision of every night, oldest first."""
    newest: dict[date, Entry] = {entry.night: entry for entry in record if entry.kind == "night"}
    return [newest[night] for night in sorted(newest)]
