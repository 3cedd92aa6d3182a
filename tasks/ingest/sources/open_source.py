"""Opens the landing zones of a spec: folders, and buckets of S3."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from tasks.errors import SourceError
from tasks.ingest.sources.folder import FolderSource
from tasks.ingest.sources.s3 import S3Source
from tasks.ingest.sources.stored_objects import DeliverySource, StoredObject
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.spec_sections.source_sections import Source

__all__ = ["DeliverySource", "FolderSource", "S3Source", "StoredObject", "open_source"]


def open_source(uri: str, spec_folder: Path, source: Source, files: Files | None = None) -> FolderSource | S3Source:
    """Return the source that a uri names; nothing is read yet.

    Parameters
    ----------
    uri : str
        `source.uri` or `source.label.uri`: `s3://bucket/prefix`, `file:///folder`, or a folder.
    spec_folder : Path
        The folder of project.yaml, which a relative folder is relative to.
    source : Source
        For the address of an S3-compatible store.
    files : Files, optional
        The file format of the landing zone, if it is not that of the rows.

    Raises
    ------
    SourceError
        When the uri has another scheme, or names no bucket.

    Examples
    --------
    >>> text = {"uri": "landing", "id": ["id"], "event_time": "time", "label": {"column": "price"}}
    >>> source = Source.model_validate(text)
    >>> open_source("landing/sales", Path("/projects/houses"), source).root.as_posix()
    '/projects/houses/landing/sales'
    >>> open_source("s3://lake/landing", Path("/projects/houses"), source)
    S3Source(bucket='lake', prefix='landing/', endpoint=None, addressing='auto', marker=None, files=None)
    """
    marker = (files or source).complete_marker
    named = source.files.folder if source.files is not None and uri == source.uri else None
    scheme, has_scheme, _ = uri.partition("://")
    if not has_scheme:
        return FolderSource(spec_folder / uri, marker, named)
    if scheme == "s3":
        return S3Source(*split_s3(uri), source.s3_endpoint, source.s3_addressing, marker, named)
    if scheme == "file":
        return FolderSource(spec_folder / unquote(urlsplit(uri).path), marker, named)
    raise SourceError(f"found {uri!r}; expected a folder or s3://bucket/prefix; {scheme}:// is not supported")


def split_s3(uri: str) -> tuple[str, str]:
    """Return the bucket of an S3 uri, and the prefix, which is empty or ends in `/`.

    A key may contain any character, so no part of the uri is read as a query or an escape.

    Raises
    ------
    SourceError
        When it is no such uri, or names no bucket.

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
