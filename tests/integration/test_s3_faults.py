"""S3 through a proxy that breaks things: ingest reads what was put, or says that it could not; the lake writes once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pandas as pd
import pytest

from tasks.errors import Conflict, Retryable, Unreachable
from tasks.ingest import S3Source
from tasks.lake import Lake
from tests.integration.s3proxy import Fault, Proxy, moto_process, proxy_process

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONTENT = bytes(range(256)) * 8_000  # two blocks of a download
ON_DOWNLOAD: list[Fault] = ["503", "reset", "hang", "cut_download", "lost_reply", "flipped_bit"]
ON_LISTING: list[Fault] = ["503", "reset", "hang", "cut_download", "lost_reply"]
ON_WRITE: list[Fault] = ["503", "reset", "hang", "cut_upload", "lost_reply"]
ON_READ: list[Fault] = ["503", "reset", "hang", "cut_download", "lost_reply"]
BUCKET = "faults"
OBJECT = ("GET", "in/a.csv")
COMMIT = ("PUT", "_delta_log")
ROWS = ("PUT", r"\.parquet")
R = TypeVar("R")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from moto_process(tmp_path_factory.mktemp("moto"))


@pytest.fixture(scope="module")
def started(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    yield from proxy_process(tmp_path_factory.mktemp("proxy"), upstream)


@pytest.fixture
def proxy(started: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tasks.ingest.sources.s3_client.READ_SECONDS", 1)
    monkeypatch.setattr("tasks.ingest.sources.download.WAIT_SECONDS", 0.01)
    started.forget()
    return started


@pytest.fixture(scope="module")
def client(upstream: str) -> S3Client:
    from boto3.session import Session

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        made = Session(region_name="us-east-1").client("s3", endpoint_url=upstream)
    made.create_bucket(Bucket=BUCKET)
    return made


@pytest.fixture
def place(client: S3Client, proxy: Proxy) -> S3Source:
    client.put_object(Bucket=BUCKET, Key="in/a.csv", Body=CONTENT)
    return S3Source(BUCKET, "in/", proxy.address, "path")


@pytest.mark.parametrize("fault", ON_DOWNLOAD)
def test_a_download_comes_out_right_whatever_befell_it_on_the_way(fault: Fault, place: S3Source, proxy: Proxy) -> None:
    proxy.befall(fault, *OBJECT)
    out = BytesIO()
    (listed,) = place.list()
    assert place.copy(listed, out) == hashlib.sha256(CONTENT).hexdigest()
    assert (out.getvalue() == CONTENT, proxy.faults()) == (True, [fault])


@pytest.mark.parametrize("fault", ON_LISTING)
def test_a_listing_is_whole_whatever_befell_it_on_the_way(fault: Fault, place: S3Source, proxy: Proxy) -> None:
    proxy.befall(fault)
    assert [(each.key, each.size_bytes) for each in place.list()] == [("a.csv", len(CONTENT))]
    assert proxy.faults() == [fault]


def test_a_download_that_breaks_off_is_taken_up_where_it_was(place: S3Source, proxy: Proxy) -> None:
    proxy.befall("cut_download", *OBJECT, times=2)
    assert place.read("a.csv") == CONTENT
    assert len(proxy.seen()) == 3


@pytest.mark.parametrize(("fault", "said"), [("flipped_bit", "checksum mismatch .crc32, md5."), ("reset", "read at")])
def test_what_never_comes_whole_is_worth_another_try_later_and_not_tried_for_ever(
    fault: Fault, said: str, place: S3Source, proxy: Proxy
) -> None:
    proxy.befall(fault, *OBJECT, times=1000)
    with pytest.raises(Unreachable, match=said):
        place.read("a.csv")
    assert len(proxy.seen()) < 20


def test_an_object_overwritten_while_it_came_is_never_half_of_each(
    place: S3Source, client: S3Client, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (listed,), again = place.list(), CONTENT[::-1]
    monkeypatch.setattr("tasks.ingest.sources.download.sleep", overwriting(lambda: client.put_object(
        Bucket=BUCKET, Key="in/a.csv", Body=again)))  # fmt: skip
    proxy.befall("cut_download", *OBJECT)
    out = BytesIO()
    assert place.copy(listed, out) == hashlib.sha256(again).hexdigest()
    assert out.getvalue() == again


def overwriting(overwrite: Callable[[], object]) -> Callable[[float], None]:
    """Overwrite the object in the pause before the second attempt."""

    def instead_of_sleeping(seconds: float) -> None:
        if seconds:
            overwrite()

    return instead_of_sleeping


def test_an_object_that_is_another_size_than_listed_or_gone_is_left_for_later(
    place: S3Source, client: S3Client
) -> None:
    (listed,) = place.list()
    client.put_object(Bucket=BUCKET, Key="in/a.csv", Body=CONTENT + b"more")
    with pytest.raises(Conflict, match="written since it was listed"):
        place.copy(listed, BytesIO())
    client.delete_object(Bucket=BUCKET, Key="in/a.csv")
    with pytest.raises(Conflict, match="removed since it was listed"):
        place.copy(listed, BytesIO())


def test_a_flipped_bit_in_an_object_of_several_parts_is_caught_by_the_sum_it_was_uploaded_with(
    place: S3Source, client: S3Client, proxy: Proxy
) -> None:
    client.put_object(Bucket=BUCKET, Key="in/a.csv", Body=CONTENT, ChecksumAlgorithm="SHA256")
    proxy.befall("flipped_bit", *OBJECT)
    assert place.read("a.csv") == CONTENT
    assert len(proxy.seen()) == 2


@pytest.fixture
def lake(client: S3Client, proxy: Proxy, tmp_path: Path) -> Lake:
    options = {
        "aws_endpoint": proxy.address,
        "aws_region": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "aws_allow_http": "true",
        "aws_virtual_hosted_style_request": "false",
        "aws_conditional_put": "etag",
        "timeout": "1s",
    }
    made = Lake(f"s3://{BUCKET}/{tmp_path.name}", options)
    assert client.list_objects_v2(Bucket=BUCKET, Prefix=tmp_path.name)["KeyCount"] == 0
    made.append_if_absent("mine", "labels", labels("first"), "first")
    proxy.forget()
    return made


def labels(*ids: str) -> pd.DataFrame:
    rows = {"row_id": list(ids), "label": 1.0, "batch_id": "b", "revision": 1, "arrival": date(2026, 1, 1)}
    return pd.DataFrame(rows, index=range(len(ids)))


def by_a_patient_flow(work: Callable[[], R]) -> R:
    """Do it as a flow does: again, when the error's type says that it may help."""
    for _ in range(3):
        try:
            return work()
        except Retryable:
            continue
    return work()


@pytest.mark.parametrize("target", [COMMIT, ROWS], ids=["the commit", "the rows"])
@pytest.mark.parametrize("fault", ON_WRITE)
def test_a_write_is_done_once_whatever_befell_it_on_the_way(
    fault: Fault, target: tuple[str, str], lake: Lake, proxy: Proxy
) -> None:
    proxy.befall(fault, *target)
    by_a_patient_flow(lambda: lake.append_if_absent("mine", "labels", labels("a", "b"), "key"))
    by_a_patient_flow(lambda: lake.append_if_absent("mine", "labels", labels("a", "b"), "key"))
    assert proxy.faults() == [fault]
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["a", "b", "first"]


@pytest.mark.parametrize("fault", ON_READ)
def test_a_read_is_whole_whatever_befell_it_on_the_way(fault: Fault, lake: Lake, proxy: Proxy) -> None:
    for wanted in (r"\.parquet", "_delta_log"):
        proxy.befall(fault, "GET", wanted)
    fresh = Lake(lake.root, lake.options)
    assert by_a_patient_flow(lambda: fresh.read("mine", "labels"))["row_id"].tolist() == ["first"]
    assert proxy.faults() == [fault, fault]


def test_two_nights_at_once_through_a_bad_network_leave_each_write_once(lake: Lake, proxy: Proxy) -> None:
    for fault in ON_WRITE:
        if fault != "hang":
            proxy.befall(fault, *COMMIT, times=2)
    names = [f"n{number}" for number in range(4)]

    def night() -> None:
        mine = Lake(lake.root, lake.options)
        for name in names:
            by_a_patient_flow(lambda name=name: mine.append_if_absent("mine", "labels", labels(name), name))  # type: ignore[misc]  # bound at once

    nights = [threading.Thread(target=night) for _ in range(2)]
    for each in nights:
        each.start()
    for each in nights:
        each.join()
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["first", *names]
