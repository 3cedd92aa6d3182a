"""The objects of one delivery, copied out of the landing place and verified: in memory, or into files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from tasks.ingest.read_delivery import batch_id_of_parts
from tasks.ingest.readers.object_content import Content
from tasks.ingest.sources.stored_objects import LandingPlace, StoredObject


def fetched(place: LandingPlace, parts: Sequence[StoredObject], folder: Path | None) -> tuple[str, list[Content]]:
    """Return the batch's id, from the sha256 of each object, and the objects.

    Parameters
    ----------
    place : LandingPlace
        Where they are.
    parts : sequence of StoredObject
        As they were listed.
    folder : Path, optional
        Where to keep what is too large for memory: it is made, and must be there while the contents are read.

    Raises
    ------
    Conflict
        When an object is gone, or is not what the listing showed any more.
    SourceError, Unreachable
        When one cannot be read at all, or not now.
    """
    sha256s, contents = [], []
    for number, listed in enumerate(parts):
        if folder is None:
            memory = BytesIO()
            sha256s.append(place.copy(listed, memory))
            contents.append(Content.of(listed.key, memory.getvalue()))
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number:06}"
        with path.open("wb") as file:
            sha256s.append(place.copy(listed, file))
        contents.append(Content(listed.key, listed.size_bytes, partial(_opened, path)))
    return batch_id_of_parts(sha256s), contents


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")
