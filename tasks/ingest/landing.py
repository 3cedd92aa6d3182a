"""Which objects count as landed on a night."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from tasks.ingest.objects import StoredObject, is_safe
from tasks.records import Kind, Landed
from tasks.spec.models import ProjectSpec

DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")


@dataclass(frozen=True, slots=True)
class Unplaced:
    """An object that belongs to no night, and why: `no_date_in_name` or `unsafe_key`."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What landed up to a night, oldest first, and what no night would ever take in: to be reported, not lost."""

    landed: tuple[Landed, ...]
    unplaced: tuple[Unplaced, ...]


def landed(objects: Iterable[StoredObject], kind: Kind, spec: ProjectSpec, night: date) -> Arrivals:
    """Return the objects that arrived up to the end of a night, ordered by arrival, then key.

    Parameters
    ----------
    objects : iterable of StoredObject
        A listing of the landing place.
    kind : 'rows' or 'labels'
        What the landing place holds.
    spec : ProjectSpec
        `source.arrival` says what counts as arrival: the moment of writing, as a date in `schedule.time_zone`, or the
        first date in the file's name.
    night : date
        The night, in the same time zone; what arrived on that day itself is included.

    Examples
    --------
    Three files; the one of the next day waits, the one without a date is told apart:

    >>> from datetime import UTC, datetime
    >>> text = {"uri": "landing", "id": ["id"], "event_time": "time", "label": {"column": "price"}}
    >>> text["arrival"] = "filename"
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> spec, then = ProjectSpec.model_validate(named), datetime(2026, 1, 9, tzinfo=UTC)
    >>> files = [StoredObject(name, 1, then) for name in ("2026-01-02.csv", "2026-01-03.csv", "notes.csv")]
    >>> found = landed(files, "rows", spec, date(2026, 1, 2))
    >>> [each.key for each in found.landed], [each.key for each in found.unplaced]
    (['2026-01-02.csv'], ['notes.csv'])
    """
    zone = ZoneInfo(spec.schedule.time_zone)
    arrived, unplaced = [], []
    for each in objects:
        by_name = spec.source.arrival == "filename"
        arrival = date_in_name(each.key) if by_name else each.modified.astimezone(zone).date()
        if not is_safe(each.key):
            unplaced.append(Unplaced(each.key, "unsafe_key"))
        elif arrival is None:
            unplaced.append(Unplaced(each.key, "no_date_in_name"))
        elif arrival <= night:
            arrived.append(Landed(kind, each.key, each.size_bytes, arrival, each.stamp))
    return Arrivals(
        tuple(sorted(arrived, key=lambda found: (found.arrival, found.key))),
        tuple(sorted(unplaced, key=lambda found: found.key)),
    )


def date_in_name(key: str) -> date | None:
    """Return the first valid date (YYYY-MM-DD) in a file's own name, whatever its folders are called.

    Examples
    --------
    >>> date_in_name("2020-01-01/sales-2026-02-30-2026-03-02.csv.gz")
    datetime.date(2026, 3, 2)
    >>> date_in_name("2020-01-01/sales.csv") is None
    True
    """
    for text in DATE.findall(key.rsplit("/", maxsplit=1)[-1]):
        try:
            return date.fromisoformat(text)
        except ValueError:
            continue
    return None
