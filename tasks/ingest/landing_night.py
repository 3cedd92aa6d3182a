"""What has landed for one night: in folders, in buckets, and in tables of databases and of Delta."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from tasks.ingest.delta.open_delta import open_delta
from tasks.ingest.landing.arrivals import Unplaced, landed
from tasks.ingest.landing.landing_zones import LandingZone, landing_zones, served_zones
from tasks.ingest.sources.open_source import FolderSource, open_source
from tasks.ingest.sources.stored_objects import DeliverySource, StoredObject
from tasks.ingest.tables.open_table import Folders, keep_read_rows, open_table
from tasks.ingest.tables.table_source import TableSource
from tasks.lake import Deliveries, Lake
from tasks.logs import line, logger
from tasks.records import Landed
from tasks.serving_store.logged_rows import SERVED
from tasks.spec import ProjectSpec
from tasks.spec.landing_sections.decisions_section import DECISIONS, SERVED_DECISIONS
from tasks.spec.landing_sections.feedback_section import FEEDBACK, SERVED_FEEDBACK

LATER = frozenset({SERVED, FEEDBACK, SERVED_FEEDBACK, DECISIONS, SERVED_DECISIONS})
"""Zones with a folder that is made with the first file."""


@dataclass(frozen=True)
class LandingNight:
    """The landing zones of a project, as one night looks at them.

    Parameters
    ----------
    folder : Path
        The folder of project.yaml.
    taken : Deliveries
        What was taken in before.
    night : date
        Later deliveries are left for later nights.
    moment : datetime
        The present, with its time zone.
    """

    lake: Lake
    spec: ProjectSpec
    folder: Path
    taken: Deliveries
    night: date
    moment: datetime

    def arrived(self) -> Iterator[tuple[DeliverySource, list[StoredObject], Landed]]:
        """Yield what arrived up to the night, with its source and its objects; read it before the next one."""
        with TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True) as extracts:
            for zone in (*landing_zones(self.spec), *served_zones(self.spec)):
                source = self._source(zone, Path(extracts))
                if source is not None:
                    yield from self._deliveries(zone, source)

    def _source(self, zone: LandingZone, extracts: Path) -> DeliverySource | None:
        """Return a landing zone; None where nothing can have landed for the night."""
        if zone.files.database is not None:
            today = self.moment.astimezone(ZoneInfo(self.spec.schedule.time_zone)).date()
            if self.night < today:  # what a table has now arrives now
                return None
            return open_table(zone, self.spec, self.lake, self.taken, Folders(self.folder, extracts), self.moment)
        if zone.files.format == "delta":
            return open_delta(zone, self.spec, self.taken, Folders(self.folder, extracts), self.moment)
        source = open_source(zone.uri, self.folder, self.spec.source, zone.files)
        if zone.table in LATER and isinstance(source, FolderSource) and not source.exists:
            return None
        return source

    def _deliveries(
        self, zone: LandingZone, source: DeliverySource
    ) -> Iterator[tuple[DeliverySource, list[StoredObject], Landed]]:
        listing = {stored.key: stored for stored in source.list()}
        if isinstance(source, TableSource):
            keep_read_rows(self.lake, self.spec, zone, source, list(listing))
        arrivals = landed(listing.values(), zone.kind, self.spec, self.night, self.moment, zone.table)
        links = [Unplaced(key, "link_not_followed") for key in source.unfollowed()]
        for ignored in (*arrivals.unplaced, *links):
            logger().warning(line("object_left_alone", key=ignored.key, why=ignored.reason))
        for waiting in arrivals.waiting:
            logger().info(line("delivery_waits", key=waiting.key, why=waiting.reason))
        for arrived in arrivals.landed:
            yield source, [listing[key] for key in arrived.parts or (arrived.key,)], arrived
