"""Copies the objects of one delivery out of the landing zone, verified, into memory or into files."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from tasks.ingest.read_delivery import batch_id_of_parts
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.sealed_file import SealedFile
from tasks.ingest.sources.stored_objects import DeliverySource, StoredObject


def fetched(source: DeliverySource, parts: Sequence[StoredObject], folder: Path | None) -> tuple[str, list[Content]]:
    """Return the batch id, made from the sha256 of each object, and the contents of the objects.

    Parameters
    ----------
    source : DeliverySource
        Where they are stored.
    parts : sequence of StoredObject
        The objects as listed.
    folder : Path, optional
        A folder for objects too large for memory, which are encrypted there: nothing is private yet. It is made here,
        and must exist while the contents are read.

    Raises
    ------
    Conflict
        When an object is gone, or was written since it was listed.
    SourceError, Unreachable
        When an object cannot be read, or not now.
    """
    sha256s, contents = [], []
    for number, listed in enumerate(parts):
        if folder is None:
            memory = BytesIO()
            sha256s.append(source.copy(listed, memory))
            contents.append(Content.of(listed.key, memory.getvalue()))
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number:06}"
        with SealedFile(path) as file:
            sha256s.append(source.copy(listed, file))
        contents.append(Content(listed.key, listed.size_bytes, file.opened))
    return batch_id_of_parts(sha256s), contents
