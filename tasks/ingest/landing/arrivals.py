"""Which deliveries landed up to a night: each is one object, or all objects below one sub-folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tasks.ingest.landing.landing_zones import files_of
from tasks.ingest.sources.stored_objects import StoredObject, is_marker, is_safe
from tasks.records import Kind, Landed
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.project_spec import ProjectSpec

DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
WAITING = ("not_settled", "not_complete", "in_the_future")
Reason = Literal["unsafe_key", "no_date_in_name", "not_settled", "not_complete", "in_the_future", "link_not_followed"]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A delivery that is not taken in, and the reason.

    With `no_date_in_name`, `unsafe_key` or `link_not_followed` it is never taken in; with `not_settled` (written a
    moment ago), `not_complete` (its marker is missing) or `in_the_future` (its day has not come) it waits for a later
    night.
    """

    key: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The deliveries that landed up to a night, oldest first; those never taken in; and those that wait."""

    landed: tuple[Landed, ...]
    unplaced: tuple[Unplaced, ...]
    waiting: tuple[Unplaced, ...] = ()


def landed(
    objects: Iterable[StoredObject],
    kind: Kind,
    spec: ProjectSpec,
    night: date,
    moment: datetime | None = None,
    table: str = "",
) -> Arrivals:
    """Return the deliveries that arrived up to the end of a night, ordered by day, moment, then key.

    Parameters
    ----------
    objects : iterable of StoredObject
        A listing of the landing zone.
    kind : 'rows', 'labels' or 'features'
        The kind of the landing zone.
    spec : ProjectSpec
        `source.arrival` defines the arrival: the time of writing, as a date in `schedule.time_zone`, or the first date
        in the delivery's name. `batch`, `settle_minutes` and `complete_marker` define what one delivery is, and when it
        is complete.
    night : date
        The night, in the same time zone; deliveries of that day are included.
    moment : datetime, optional
        The present, with its time zone; by default, no delivery is too new.
    table : str
        The feature table of the landing zone, of kind 'features'.

    Examples
    --------
    Three files, of which one belongs to the next day, and one has no date:

    >>> from datetime import UTC, datetime
    >>> text = {"uri": "landing", "id": ["id"], "event_time": "time", "label": {"column": "price"}}
    >>> text["arrival"] = "filename"
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> spec, then = ProjectSpec.model_validate(named), datetime(2026, 1, 9, tzinfo=UTC)
    >>> files = [StoredObject(name, 1, then) for name in ("2026-01-02.csv", "2026-01-03.csv", "notes.csv")]
    >>> arrivals = landed(files, "rows", spec, date(2026, 1, 2))
    >>> [delivery.key for delivery in arrivals.landed], [ignored.key for ignored in arrivals.unplaced]
    (['2026-01-02.csv'], ['notes.csv'])
    """
    files, listed = files_of(kind, spec, table), list(objects)
    markers = {stored.key for stored in listed if is_marker(stored.key, files.complete_marker)}
    delivered = [stored for stored in listed if stored.key not in markers]
    arrived = []
    others = [Unplaced(stored.key, "unsafe_key") for stored in delivered if not is_safe(stored.key)]
    for key, parts in _deliveries((stored for stored in delivered if is_safe(stored.key)), files).items():
        arrival = _arrival(key, parts, spec)
        if arrival is None:
            others.append(Unplaced(key, "no_date_in_name"))
        elif arrival <= night:
            reason = _why_waiting(key, parts, files, markers, moment)
            if reason is None:
                arrived.append(replace(_landed(key, parts, kind, arrival), table=table, moment=_moment(parts, spec)))
            else:
                others.append(Unplaced(key, reason))
        elif moment is not None and arrival > moment.astimezone(ZoneInfo(spec.schedule.time_zone)).date():
            others.append(Unplaced(key, "in_the_future"))
    others.sort(key=lambda other: other.key)
    return Arrivals(
        tuple(sorted(arrived, key=_by_arrival)),
        tuple(other for other in others if other.reason not in WAITING),
        tuple(other for other in others if other.reason in WAITING),
    )


def date_in_name(key: str) -> date | None:
    """Return the first valid date (YYYY-MM-DD) in the name of a file; the names of its folders do not count.

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


def _deliveries(objects: Iterable[StoredObject], files: Files) -> dict[str, list[StoredObject]]:
    """Return the objects of each delivery, by its key; an object outside of all sub-folders is a delivery by itself."""
    deliveries: dict[str, list[StoredObject]] = {}
    for stored in objects:
        key = stored.key.split("/", maxsplit=1)[0] if files.batch == "folder" else stored.key
        deliveries.setdefault(key, []).append(stored)
    return deliveries


def _arrival(key: str, parts: Sequence[StoredObject], spec: ProjectSpec) -> date | None:
    if spec.source.arrival == "filename":
        return date_in_name(key)
    return max(part.modified for part in parts).astimezone(ZoneInfo(spec.schedule.time_zone)).date()


def _moment(parts: Sequence[StoredObject], spec: ProjectSpec) -> datetime | None:
    """Return when a delivery was written; None where its name says when it arrived."""
    return None if spec.source.arrival == "filename" else max(part.modified for part in parts)


def _by_arrival(delivery: Landed) -> tuple[date, datetime, str]:
    return delivery.arrival, delivery.moment or datetime.min.replace(tzinfo=UTC), delivery.key


def _why_waiting(
    key: str, parts: Sequence[StoredObject], files: Files, markers: set[str], moment: datetime | None
) -> Reason | None:
    """Return the reason why a delivery may not be complete, or None."""
    settle = timedelta(minutes=files.settle_minutes)
    if moment is not None and settle and any(moment - part.modified < settle for part in parts):
        return "not_settled"
    marker = files.complete_marker
    if marker is None:
        return None
    folder = key if parts[0].key != key else key.rpartition("/")[0]
    expected = f"{key}{marker}" if marker.startswith(".") else f"{folder}/{marker}".lstrip("/")
    return None if expected in markers else "not_complete"


def _landed(key: str, parts: Sequence[StoredObject], kind: Kind, arrival: date) -> Landed:
    if parts[0].key == key:
        return Landed(kind, key, parts[0].size_bytes, arrival, parts[0].stamp)
    ordered = sorted(parts, key=lambda part: part.key)
    stamps = "\n".join(f"{part.key} {part.stamp}" for part in ordered)
    stamp = f"{len(ordered)}@{hashlib.sha256(stamps.encode()).hexdigest()}"
    keys = tuple(part.key for part in ordered)
    return Landed(kind, key, sum(part.size_bytes for part in ordered), arrival, stamp, parts=keys)
