"""A bucket, or a prefix of it, as the source of deliveries; on Amazon S3 or a compatible store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from tasks.errors import Conflict
from tasks.ingest.sources.download import download
from tasks.ingest.sources.s3_client import GONE, Addressing, code_of, our_errors, s3_client
from tasks.ingest.sources.stored_objects import StoredObject, is_delivery

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class S3Source:
    """The objects of a bucket with a prefix (empty, or ending in `/`); `endpoint` is None for Amazon.

    `marker` is the spec's `complete_marker`: such objects are listed as well.
    """

    bucket: str
    prefix: str
    endpoint: str | None = None
    addressing: Addressing = "auto"
    marker: str | None = None

    def list(self) -> list[StoredObject]:
        """Return all deliveries with the prefix, in the order of their keys; the listing has no limit.

        Raises
        ------
        SourceError
            When the bucket is missing, or the credentials have no access.
        Unreachable
            When the store does not answer.
        """
        with self._faults("listed"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            objects = [
                StoredObject(entry["Key"].removeprefix(self.prefix), entry["Size"], entry["LastModified"])
                for page in pages
                for entry in page.get("Contents", [])
                if not entry["Key"].endswith("/")
            ]
        return sorted((stored for stored in objects if is_delivery(stored.key, self.marker)), key=lambda one: one.key)

    def unfollowed(self) -> tuple[str, ...]:
        """Return no key: a bucket has no links."""
        return ()

    def read(self, key: str) -> bytes:
        """Return the content of one object, verified.

        Raises
        ------
        SourceError
            When the object is gone, or the credentials have no access.
        Unreachable
            When the store does not answer, or the download was incomplete.
        """
        content = BytesIO()
        with self._faults(f"read at {self.prefix + key!r}"):
            download(self._client, self.bucket, self.prefix + key, content)
        return content.getvalue()

    def copy(self, listed: StoredObject, out: BinaryIO) -> str:
        """Write one object to a file, verified; return the sha256 of its content.

        Raises
        ------
        Conflict
            When the object is gone, or has another size than in the listing.
        SourceError
            When the credentials have no access.
        Unreachable
            When the store does not answer, or the download was incomplete.
        """
        from botocore.exceptions import ClientError

        name = self.prefix + listed.key
        with self._faults(f"read at {name!r}"):
            try:
                sha256 = download(self._client, self.bucket, name, out)
            except ClientError as error:
                if code_of(error) in GONE:
                    raise Conflict(f"s3://{self.bucket}/{name} was removed since it was listed") from error
                raise
        if out.tell() != listed.size_bytes:
            raise Conflict(f"s3://{self.bucket}/{name} was written since it was listed; it is taken in next time")
        return sha256

    @cached_property
    def _client(self) -> S3Client:
        return s3_client(self.endpoint, self.addressing)

    def _faults(self, what: str) -> AbstractContextManager[None]:
        where = f"s3://{self.bucket}/{self.prefix} at {self.endpoint or 'Amazon'} cannot be {what}"
        return our_errors(where)
