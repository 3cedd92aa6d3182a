"""Opens the table of a landing zone where the last night has stopped reading it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tasks.errors import SpecError
from tasks.ingest.landing.landing_zones import LandingZone
from tasks.ingest.tables.extract_key import definition, newest_extract
from tasks.ingest.tables.read_rows import NONE, ReadRows, decoded
from tasks.ingest.tables.table_source import TableSource, TableTerms
from tasks.lake import Deliveries, Lake
from tasks.spec import ProjectSpec
from tasks.spec.own_names import delivered_name


class Folders(NamedTuple):
    """The folder of project.yaml, and one for what is read, which must be gone when it was taken in."""

    project: Path
    extracts: Path


def open_table(
    zone: LandingZone, spec: ProjectSpec, lake: Lake, taken: Deliveries, folders: Folders, moment: datetime
) -> TableSource:
    """Return the source of a landing zone in a database; nothing is read yet.

    Parameters
    ----------
    taken : Deliveries
        What was taken in before, by which it is known how far the table was read.
    moment : datetime
        The present, with its time zone.
    """
    if zone.files.database is None:
        raise SpecError([f"{zone.uri} is no table of a database"])
    of = definition(zone.uri, zone.files.database)
    keys = (key for kind, key in taken.newest_of_keys() if (kind, _table(key)) == (zone.kind, zone.table))
    last = newest_extract(keys, of)
    known = decoded(None if last is None else lake.get(spec.project, _object(zone)))
    if last is not None and known.looked_at is not None and last.key in known.by_key:
        last = last._replace(read=max(last.read, known.looked_at))
    wanted = frozenset(map(delivered_name, spec.columns_of(zone.kind, zone.table)))
    own = folders.extracts / _object(zone)
    own.mkdir(parents=True)
    return TableSource(
        zone.uri,
        zone.files.database,
        TableTerms(
            _object(zone),
            of,
            wanted,
            frozenset(map(delivered_name, spec.privacy.drop)),
            is_private=spec.privacy.is_set,
            withdraws=zone.kind != "features",
        ),
        last,
        NONE if last is None else known.of(last.key),
        own,
        moment,
        spec.schedule.time_zone,
        os.environ,
        folders.project,
    )


def keep_read_rows(lake: Lake, spec: ProjectSpec, zone: LandingZone, source: TableSource, keys: Sequence[str]) -> None:
    """Keep which rows a delivery has, before it is stored; what the last one had is kept until then.

    Without a delivery, it is kept that there was nothing new, as long as rows are read again.
    """
    last = {} if source.last is None else {source.last.key: source.known}
    if keys:
        known = ReadRows({**last, **{_name(zone, key): source.newest for key in keys}})
    elif source.last is not None and source.last.read_again_from(source.database) != source.last.until:
        known = ReadRows(last, source.looked_at)
    else:
        return
    lake.put(spec.project, _object(zone), known.encoded())


def _name(zone: LandingZone, key: str) -> str:
    """Return the key of a delivery as the lake has it: of a feature table, after the name of the table."""
    return f"{zone.table}/{key}" if zone.table else key


def _table(key: str) -> str:
    return key.rpartition("/")[0]


def _object(zone: LandingZone) -> str:
    return "-".join(["extract", zone.kind, *([zone.table] if zone.table else [])])
