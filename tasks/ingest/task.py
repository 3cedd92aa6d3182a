"""The rim of ingest: lists the landing places, reads what is new, and leaves what was taken in before alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from tasks import clock
from tasks.errors import Conflict
from tasks.ingest.landing.arrivals import landed
from tasks.ingest.landing.fetch import fetched
from tasks.ingest.landing.landing_zones import files_of, places
from tasks.ingest.privacy import secret
from tasks.ingest.read_delivery import delivery
from tasks.ingest.readers.object_content import weight_bytes
from tasks.ingest.readers.unreadable import Unreadable
from tasks.ingest.sources.open_source import open_source
from tasks.ingest.sources.stored_objects import LandingPlace, StoredObject
from tasks.lake import Lake, append_repeats, deliveries, read_repeats
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.records import Delivery, Landed, Unread
from tasks.spec import ProjectSpec

LARGE_BYTES = 64 * 2**20  # of text; a packed byte counts as several
HELD_BYTES = 512 * 2**20  # past this much, further deliveries of a night are kept on disk, whatever their size


def take_in(
    lake: Lake,
    spec: ProjectSpec,
    folder: Path,
    night: date,
    moment: datetime | None = None,
    spool: Path | None = None,
) -> list[Delivery | Unread]:
    """Read every delivery that arrived up to a night and was not taken in yet.

    Parameters
    ----------
    folder : Path
        Where project.yaml is.
    moment : datetime, optional
        Now, for `settle_minutes`; read from the clock when left out.
    spool : Path, optional
        A folder for deliveries too large to be held: they come as `Delivery.chunks`, and last as long as it does.
        Without one, everything is held.

    Returns
    -------
    list of Delivery or Unread
        Rows first, then labels, then feature tables, each by arrival; content that was already taken in under another
        name is not among them.
    """
    taken = deliveries(lake, spec.project)
    stamps = {(batch.kind, batch.key, batch.stamp) for batch in taken.newest_of_keys().values()}
    stamps |= read_repeats(lake, spec.project)
    stale, key = taken.stale(), secret(spec.privacy, os.environ)
    known = {batch.batch_id for batch in taken.revisions if not batch.is_placeholder}
    room_for, found, again = _Room(spool), list[Delivery | Unread](), list[tuple[str, Landed]]()
    for place, parts, each in _arrived(spec, folder, night, moment or clock.now()):
        if (each.kind, each.name, each.stamp) in stamps:
            continue
        fmt = files_of(each.kind, spec, each.table).format
        with room_for.next(sum(weight_bytes(part.key, part.size_bytes, fmt) for part in parts)) as (raw, rows):
            try:
                name, contents = fetched(place, parts, raw)
            except Conflict as error:
                logger().warning(line("object_left_alone", key=each.key, why=error))
                continue
            if name in known and stale.get(name) != each.name:
                again += [(name, each)] if taken.repeats(name, each.kind, each.name) else []
                continue
            known.add(name)
            read = delivery(contents, name, each, spec, key, rows)
        found.append(Unread(name, each, read.reason, read.detail) if isinstance(read, Unreadable) else read)
    append_repeats(lake, spec.project, again)
    logger().info(line("deliveries_taken_in", batches=len(found), night=night))
    return found


take_in_task = leeway_task("ingest")(take_in)


@dataclass
class _Room:
    """Where the next delivery goes: into memory as long as there is room, else into a folder of its own."""

    spool: Path | None
    held_bytes: int = field(default=0, init=False)
    count: int = field(default=0, init=False)

    @contextmanager
    def next(self, weight: int) -> Iterator[tuple[Path | None, Path | None]]:
        """Give two folders, for the objects as they came and for the rows (none: memory); the first is removed."""
        self.count += 1
        large = weight > LARGE_BYTES or self.held_bytes + weight > HELD_BYTES
        if self.spool is None or not large:
            self.held_bytes += weight
            yield None, None
            return
        raw = self.spool / f"{self.count:06}" / "raw"
        try:
            yield raw, raw.with_name("rows")
        finally:
            shutil.rmtree(raw, ignore_errors=True)


def _arrived(
    spec: ProjectSpec, folder: Path, night: date, moment: datetime
) -> Iterator[tuple[LandingPlace, list[StoredObject], Landed]]:
    for where in places(spec):
        place = open_source(where.uri, folder, spec.source, where.files)
        listing = {each.key: each for each in place.list()}
        arrivals = landed(listing.values(), where.kind, spec, night, moment, where.table)
        for each in arrivals.unplaced:
            logger().warning(line("object_left_alone", key=each.key, why=each.reason))
        for each in arrivals.waiting:
            logger().info(line("delivery_waits", key=each.key, why=each.reason))
        for one in arrivals.landed:
            yield place, [listing[key] for key in one.parts or (one.key,)], one
