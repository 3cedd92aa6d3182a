"""Ingest: a landing place in, deliveries out: what landed up to a night, its bytes, its rows as they were delivered.

Nothing is reinterpreted here. What cannot be read at all is an `Unreadable` value, not an exception: one broken file
is one quarantined batch and no broken night.
"""

from tasks.ingest.delivery import batch_id, delivered
from tasks.ingest.landing import Arrivals, Unplaced, landed
from tasks.ingest.parse import Unreadable, parsed
from tasks.ingest.privacy import private, secret
from tasks.ingest.sources import FolderSource, LandingPlace, S3Source, StoredObject, open_source

__all__ = [
    "Arrivals",
    "FolderSource",
    "LandingPlace",
    "S3Source",
    "StoredObject",
    "Unplaced",
    "Unreadable",
    "batch_id",
    "delivered",
    "landed",
    "open_source",
    "parsed",
    "private",
    "secret",
]
