"""Ingest: a landing place in, deliveries out: what landed up to a night, its bytes, its rows as they were delivered.

Nothing is reinterpreted here. What cannot be read at all is an `Unreadable` value, not an exception: one broken file
is one quarantined batch and no broken night. What is too large to be held is read once, made private, and kept on disk
in pieces.
"""

from tasks.ingest.landing.arrivals import Arrivals, Unplaced, landed
from tasks.ingest.landing.fetch import fetched
from tasks.ingest.privacy import private, secret
from tasks.ingest.read_delivery import batch_id, batch_id_of_parts, delivered, delivery
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.parse import parsed
from tasks.ingest.readers.unreadable import Unreadable
from tasks.ingest.sources.open_source import FolderSource, LandingPlace, S3Source, StoredObject, open_source

__all__ = [
    "Arrivals",
    "Content",
    "FolderSource",
    "LandingPlace",
    "S3Source",
    "StoredObject",
    "Unplaced",
    "Unreadable",
    "batch_id",
    "batch_id_of_parts",
    "delivered",
    "delivery",
    "fetched",
    "landed",
    "open_source",
    "parsed",
    "private",
    "secret",
]
