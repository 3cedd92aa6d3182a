"""The two kinds of landing place, and the one way to open them from a spec."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from tasks.errors import SourceError
from tasks.ingest.sources.folder import FolderSource
from tasks.ingest.sources.s3 import S3Source
from tasks.ingest.sources.stored_objects import LandingPlace, StoredObject
from tasks.spec.data_sections import Files, Source

__all__ = ["FolderSource", "LandingPlace", "S3Source", "StoredObject", "open_source"]


def open_source(uri: str, spec_folder: Path, source: Source, files: Files | None = None) -> FolderSource | S3Source:
    """Return the landing place a uri names; nothing is read yet.

    Parameters
    ----------
    uri : str
        `source.uri` or `source.label.uri`: `s3://bucket/prefix`, `file:///folder`, or a folder.
    spec_folder : Path
        Where project.yaml is; a relative folder is looked for beside it.
    source : Source
        For the address of an S3-compatible store.
    files : Files, optional
        How the files of this place are written, if it is not that of the rows.

    Raises
    ------
    SourceError
        When the uri is of another kind, or names no bucket.

    Examples
    --------
    >>> text = {"uri": "landing", "id": ["id"], "event_time": "time", "label": {"column": "price"}}
    >>> source = Source.model_validate(text)
    >>> open_source("landing/sales", Path("/projects/houses"), source).root.as_posix()
    '/projects/houses/landing/sales'
    >>> open_source("s3://lake/landing", Path("/projects/houses"), source)
    S3Source(bucket='lake', prefix='landing/', endpoint=None, addressing='auto', marker=None)
    """
    marker = (files or source).complete_marker
    scheme, known, _ = uri.partition("://")
    if not known:
        return FolderSource(spec_folder / uri, marker)
    if scheme == "s3":
        return S3Source(*split_s3(uri), source.s3_endpoint, source.s3_addressing, marker)
    if scheme == "file":
        return FolderSource(spec_folder / unquote(urlsplit(uri).path), marker)
    raise SourceError(f"found {uri!r}; expected a folder or s3://bucket/prefix; {scheme}:// is not known")


def split_s3(uri: str) -> tuple[str, str]:
    """Return the bucket of an address in S3, and the prefix: empty, or ending in `/`.

    Every character may stand in a key, so nothing of it is taken for a query or an escape.

    Raises
    ------
    SourceError
        When it is no such address, or names no bucket.

    Examples
    --------
    >>> split_s3("s3://lake/a b/100%?#"), split_s3("s3://lake")
    (('lake', 'a b/100%?#/'), ('lake', ''))
    """
    bucket, _, path = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise SourceError(f"found {uri!r}; expected s3://bucket/prefix: the bucket is missing")
    prefix = path.strip("/")
    return bucket, f"{prefix}/" if prefix else ""
