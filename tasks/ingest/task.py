"""The rim of ingest: lists the landing places, reads what is new, and leaves what was taken in before alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from tasks.ingest.delivery import batch_id, delivered
from tasks.ingest.landing import landed
from tasks.ingest.parse import Unreadable
from tasks.ingest.privacy import secret
from tasks.ingest.sources import LandingPlace, open_source
from tasks.lake import Lake, deliveries
from tasks.logs import line, logger
from tasks.records import Delivery, Kind, Landed, Unread
from tasks.rim import room
from tasks.spec import ProjectSpec


@room("ingest")
def take_in(lake: Lake, spec: ProjectSpec, folder: Path, night: date) -> list[Delivery | Unread]:
    """Read every object that arrived up to a night and was not taken in yet.

    Returns
    -------
    list of Delivery or Unread
        Rows first, then labels, each by arrival; content that was already taken in under another name is not among
        them.
    """
    taken = deliveries(lake, spec.project)
    stamps = {(batch.kind, batch.key, batch.stamp) for batch in taken.newest_of_keys().values()}
    stale, key = taken.stale(), secret(spec.privacy, os.environ)
    known = {batch.batch_id for batch in taken.revisions}
    found: list[Delivery | Unread] = []
    for place, each in _arrived(spec, folder, night):
        if (each.kind, each.key, each.stamp) in stamps:
            continue
        content = place.read(each.key)
        name = batch_id(content)
        if name in known and stale.get(name) != each.key:
            continue
        known.add(name)
        read = delivered(content, each, spec, key)
        found.append(Unread(name, each, read.reason, read.detail) if isinstance(read, Unreadable) else read)
    logger().info(line("deliveries_taken_in", batches=len(found), night=night))
    return found


def _arrived(spec: ProjectSpec, folder: Path, night: date) -> Iterator[tuple[LandingPlace, Landed]]:
    places: list[tuple[Kind, str | None]] = [("rows", spec.source.uri), ("labels", spec.source.label.uri)]
    for kind, uri in places:
        if uri is None:
            continue
        place = open_source(uri, folder, spec.source)
        arrivals = landed(place.list(), kind, spec, night)
        for each in arrivals.unplaced:
            logger().warning(line("object_left_alone", key=each.key, why=each.reason))
        for one in arrivals.landed:
            yield place, one
