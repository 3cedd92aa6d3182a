"""Downloads one object completely: resumed after an interruption, compared with every checksum of the store.

Compared are the size, always; the SHA-256, SHA-1 or CRC32 that the object was uploaded with; and the ETag where it is
an MD5, as for objects uploaded in one part and not encrypted with a customer key. Not noticed is a flipped bit in an
object uploaded in several parts without any of these checksums, over a connection without TLS.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING, Any, BinaryIO

from tasks.errors import Unreachable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 5
WAIT_SECONDS = 0.2
BLOCK_BYTES = 2**20
PARTIAL = 206
MD5 = re.compile(r'"?([0-9a-f]{32})"?')


@dataclass(frozen=True, slots=True)
class StoredChecksums:
    """The size, ETag and checksums of an object in the first response of the store."""

    size_bytes: int
    etag: str
    checksums: Mapping[str, str]

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> StoredChecksums:
        """Return them from the response to a GET of the whole object, or to a HEAD."""
        names = {"ChecksumSHA256": "sha256", "ChecksumSHA1": "sha1", "ChecksumCRC32": "crc32"}
        checksums = {name: str(response[header]) for header, name in names.items() if header in response}
        checksums = {} if response.get("ChecksumType") == "COMPOSITE" else checksums
        own_key = response.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in response
        etag = str(response.get("ETag", ""))
        if not own_key and (md5 := MD5.fullmatch(etag)):
            checksums |= {"md5": md5[1]}
        whole = {name: text for name, text in checksums.items() if "-" not in text}
        return cls(int(response["ContentLength"]), etag, whole)


@dataclass(slots=True)
class _Received:
    """The part of an object that is received so far."""

    stored: StoredChecksums
    size_bytes: int = 0
    crc32: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)
    others: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hashes = {"md5": hashlib.md5, "sha1": hashlib.sha1}
        needed = {name: new for name, new in hashes.items() if name in self.stored.checksums}
        self.others = {name: new(usedforsecurity=False) for name, new in needed.items()}

    def add(self, block: bytes) -> None:
        self.size_bytes += len(block)
        self.sha256.update(block)
        self.crc32 = zlib.crc32(block, self.crc32)
        for digest in self.others.values():
            digest.update(block)

    def fault(self) -> str:
        """Return how the received object differs from the stored one; an empty text if it does not."""
        if self.size_bytes != self.stored.size_bytes:
            return f"expected {self.stored.size_bytes} bytes, received {self.size_bytes}"
        digests = {name: digest.digest() for name, digest in self.others.items()}
        digests |= {"sha256": self.sha256.digest(), "crc32": self.crc32.to_bytes(4, "big")}
        differing = [name for name, text in self.stored.checksums.items() if _encoded(name, digests[name]) != text]
        message = f"checksum mismatch ({', '.join(sorted(differing))}): bits changed on the way"
        return message if differing else ""


def download(client: S3Client, bucket: str, name: str, out: BinaryIO) -> str:
    """Write an object to an empty, seekable file; return the sha256 of its content.

    Raises
    ------
    Unreachable
        When no attempt received it completely.
    botocore.exceptions.ClientError, BotoCoreError
        When the store refuses, or does not respond.
    """
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    received, fault = None, ""
    for attempt in range(ATTEMPTS):
        sleep(WAIT_SECONDS * (2**attempt - 1))
        response, current = _requested(client, bucket, name, received)
        if current is not received:
            out.seek(0)
            out.truncate()
        received = current
        try:
            for block in response["Body"].iter_chunks(BLOCK_BYTES):
                out.write(block)
                received.add(block)
        except (BotoCoreError, HTTPError, OSError) as error:
            fault = str(error)
            if received.size_bytes < received.stored.size_bytes:
                continue  # the next attempt requests the rest
        fault = received.fault()
        if not fault:
            return str(received.sha256.hexdigest())
        received = None
    raise Unreachable(
        f"s3://{bucket}/{name} was not received completely in {ATTEMPTS} attempts: {fault}; read it again"
    )


def _requested(
    client: S3Client, bucket: str, name: str, received: _Received | None
) -> tuple[Mapping[str, Any], _Received]:
    """Request the missing part; return the response, and the object it is part of: a new one if it was replaced."""
    if received is not None and received.size_bytes:
        rest = client.get_object(Bucket=bucket, Key=name, Range=f"bytes={received.size_bytes}-")
        if rest["ResponseMetadata"]["HTTPStatusCode"] == PARTIAL and rest.get("ETag", "") == received.stored.etag:
            return dict(rest), received
        rest["Body"].close()
    whole = client.get_object(Bucket=bucket, Key=name)
    return dict(whole), _Received(StoredChecksums.of(whole))


def _encoded(name: str, digest: bytes) -> str:
    return digest.hex() if name == "md5" else base64.b64encode(digest).decode()
