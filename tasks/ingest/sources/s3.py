"""A bucket, or a part of one, as a landing place; Amazon's or any store that speaks S3."""

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
    """The objects of a bucket below a prefix (empty, or ending in `/`); `endpoint` is None for Amazon's own.

    `marker` is the spec's `complete_marker`: such objects are listed too.
    """

    bucket: str
    prefix: str
    endpoint: str | None = None
    addressing: Addressing = "auto"
    marker: str | None = None

    def list(self) -> list[StoredObject]:
        """Return every delivery below the prefix, in the order of its keys; the listing has no limit.

        Raises
        ------
        SourceError
            When the bucket is missing or closed to these credentials.
        Unreachable
            When the store does not answer.
        """
        with self._faults("listed"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            found = [
                StoredObject(each["Key"].removeprefix(self.prefix), each["Size"], each["LastModified"])
                for page in pages
                for each in page.get("Contents", [])
                if not each["Key"].endswith("/")
            ]
        return sorted((each for each in found if is_delivery(each.key, self.marker)), key=lambda each: each.key)

    def read(self, key: str) -> bytes:
        """Return the content of one object, as long as the store says it is.

        Raises
        ------
        SourceError
            When the object is gone or closed to these credentials.
        Unreachable
            When the store does not answer, or the download did not come out whole.
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
            When it is closed to these credentials.
        Unreachable
            When the store does not answer, or the download did not come out whole.
        """
        from botocore.exceptions import ClientError

        name = self.prefix + listed.key
        with self._faults(f"read at {name!r}"):
            try:
                sha256 = download(self._client, self.bucket, name, out)
            except ClientError as error:
                if code_of(error) in GONE:
                    raise Conflict(f"s3://{self.bucket}/{name} was taken away since it was listed") from error
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
