"""A bucket, or a prefix of it, as the source of deliveries; on Amazon S3 or a compatible store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from tasks.errors import Conflict
from tasks.ingest.sources.download import download
from tasks.ingest.sources.s3_client import GONE, UNREADABLE, Addressing, code_of, our_errors, s3_client
from tasks.ingest.sources.stored_objects import FileFault, StoredObject, is_delivery, is_file_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from _typeshed import ReadableBuffer as Buffer
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


class _TooLargeError(Exception):
    """An object has more bytes than may be received."""


class _Limited(BytesIO):
    """Memory that takes so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes = most_bytes

    def write(self, block: Buffer) -> int:
        """Write a block, or refuse it."""
        if self.tell() + len(memoryview(block)) > self._most_bytes:
            raise _TooLargeError
        return super().write(block)


@dataclass(frozen=True)
class S3Source:
    """The objects of a bucket with a prefix (empty, or ending in `/`); `endpoint` is None for Amazon.

    `marker` is the spec's `complete_marker`: such objects are listed as well. `files` is what follows the prefix of the
    files that rows name: they are not listed.
    """

    bucket: str
    prefix: str
    endpoint: str | None = None
    addressing: Addressing = "auto"
    marker: str | None = None
    files: str | None = None

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
            objects = [
                StoredObject(entry["Key"].removeprefix(self.prefix), entry["Size"], entry["LastModified"])
                for entry in self._entries(self.prefix)
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

    def read_file(self, name: str, most_bytes: int) -> bytes | FileFault:
        """Return the content of an object that a row names, verified, or why it cannot be used.

        Parameters
        ----------
        name : str
            What follows the prefix and `files`.
        most_bytes : int
            Of a larger object no more is received.

        Raises
        ------
        SourceError
            When the credentials have no access.
        Unreachable
            When the store does not answer, or the download was incomplete.
        """
        from botocore.exceptions import ClientError

        if not is_file_name(name):
            return "file_name"
        key, content = f"{self.prefix}{self.files}/{name}", _Limited(most_bytes)
        with self._faults(f"read at {key!r}"):
            try:
                download(self._client, self.bucket, key, content)
            except ClientError as error:
                if code_of(error) in UNREADABLE:
                    return "file_missing"
                raise
            except _TooLargeError:
                return "file_too_large"
        return content.getvalue()

    def _entries(self, prefix: str) -> Iterator[ObjectTypeDef]:
        """Yield the objects with a prefix; those of the files that rows name are not even asked for."""
        apart = f"{self.prefix}{self.files}/"
        within = self.files is not None and apart.startswith(prefix)
        listing = self._client.get_paginator("list_objects_v2")
        pages = (
            listing.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
            if within
            else listing.paginate(Bucket=self.bucket, Prefix=prefix)
        )
        for page in pages:
            yield from page.get("Contents", [])
            for folder in page.get("CommonPrefixes", []):
                if folder["Prefix"] != apart:
                    yield from self._entries(folder["Prefix"])

    @cached_property
    def _client(self) -> S3Client:
        return s3_client(self.endpoint, self.addressing)

    def _faults(self, what: str) -> AbstractContextManager[None]:
        where = f"s3://{self.bucket}/{self.prefix} at {self.endpoint or 'Amazon'} cannot be {what}"
        return our_errors(where)
