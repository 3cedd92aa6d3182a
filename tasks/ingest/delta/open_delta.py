"""Opens the Delta table of a landing zone after the version that was taken in last."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tasks.ingest.delta.delta_source import DeltaSource, DeltaTerms
from tasks.ingest.landing.landing_zones import LandingZone
from tasks.ingest.readers.bounds import Bounds
from tasks.ingest.tables.open_table import Folders
from tasks.lake import Deliveries, s3_options
from tasks.spec import ProjectSpec
from tasks.spec.own_names import delivered_name


def open_delta(
    zone: LandingZone, spec: ProjectSpec, taken: Deliveries, folders: Folders, moment: datetime
) -> DeltaSource:
    """Return the source of a landing zone with a Delta table; nothing is read yet.

    Parameters
    ----------
    taken : Deliveries
        What was taken in before.
    moment : datetime
        The present, with its time zone.
    """
    prefix = f"{zone.table}/" if zone.table else ""
    names = (name for kind, name in taken.newest_of_keys() if kind == zone.kind and name.startswith(prefix))
    own = folders.extracts / "-".join(["delta", zone.kind, *([zone.table] if zone.table else [])])
    own.mkdir(parents=True)
    key = () if zone.kind == "features" else tuple(map(delivered_name, spec.key_columns))
    is_remote = zone.uri.startswith("s3://")
    return DeltaSource(
        zone.uri if is_remote else str(_folder(zone.uri, folders.project)),
        s3_options(os.environ, spec.source.s3_endpoint) if is_remote else {},
        DeltaTerms(
            own.name, key, frozenset(map(delivered_name, spec.privacy.drop)), bounds=Bounds(spec.ingest.memory_mb)
        ),
        frozenset(name.removeprefix(prefix) for name in names),
        own,
        moment,
        spec.schedule.time_zone,
    )


def _folder(uri: str, project: Path) -> Path:
    """Return the folder of a table, which may be relative to that of the project."""
    return project / (unquote(urlsplit(uri).path) if uri.startswith("file://") else uri)
