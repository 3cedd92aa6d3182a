"""Copies the objects of one delivery out of the landing zone, verified, into memory or into files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path

from tasks.ingest.landing.path_columns import path_columns as columns_of
from tasks.ingest.read_delivery import batch_id_of_parts
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.sealed_file import SealedFile
from tasks.ingest.sources.stored_objects import DeliverySource, StoredObject


def fetched(
    source: DeliverySource, parts: Sequence[StoredObject], folder: Path | None, path_columns: Collection[str] = ()
) -> tuple[str, list[Content]]:
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
    path_columns : collection of str
        The columns of the rows that the paths of the objects have: equal contents with other values are other batches.

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
            sha256s.append(_with_path(source.copy(listed, memory), listed.key, path_columns))
            contents.append(Content.of(listed.key, memory.getvalue()))
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number:06}"
        with SealedFile(path) as file:
            sha256s.append(_with_path(source.copy(listed, file), listed.key, path_columns))
        contents.append(Content(listed.key, listed.size_bytes, file.opened))
    return batch_id_of_parts(sha256s), contents


def _with_path(sha256: str, key: str, names: Collection[str]) -> str:
    """Return the digest of a content and of the columns that its path has.

    >>> one, other = (_with_path("ab", f"zone={zone}/x.csv", ["zone"]) for zone in ("a", "b"))
    >>> one == other, one == _with_path("ab", "day=1/zone=a/y.csv", ["zone"]), _with_path("ab", "zone=a/x.csv", [])
    (False, True, 'ab')
    """
    if not names:
        return sha256
    values = columns_of(key)
    parts = [sha256, *(f"{name}={values.get(name)!r}" for name in sorted(names))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
