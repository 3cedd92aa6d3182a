"""A delivery from the bytes of one file, as a night reads it."""

from __future__ import annotations

from tasks.ingest import Content, Unreadable, batch_id, delivery
from tasks.ingest.privacy import KeyOf
from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec


def delivered(content: bytes, landed: Landed, spec: ProjectSpec, key: bytes | KeyOf = b"") -> Delivery | Unreadable:
    """Return the delivery of one object."""
    return delivery([Content.of(landed.key, content)], batch_id(content), landed, spec, key)
