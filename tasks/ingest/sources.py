"""The two kinds of landing place, and the one way to open them from a spec."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tasks.errors import SourceError
from tasks.ingest.folder import FolderSource
from tasks.ingest.objects import LandingPlace, StoredObject
from tasks.ingest.s3 import S3Source
from tasks.spec.models import Source

__all__ = ["FolderSource", "LandingPlace", "S3Source", "StoredObject", "open_source"]


def open_source(uri: str, spec_folder: Path, source: Source) -> FolderSource | S3Source:
    """Return the landing place a uri names; nothing is read yet.

    Parameters
    ----------
    uri : str
        `source.uri` or `source.label.uri`: `s3://bucket/prefix`, `file:///folder`, or a folder.
    spec_folder : Path
        Where project.yaml is; a relative folder is looked for beside it.
    source : Source
        For the address of an S3-compatible store.

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
    S3Source(bucket='lake', prefix='landing/', endpoint=None)
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        if not parts.netloc:
            raise SourceError(f"found {uri!r}; expected s3://bucket/prefix: the bucket is missing")
        prefix = parts.path.strip("/")
        return S3Source(parts.netloc, f"{prefix}/" if prefix else "", source.s3_endpoint)
    if parts.scheme in {"", "file"}:
        return FolderSource(spec_folder / (parts.path if parts.scheme else uri))
    raise SourceError(f"found {uri!r}; expected a folder or s3://bucket/prefix; {parts.scheme}:// is not known")
