"""`leeway doctor s3`: what holds in a store is tried, not believed, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flows.cli.commands.machine.doctor import examine_store
from tasks.errors import SourceError, Unreachable
from tasks.ingest.sources import s3_capabilities as probe
from tests.integration.s3proxy import moto_process

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from moto_process(tmp_path_factory.mktemp("moto"))


@pytest.fixture
def client(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Client:
    from boto3.session import Session

    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("COLUMNS", "150")
    made = Session().client("s3", endpoint_url=endpoint)
    made.create_bucket(Bucket="tried")
    made.put_object(Bucket="tried", Key="in put/kept", Body=b"mine")
    return made


def test_a_store_with_all_that_is_needed_is_said_to_have_it_and_left_as_it_was(
    client: S3Client, endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine_store("s3://tried/in put", endpoint) == 0
    said = capsys.readouterr().out
    assert "conditional put (If-None-Match)" in said
    assert "s3://tried/in put has all properties that Leeway needs" in said
    assert "note  wrong checksums are refused: use TLS" in said  # moto takes any
    assert [each["Key"] for each in client.list_objects_v2(Bucket="tried")["Contents"]] == ["in put/kept"]


@pytest.mark.usefixtures("client")
def test_a_store_that_ignores_a_condition_is_named_as_lacking_it(
    endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def whatever_the_condition(tried: probe._Trial, key: str, content: bytes) -> int:
        tried.put(key, content)
        return 200

    monkeypatch.setattr(probe._Trial, "put_if_new", whatever_the_condition)
    assert examine_store("s3://tried", endpoint) == 2
    said = capsys.readouterr().out
    assert "the first write was answered 200, the second 200" in said
    assert "8 of 8 concurrent writers succeeded as the first" in said
    assert "lacks conditional put (If-None-Match): use another store for the lake" in said


@pytest.mark.usefixtures("client")
def test_of_every_property_that_a_store_lacks_the_way_out_is_said(
    endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    for name in ("NEEDED", "HELPFUL"):
        lacking = [replace(each, trial=lambda _trial: "not so") for each in getattr(probe, name)]
        monkeypatch.setattr(probe, name, lacking)
    assert examine_store("s3://tried", endpoint) == len(probe.NEEDED)
    said = capsys.readouterr().out
    for each in (*probe.NEEDED, *probe.HELPFUL):
        assert f"{each.name}: {each.instead}" in said
        assert each.instead


@pytest.mark.usefixtures("client")
def test_a_store_that_cannot_be_tried_says_why(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.ingest.sources.s3_client.ATTEMPTS", 1)
    with pytest.raises(SourceError, match="NoSuchBucket; create the bucket"):
        examine_store("s3://nowhere", endpoint)
    with pytest.raises(SourceError, match="expected s3://bucket/prefix"):
        examine_store("/a/folder", endpoint)
    with pytest.raises(Unreachable, match=r"cannot be tested.*is the store up, and its address right"):
        examine_store("s3://tried", "http://127.0.0.1:9")
