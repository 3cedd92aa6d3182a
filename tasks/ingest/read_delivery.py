"""From the bytes of its objects to a delivery: named by its content, read, and made private."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tasks.ingest.landing.landing_zones import files_of
from tasks.ingest.privacy import private, private_piece
from tasks.ingest.readers.chunks import Dialect, assembled, pieces
from tasks.ingest.readers.delivery_spool import spooled
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.unreadable import BrokenError, Unreadable
from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec


def batch_id(content: bytes) -> str:
    """Return the name of a batch: the sha256 of its content, so that the same content twice is the same batch.

    Examples
    --------
    >>> batch_id(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(content).hexdigest()


def batch_id_of_parts(sha256s: Sequence[str]) -> str:
    r"""Return the name of a batch of several objects: the same whatever they are called and in which order they come.

    A batch of one object is named as that object.

    Examples
    --------
    >>> batch_id_of_parts(["ab", "cd"]) == batch_id_of_parts(["cd", "ab"]) == batch_id(b"ab\ncd")
    True
    >>> batch_id_of_parts(["ab"])
    'ab'
    """
    return sha256s[0] if len(sha256s) == 1 else batch_id("\n".join(sorted(sha256s)).encode())


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
    return delivery([Content.of(landed.key, content)], batch_id(content), landed, spec, key)


def delivery(
    parts: Sequence[Content], name: str, landed: Landed, spec: ProjectSpec, key: bytes, spool: Path | None = None
) -> Delivery | Unreadable:
    """Return what the objects of one delivery brought; see `delivered`.

    Parameters
    ----------
    parts : sequence of Content
        Its objects, in the order of their keys.
    name : str
        The batch's id.
    spool : Path, optional
        Given for a delivery too large to be held: a folder that is made here for its rows, already private, and that
        must outlive the delivery.
    """
    try:
        found = pieces(parts, dialect(landed, spec))
        if spool is None:
            return Delivery(name, landed, private(assembled(found), spec.privacy, key))
        chunks = spooled((private_piece(each, spec.privacy, key) for each in found), spool)
    except BrokenError as error:
        return error.found
    return Delivery(name, landed, chunks.no_rows(), chunks)


def dialect(landed: Landed, spec: ProjectSpec) -> Dialect:
    """Return how the files of a delivery are written."""
    files = files_of(landed.kind, spec, landed.table)
    return Dialect(files.format, files.encoding, files.separator)
