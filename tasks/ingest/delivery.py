"""From the bytes of one object to a delivery: named by its content, read, and made private."""

from __future__ import annotations

import hashlib

from tasks.ingest.parse import Unreadable, parsed
from tasks.ingest.privacy import private
from tasks.records import Delivery, Landed
from tasks.spec.models import ProjectSpec


def batch_id(content: bytes) -> str:
    """Return the name of a batch: the sha256 of its content, so that the same content twice is the same batch.

    Examples
    --------
    >>> batch_id(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(content).hexdigest()


def delivered(content: bytes, landed: Landed, spec: ProjectSpec, key: bytes) -> Delivery | Unreadable:
    """Return what one object brought, as delivered but for what privacy forbids to keep.

    Parameters
    ----------
    content : bytes
        The whole object.
    landed : Landed
        Its place in the listing; the kind chooses the format.
    spec : ProjectSpec
        For the format and the privacy rules.
    key : bytes
        The key of the pseudonyms, from `tasks.ingest.privacy.secret`.
    """
    fmt = spec.source.format if landed.kind == "rows" else spec.source.label.format
    frame = parsed(content, landed.key, fmt)
    if isinstance(frame, Unreadable):
        return frame
    return Delivery(batch_id(content), landed, private(frame, spec.privacy, key))
