"""What Leeway relies on in an S3 store, tried out: each property with what happened, and what to do without it.

Everything is written below one prefix of its own, and removed again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.errors import Error
from tasks.ingest.sources.s3_client import Addressing, code_of, our_errors, s3_client, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ODD_KEYS = ("a b", "a+b", "a%20b", "ü/日本", "a&b=c?d#e", "a'(b)!~@,;:$")
PAGED = 5
PAGE = 2
REFUSED = {409, 412}
CONTENT = b"leeway was here"


@dataclass(frozen=True, slots=True)
class Store:
    """A bucket and the part of it that may be tried on (`prefix` empty, or ending in `/`), and where it is."""

    bucket: str
    prefix: str
    endpoint: str | None = None
    addressing: Addressing = "auto"


@dataclass(frozen=True, slots=True)
class Property:
    """One thing that was tried: whether it holds, whether Leeway needs it, what was seen, and what to do without it."""

    name: str
    holds: bool
    needed: bool
    seen: str
    instead: str


def probed(store: Store, run: str) -> list[Property]:
    """Try a store; return every property in a fixed order.

    Parameters
    ----------
    store : Store
        Where; the credentials come from the usual AWS chain, and must be allowed to list, read, write and delete there.
    run : str
        A name that nobody else uses: the prefix of what is written.

    Raises
    ------
    SourceError
        When nothing can be written there at all.
    Unreachable
        When the store does not answer.
    """
    client = s3_client(store.endpoint, store.addressing)
    tried = _Trial(client, store.bucket, f"{store.prefix}.leeway-doctor-{run}/")
    with our_errors(f"s3://{store.bucket}/{store.prefix} at {store.endpoint or 'Amazon'} cannot be tried"):
        try:
            tried.put("first", CONTENT)
            found = [_told(probe, tried, needed=True) for probe in NEEDED]
            return found + [_told(probe, tried, needed=False) for probe in HELPFUL]
        finally:
            tried.remove()


@dataclass(frozen=True)
class _Trial:
    client: S3Client
    bucket: str
    prefix: str
    written: set[str] = field(default_factory=set)

    def put(self, key: str, content: bytes) -> None:
        self.written.add(key)
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=content)

    def put_if_new(self, key: str, content: bytes) -> int:
        """Write an object unless it is there; return the status of the answer."""
        from botocore.exceptions import ClientError

        self.written.add(key)
        try:
            answer = self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            return status_of(error)
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])

    def get(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()

    def listed(self, below: str = "", page: int = 1000) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + below, PaginationConfig={"PageSize": page}
        )
        return [each["Key"].removeprefix(self.prefix) for found in pages for each in found.get("Contents", [])]

    def remove(self) -> None:
        from botocore.exceptions import ClientError

        for key in sorted(self.written):
            try:
                self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)
            except ClientError:  # what could not be written may be refused here as well
                continue


@dataclass(frozen=True, slots=True)
class _Probe:
    """A trial says what is wrong, and nothing when it went well."""

    name: str
    instead: str
    trial: Callable[[_Trial], str]


def _told(probe: _Probe, tried: _Trial, *, needed: bool) -> Property:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        wrong = probe.trial(tried)
    except ClientError as error:
        wrong = f"the store answered {code_of(error)} ({status_of(error)})"
    except (BotoCoreError, Error, ValueError) as error:
        wrong = str(error)
    return Property(probe.name, not wrong, needed, wrong or "as expected", probe.instead)


def _read_after_write(tried: _Trial) -> str:
    for number in range(3):
        tried.put("again", f"{number}".encode())
        if tried.get("again") != f"{number}".encode():
            return "what was written last is not what is read"
    return ""


def _list_after_write(tried: _Trial) -> str:
    tried.put("listed/one", CONTENT)
    return "" if "listed/one" in tried.listed("listed/") else "an object just written is not in the listing"


def _list_after_delete(tried: _Trial) -> str:
    tried.put("gone/one", CONTENT)
    tried.client.delete_object(Bucket=tried.bucket, Key=f"{tried.prefix}gone/one")
    return "an object just deleted is still in the listing" if tried.listed("gone/") else ""


def _conditional_put(tried: _Trial) -> str:
    first, second = tried.put_if_new("once", b"first"), tried.put_if_new("once", b"second")
    if first in REFUSED or second not in REFUSED:
        return f"with If-None-Match: * the first write was answered {first}, the second {second}"
    return "" if tried.get("once") == b"first" else "the write that was refused took effect all the same"


def _conditional_race(tried: _Trial) -> str:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: tried.put_if_new("race", b"%d" % number), range(8)))
    winners = sum(answer not in REFUSED for answer in answers)
    return "" if winners == 1 else f"{winners} of 8 writers at once were told that they were first"


def _paging(tried: _Trial) -> str:
    keys = [f"pages/{number}" for number in range(PAGED)]
    for key in keys:
        tried.put(key, b"")
    found = tried.listed("pages/", PAGE)
    return "" if found == keys else f"{len(found)} of {PAGED} objects came in pages of {PAGE}"


def _odd_keys(tried: _Trial) -> str:
    def lost(key: str) -> bool:
        tried.put(f"odd/{key}", key.encode())
        return tried.get(f"odd/{key}") != key.encode() or f"odd/{key}" not in tried.listed("odd/")

    wrong = [key for key in ODD_KEYS if lost(key)]
    return f"keys such as {wrong} are not what they were" if wrong else ""


def _ranges(tried: _Trial) -> str:
    answer = tried.client.get_object(Bucket=tried.bucket, Key=f"{tried.prefix}first", Range="bytes=7-")
    return "" if answer["Body"].read() == CONTENT[7:] else "a part of an object is not that part"


def _md5(tried: _Trial) -> str:
    head = tried.client.head_object(Bucket=tried.bucket, Key=f"{tried.prefix}first")
    wanted = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    return "" if head["ETag"].strip('"') == wanted else "the ETag of a plain object is not its MD5"


def _checksums(tried: _Trial) -> str:
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    tried.written.add("sum")
    name = f"{tried.prefix}sum"
    tried.client.put_object(Bucket=tried.bucket, Key=name, Body=CONTENT, ChecksumSHA256=digest)
    head = tried.client.head_object(Bucket=tried.bucket, Key=name, ChecksumMode="ENABLED")
    return "" if head.get("ChecksumSHA256") == digest else "the SHA-256 an object is uploaded with is not given back"


def _wrong_checksum(tried: _Trial) -> str:
    from botocore.exceptions import ClientError

    digest = base64.b64encode(hashlib.sha256(b"something else").digest()).decode()
    tried.written.add("wrong")
    try:
        tried.client.put_object(Bucket=tried.bucket, Key=f"{tried.prefix}wrong", Body=CONTENT, ChecksumSHA256=digest)
    except ClientError:
        return ""
    return "an upload whose SHA-256 is wrong is accepted"


def _several_parts(tried: _Trial) -> str:
    tried.written.add("parts")
    client, bucket, name = tried.client, tried.bucket, f"{tried.prefix}parts"
    begun = client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
    part = client.upload_part(Bucket=bucket, Key=name, UploadId=begun, PartNumber=1, Body=CONTENT)
    client.complete_multipart_upload(
        Bucket=bucket,
        Key=name,
        UploadId=begun,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    return "" if tried.get("parts") == CONTENT else "an object put in parts is not what was put"


ELSEWHERE = "use another store: Leeway cannot keep its promises here"
ALONE = "use another store for the lake, or never let two writers work at once"
PLAIN = "deliver under keys of plain letters and digits"
NEEDED = (
    _Probe("read after write", ELSEWHERE, _read_after_write),
    _Probe("list after write", ELSEWHERE, _list_after_write),
    _Probe("list after delete", ELSEWHERE, _list_after_delete),
    _Probe("conditional put (If-None-Match)", ALONE, _conditional_put),
    _Probe("one winner of a race", ALONE, _conditional_race),
    _Probe("listings in pages", ELSEWHERE, _paging),
    _Probe("keys with odd characters", PLAIN, _odd_keys),
    _Probe("a part of an object (Range)", ELSEWHERE, _ranges),
    _Probe("objects put in several parts", ELSEWHERE, _several_parts),
)
HELPFUL = (
    _Probe("ETag is the MD5", "flipped bits are found only in objects uploaded with a sum; use TLS", _md5),
    _Probe("checksums are kept", "flipped bits are found by the MD5 alone; use TLS", _checksums),
    _Probe("wrong checksums are refused", "use TLS, so that uploads come whole", _wrong_checksum),
)
