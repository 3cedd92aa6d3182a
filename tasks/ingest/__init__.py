"""Ingest: landing zones in, deliveries out: all that landed up to a night, with its rows as delivered.

No value is interpreted here. Content that cannot be read is an `Unreadable` value, not an exception: a broken file is a
quarantined batch, and the night goes on. A delivery too large for memory is read once, made private, and kept on
disk in chunks.
"""

from tasks.ingest.landing.arrivals import Arrivals, Unplaced, landed
from tasks.ingest.landing.fetch import fetched
from tasks.ingest.landing.landing_zones import LandingZone, landing_zones
from tasks.ingest.privacy import private, secret
from tasks.ingest.read_delivery import Spool, batch_id, batch_id_of_parts, delivery
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.parse import parsed
from tasks.ingest.readers.unreadable import Unreadable
from tasks.ingest.sources.open_source import DeliverySource, FolderSource, S3Source, StoredObject, open_source

__all__ = [
    "Arrivals",
    "Content",
    "DeliverySource",
    "FolderSource",
    "LandingZone",
    "S3Source",
    "Spool",
    "StoredObject",
    "Unplaced",
    "Unreadable",
    "batch_id",
    "batch_id_of_parts",
    "delivery",
    "fetched",
    "landed",
    "landing_zones",
    "open_source",
    "parsed",
    "private",
    "secret",
]
