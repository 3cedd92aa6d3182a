"""Tests the properties of an S3 store that Leeway depends on: the result of each, and what to do without it.

All objects are written with a prefix of their own, and removed afterwards.
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
    """A bucket, a prefix in it for the test (empty, or ending in `/`), and its address."""

    bucket: str
    prefix: str
    endpoint: str | None = None
    addressing: Addressing = "auto"


@dataclass(frozen=True, slots=True)
class Property:
    """One property: whether the store has it, whether Leeway needs it, the observation, and what to do without it."""

    name: str
    holds: bool
    needed: bool
    seen: str
    instead: str


def probed(store: Store, run: str) -> list[Property]:
    """Test a store; return every property in a fixed order.

    Parameters
    ----------
    store : Store
        The store; the credentials of the AWS default chain need access to list, read, write and delete.
    run : str
        A unique name, for the prefix of the objects.

    Raises
    ------
    SourceError
        When no object can be written.
    Unreachable
        When the store does not answer.
    """
    client = s3_client(store.endpoint, store.addressing)
    trial = _Trial(client, store.bucket, f"{store.prefix}.leeway-doctor-{run}/")
    with our_errors(f"s3://{store.bucket}/{store.prefix} at {store.endpoint or 'Amazon'} cannot be tested"):
        try:
            trial.put("first", CONTENT)
            needed = [_tested(probe, trial, needed=True) for probe in NEEDED]
            return needed + [_tested(probe, trial, needed=False) for probe in HELPFUL]
        finally:
            trial.remove()


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
        """Write an object unless it exists; return the status of the response."""
        from botocore.exceptions import ClientError

        self.written.add(key)
        try:
            response = self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            return status_of(error)
        return int(response["ResponseMetadata"]["HTTPStatusCode"])

    def get(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()

    def listed(self, below: str = "", page: int = 1000) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + below, PaginationConfig={"PageSize": page}
        )
        return [entry["Key"].removeprefix(self.prefix) for listed in pages for entry in listed.get("Contents", [])]

    def remove(self) -> None:
        from botocore.exceptions import ClientError

        for key in sorted(self.written):
            try:
                self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)
            except ClientError:  # an object that was not written may be refused here as well
                continue


@dataclass(frozen=True, slots=True)
class _Probe:
    """A test of one property; `trial` returns what is wrong, and an empty text otherwise."""

    name: str
    instead: str
    trial: Callable[[_Trial], str]


def _tested(probe: _Probe, trial: _Trial, *, needed: bool) -> Property:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        wrong = probe.trial(trial)
    except ClientError as error:
        wrong = f"the store answered {code_of(error)} ({status_of(error)})"
    except (BotoCoreError, Error, ValueError) as error:
        wrong = str(error)
    return Property(probe.name, not wrong, needed, wrong or "as expected", probe.instead)


def _read_after_write(trial: _Trial) -> str:
    for number in range(3):
        trial.put("again", f"{number}".encode())
        if trial.get("again") != f"{number}".encode():
            return "an object that was just written is read with its earlier content"
    return ""


def _list_after_write(trial: _Trial) -> str:
    trial.put("listed/one", CONTENT)
    return "" if "listed/one" in trial.listed("listed/") else "an object just written is not in the listing"


def _list_after_delete(trial: _Trial) -> str:
    trial.put("gone/one", CONTENT)
    trial.client.delete_object(Bucket=trial.bucket, Key=f"{trial.prefix}gone/one")
    return "an object just deleted is still in the listing" if trial.listed("gone/") else ""


def _conditional_put(trial: _Trial) -> str:
    first, second = trial.put_if_new("once", b"first"), trial.put_if_new("once", b"second")
    if first in REFUSED or second not in REFUSED:
        return f"with If-None-Match: * the first write was answered {first}, the second {second}"
    return "" if trial.get("once") == b"first" else "the refused write changed the object"


def _conditional_race(trial: _Trial) -> str:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: trial.put_if_new("race", b"%d" % number), range(8)))
    winners = sum(answer not in REFUSED for answer in answers)
    return "" if winners == 1 else f"{winners} of 8 concurrent writers succeeded as the first"


def _paging(trial: _Trial) -> str:
    keys = [f"pages/{number}" for number in range(PAGED)]
    for key in keys:
        trial.put(key, b"")
    listed = trial.listed("pages/", PAGE)
    return "" if listed == keys else f"{len(listed)} of {PAGED} objects are listed in pages of {PAGE}"


def _odd_keys(trial: _Trial) -> str:
    def lost(key: str) -> bool:
        trial.put(f"odd/{key}", key.encode())
        return trial.get(f"odd/{key}") != key.encode() or f"odd/{key}" not in trial.listed("odd/")

    wrong = [key for key in ODD_KEYS if lost(key)]
    return f"keys such as {wrong} are changed" if wrong else ""


def _ranges(trial: _Trial) -> str:
    response = trial.client.get_object(Bucket=trial.bucket, Key=f"{trial.prefix}first", Range="bytes=7-")
    return "" if response["Body"].read() == CONTENT[7:] else "a range of an object is not that range"


def _md5(trial: _Trial) -> str:
    head = trial.client.head_object(Bucket=trial.bucket, Key=f"{trial.prefix}first")
    expected = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    return "" if head["ETag"].strip('"') == expected else "the ETag of a plain object is not its MD5"


def _checksums(trial: _Trial) -> str:
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    trial.written.add("sum")
    name = f"{trial.prefix}sum"
    trial.client.put_object(Bucket=trial.bucket, Key=name, Body=CONTENT, ChecksumSHA256=digest)
    head = trial.client.head_object(Bucket=trial.bucket, Key=name, ChecksumMode="ENABLED")
    return "" if head.get("ChecksumSHA256") == digest else "the SHA-256 of an upload is not returned"


def _wrong_checksum(trial: _Trial) -> str:
    from botocore.exceptions import ClientError

    digest = base64.b64encode(hashlib.sha256(b"something else").digest()).decode()
    trial.written.add("wrong")
    try:
        trial.client.put_object(Bucket=trial.bucket, Key=f"{trial.prefix}wrong", Body=CONTENT, ChecksumSHA256=digest)
    except ClientError:
        return ""
    return "an upload with a wrong SHA-256 is accepted"


def _several_parts(trial: _Trial) -> str:
    trial.written.add("parts")
    client, bucket, name = trial.client, trial.bucket, f"{trial.prefix}parts"
    begun = client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
    part = client.upload_part(Bucket=bucket, Key=name, UploadId=begun, PartNumber=1, Body=CONTENT)
    client.complete_multipart_upload(
        Bucket=bucket,
        Key=name,
        UploadId=begun,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    return "" if trial.get("parts") == CONTENT else "an object uploaded in parts has other content"


OTHER_STORE = "use another store: Leeway cannot work correctly with this one"
ONE_WRITER = "use another store for the lake, or make sure that only one process writes at a time"
SIMPLE_KEYS = "deliver with keys of ASCII letters and digits"
NEEDED = (
    _Probe("read after write", OTHER_STORE, _read_after_write),
    _Probe("list after write", OTHER_STORE, _list_after_write),
    _Probe("list after delete", OTHER_STORE, _list_after_delete),
    _Probe("conditional put (If-None-Match)", ONE_WRITER, _conditional_put),
    _Probe("one winner of a race", ONE_WRITER, _conditional_race),
    _Probe("listings in pages", OTHER_STORE, _paging),
    _Probe("keys with odd characters", SIMPLE_KEYS, _odd_keys),
    _Probe("a part of an object (Range)", OTHER_STORE, _ranges),
    _Probe("objects put in several parts", OTHER_STORE, _several_parts),
)
HELPFUL = (
    _Probe("ETag is the MD5", "flipped bits are found only in objects uploaded with a checksum; use TLS", _md5),
    _Probe("checksums are kept", "flipped bits are found by the MD5 alone; use TLS", _checksums),
    _Probe("wrong checksums are refused", "use TLS, so that uploads are not changed on the way", _wrong_checksum),
)
