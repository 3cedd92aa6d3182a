"""One object out of a store, whole: taken up again where it broke off, compared with every sum the store gives.

What is compared: the size always; the SHA-256, SHA-1 or CRC32 the object was uploaded with; and the ETag where it is an
MD5, which it is of objects put in one part and not encrypted with a key of one's own. What cannot be noticed: a flipped
bit in an object put in several parts without any of these sums, over a connection without TLS.
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
class Stated:
    """What the store says of an object, with its first answer."""

    size_bytes: int
    etag: str
    sums: Mapping[str, str]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Stated:
        """Return it from the answer to a whole GET or a HEAD."""
        names = {"ChecksumSHA256": "sha256", "ChecksumSHA1": "sha1", "ChecksumCRC32": "crc32"}
        sums = {ours: str(answer[theirs]) for theirs, ours in names.items() if theirs in answer}
        sums = {} if answer.get("ChecksumType") == "COMPOSITE" else sums
        plain = answer.get("ServerSideEncryption", "AES256") == "AES256" and "SSECustomerAlgorithm" not in answer
        etag = str(answer.get("ETag", ""))
        if plain and (md5 := MD5.fullmatch(etag)):
            sums |= {"md5": md5[1]}
        return cls(int(answer["ContentLength"]), etag, {name: text for name, text in sums.items() if "-" not in text})


@dataclass(slots=True)
class _Got:
    """What came so far of the object that the store first spoke of."""

    stated: Stated
    size_bytes: int = 0
    crc32: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)
    others: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made = {"md5": hashlib.md5, "sha1": hashlib.sha1}
        self.others = {name: make(usedforsecurity=False) for name, make in made.items() if name in self.stated.sums}

    def add(self, block: bytes) -> None:
        self.size_bytes += len(block)
        self.sha256.update(block)
        self.crc32 = zlib.crc32(block, self.crc32)
        for each in self.others.values():
            each.update(block)

    def fault(self) -> str:
        """Return what is wrong with all that came; nothing, if it is what the store said."""
        if self.size_bytes != self.stated.size_bytes:
            return f"{self.stated.size_bytes} bytes were said, {self.size_bytes} came"
        mine = {name: each.digest() for name, each in self.others.items()}
        mine |= {"sha256": self.sha256.digest(), "crc32": self.crc32.to_bytes(4, "big")}
        differing = [name for name, text in self.stated.sums.items() if _as_stated(name, mine[name]) != text]
        said = f"its {' and '.join(sorted(differing))} is not what the store says: bits were changed on the way"
        return said if differing else ""


def download(client: S3Client, bucket: str, name: str, out: BinaryIO) -> str:
    """Write an object to an empty file that can be written from its start again; return the sha256 of its content.

    Raises
    ------
    Unreachable
        When it did not come whole in a few attempts.
    botocore.exceptions.ClientError, BotoCoreError
        When the store refuses, or does not even begin to answer.
    """
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    got, wrong = None, ""
    for attempt in range(ATTEMPTS):
        sleep(WAIT_SECONDS * (2**attempt - 1))
        answer, begun = _answer(client, bucket, name, got)
        if begun is not got:
            out.seek(0)
            out.truncate()
        got = begun
        try:
            for block in answer["Body"].iter_chunks(BLOCK_BYTES):
                out.write(block)
                got.add(block)
        except (BotoCoreError, HTTPError, OSError) as error:
            wrong = str(error)
            if got.size_bytes < got.stated.size_bytes:
                continue  # the rest is asked for
        wrong = got.fault()
        if not wrong:
            return str(got.sha256.hexdigest())
        got = None
    raise Unreachable(f"s3://{bucket}/{name} did not come whole in {ATTEMPTS} attempts: {wrong}; read it again")


def _answer(client: S3Client, bucket: str, name: str, got: _Got | None) -> tuple[Mapping[str, Any], _Got]:
    """Ask for what is missing; return the answer, and what it adds to: something new when the object is another one."""
    if got is not None and got.size_bytes:
        rest = client.get_object(Bucket=bucket, Key=name, Range=f"bytes={got.size_bytes}-")
        if rest["ResponseMetadata"]["HTTPStatusCode"] == PARTIAL and rest.get("ETag", "") == got.stated.etag:
            return dict(rest), got
        rest["Body"].close()
    whole = client.get_object(Bucket=bucket, Key=name)
    return dict(whole), _Got(Stated.of(whole))


def _as_stated(name: str, digest: bytes) -> str:
    return digest.hex() if name == "md5" else base64.b64encode(digest).decode()
