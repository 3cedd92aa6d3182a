"""Which deliveries count as landed on a night: an object each, or all objects below one sub-folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tasks.ingest.landing.landing_zones import files_of
from tasks.ingest.sources.stored_objects import StoredObject, is_marker, is_safe
from tasks.records import Kind, Landed
from tasks.spec.data_sections import Files
from tasks.spec.project_spec import ProjectSpec

DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
WAITING = ("not_settled", "not_complete")
Why = Literal["unsafe_key", "no_date_in_name", "not_settled", "not_complete"]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A delivery that is not taken in, and why.

    `no_date_in_name` and `unsafe_key` belong to no night; `not_settled` (written a moment ago) and `not_complete` (its
    marker is not there) wait for a later one.
    """

    key: str
    reason: Why


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What landed up to a night, oldest first; what no night would ever take in; and what waits for a later night."""

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
    """Return the deliveries that arrived up to the end of a night, ordered by arrival, then key.

    Parameters
    ----------
    objects : iterable of StoredObject
        A listing of the landing place.
    kind : 'rows', 'labels' or 'features'
        What the landing place holds.
    spec : ProjectSpec
        `source.arrival` says what counts as arrival: the moment of writing, as a date in `schedule.time_zone`, or the
        first date in the delivery's name. `batch`, `settle_minutes` and `complete_marker` say what one delivery is, and
        when it is whole.
    night : date
        The night, in the same time zone; what arrived on that day itself is included.
    moment : datetime, optional
        Now, with its time zone; left out, nothing is too young.
    table : str
        The feature table that lands there, of kind 'features'.

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
    files, listed = files_of(kind, spec, table), list(objects)
    markers = {each.key for each in listed if is_marker(each.key, files.complete_marker)}
    delivered = [each for each in listed if each.key not in markers]
    arrived = []
    left = [Unplaced(each.key, "unsafe_key") for each in delivered if not is_safe(each.key)]
    for key, parts in _deliveries((each for each in delivered if is_safe(each.key)), files).items():
        arrival = _arrival(key, parts, spec)
        if arrival is None:
            left.append(Unplaced(key, "no_date_in_name"))
        elif arrival <= night:
            why = _waits(key, parts, files, markers, moment)
            if why is None:
                arrived.append(replace(_landed(key, parts, kind, arrival), table=table))
            else:
                left.append(Unplaced(key, why))
    left.sort(key=lambda found: found.key)
    return Arrivals(
        tuple(sorted(arrived, key=lambda found: (found.arrival, found.key))),
        tuple(each for each in left if each.reason not in WAITING),
        tuple(each for each in left if each.reason in WAITING),
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


def _deliveries(objects: Iterable[StoredObject], files: Files) -> dict[str, list[StoredObject]]:
    """Return what each delivery consists of, by its key; an object outside of every sub-folder is one by itself."""
    found: dict[str, list[StoredObject]] = {}
    for each in objects:
        key = each.key.split("/", maxsplit=1)[0] if files.batch == "folder" else each.key
        found.setdefault(key, []).append(each)
    return found


def _arrival(key: str, parts: Sequence[StoredObject], spec: ProjectSpec) -> date | None:
    if spec.source.arrival == "filename":
        return date_in_name(key)
    return max(each.modified for each in parts).astimezone(ZoneInfo(spec.schedule.time_zone)).date()


def _waits(
    key: str, parts: Sequence[StoredObject], files: Files, markers: set[str], moment: datetime | None
) -> Why | None:
    """Return why a delivery may still be in the writing, if anything says so."""
    settle = timedelta(minutes=files.settle_minutes)
    if moment is not None and settle and any(moment - each.modified < settle for each in parts):
        return "not_settled"
    marker = files.complete_marker
    if marker is None:
        return None
    folder = key if parts[0].key != key else key.rpartition("/")[0]
    wanted = f"{key}{marker}" if marker.startswith(".") else f"{folder}/{marker}".lstrip("/")
    return None if wanted in markers else "not_complete"


def _landed(key: str, parts: Sequence[StoredObject], kind: Kind, arrival: date) -> Landed:
    if parts[0].key == key:
        return Landed(kind, key, parts[0].size_bytes, arrival, parts[0].stamp)
    ordered = sorted(parts, key=lambda each: each.key)
    written = "\n".join(f"{each.key} {each.stamp}" for each in ordered)
    stamp = f"{len(ordered)}@{hashlib.sha256(written.encode()).hexdigest()}"
    keys = tuple(each.key for each in ordered)
    return Landed(kind, key, sum(each.size_bytes for each in ordered), arrival, stamp, parts=keys)
