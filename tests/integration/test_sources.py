from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tasks.errors import Conflict, SourceError, Unreachable
from tasks.ingest import FolderSource, S3Source, batch_id, open_source
from tasks.spec.project_spec import Source

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MANY = 1_003
FILES = {"column": "picture"}


def source_of(**parts: Any) -> Source:
    return Source.model_validate(
        {"uri": "landing", "id": ["id"], "event_time": "sold", "label": {"column": "price"}, **parts}
    )


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    for key in (
        "2026-01-02.csv",
        "deep/er/2026-01-03.csv",
        ".hidden",
        "_SUCCESS",
        "_tmp/a.csv",
        ".git/a.csv",
        "b.csv.part",
        "c.TMP",
    ):
        path = tmp_path / "landing" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(key.encode())
    return tmp_path / "landing"


def test_a_folder_shows_its_deliveries_and_those_of_its_subfolders_only(landing: Path) -> None:
    os.utime(landing / "2026-01-02.csv", (0, 0))
    place = open_source("landing", landing.parent, source_of())
    found = place.list()
    assert [(each.key, each.size_bytes) for each in found] == [("2026-01-02.csv", 14), ("deep/er/2026-01-03.csv", 22)]
    assert found[0].modified == datetime(1970, 1, 1, tzinfo=UTC)
    assert place.read("deep/er/2026-01-03.csv") == b"deep/er/2026-01-03.csv"


def test_links_that_lead_to_themselves_or_to_a_name_that_is_too_long_are_not_part_of_a_folder(landing: Path) -> None:
    (landing / "loop.csv").symlink_to("loop.csv")
    (landing / "long.csv").symlink_to("x" * 300)
    place = FolderSource(landing)
    assert [each.key for each in place.list()] == ["2026-01-02.csv", "deep/er/2026-01-03.csv"]
    assert place.unfollowed() == ("long.csv", "loop.csv")


def test_links_that_lead_out_of_a_folder_are_not_part_of_it(landing: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("secret")
    (landing / "link.csv").symlink_to(tmp_path / "secret.csv")
    (landing / "nothing.csv").symlink_to(landing / "gone.csv")
    (landing / "folder").symlink_to(tmp_path)
    (landing / "inside.csv").symlink_to(landing / "2026-01-02.csv")
    place = FolderSource(landing)
    assert [each.key for each in place.list()] == ["2026-01-02.csv", "deep/er/2026-01-03.csv", "inside.csv"]
    for key in ("link.csv", "../secret.csv", str(tmp_path / "secret.csv"), "folder/secret.csv"):
        with pytest.raises(SourceError, match="is outside of the folder"):
            place.read(key)
    assert place.unfollowed() == ("folder", "link.csv", "nothing.csv")


def test_a_missing_folder_or_file_says_what_to_do(landing: Path) -> None:
    with pytest.raises(SourceError, match=r"found no folder .*create the folder"):
        FolderSource(landing / "elsewhere").list()
    with pytest.raises(SourceError, match="stay where it landed"):
        FolderSource(landing).read("gone.csv")


def test_a_pipe_is_no_delivery(landing: Path) -> None:
    os.mkfifo(landing / "pipe.csv")
    assert "pipe.csv" not in [each.key for each in FolderSource(landing).list()]


@pytest.mark.parametrize("uri", ["s3:///prefix", "https://example.org/landing"])
def test_a_uri_of_no_known_kind_is_refused(uri: str) -> None:
    with pytest.raises(SourceError, match="expected"):
        open_source(uri, Path(), source_of())


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Client:
    from boto3.session import Session

    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    return Session().client("s3", endpoint_url=endpoint, region_name="us-east-1")


def test_a_bucket_shows_every_delivery_below_its_prefix_past_the_first_thousand(
    client: S3Client, endpoint: str
) -> None:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    client.create_bucket(Bucket="many")
    for number in range(MANY):
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(
            "many", f"landing/{number:05}.csv", b"x"
        )  # not over HTTP: 20 s
    for other in ("landing/", "landing/_tmp/a.csv", "landing/a.part", "landing-old/a.csv"):
        client.put_object(Bucket="many", Key=other, Body=b"")
    place = open_source("s3://many/landing", Path(), source_of(s3_endpoint=endpoint))
    found = place.list()
    assert [each.key for each in found] == [f"{number:05}.csv" for number in range(MANY)]
    assert found[0].size_bytes == 1
    assert found[0].modified.tzinfo is not None


def test_an_object_is_read_whole_and_any_key_it_may_have_is_only_a_name(client: S3Client, endpoint: str) -> None:
    client.create_bucket(Bucket="whole")
    content = bytes(range(256)) * 40_000
    for key in ("big file é.csv", "q/../../etc/passwd", "empty.csv"):
        client.put_object(Bucket="whole", Key=f"in/{key}", Body=b"" if key == "empty.csv" else content)
    place = S3Source("whole", "in/", endpoint)
    assert place.read("big file é.csv") == content
    assert place.read("q/../../etc/passwd") == content
    assert place.read("empty.csv") == b""


def test_a_missing_bucket_or_object_says_what_to_do(client: S3Client, endpoint: str) -> None:
    with pytest.raises(SourceError, match=r"NoSuchBucket; create the bucket"):
        S3Source("nowhere", "", endpoint).list()
    client.create_bucket(Bucket="bare")
    with pytest.raises(SourceError, match="stay where it landed"):
        S3Source("bare", "", endpoint).read("gone.csv")
    with pytest.raises(SourceError, match=r"Correct source\.uri"):
        S3Source("no such name", "", endpoint).list()


def test_missing_credentials_say_which_variables_to_set(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SourceError, match="AWS_ACCESS_KEY_ID"):
        S3Source("any", "", endpoint).list()


@pytest.mark.usefixtures("client")
def test_a_store_that_does_not_answer_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.ingest.sources.s3_client.ATTEMPTS", 1)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(Unreachable, match="cannot be listed"):
        S3Source("any", "", address).list()


ODD = ["a b.csv", "a+b.csv", "a%20b.csv", "100%.csv", "größe.csv", "日本.csv", "a&b=c?d#e.csv", "a'(b)!*~@,;:$.csv"]


@pytest.mark.parametrize("prefix", ["in", "in put/100%+#?"])
def test_a_key_is_the_same_in_the_listing_and_in_the_reading_whatever_characters_it_has(
    prefix: str, client: S3Client, endpoint: str
) -> None:
    client.create_bucket(Bucket="odd")
    for key in ODD:
        client.put_object(Bucket="odd", Key=f"{prefix}/{key}", Body=key.encode())
    place = open_source(f"s3://odd/{prefix}", Path(), source_of(s3_endpoint=endpoint))
    listed = place.list()
    assert [each.key for each in listed] == sorted(ODD)
    for each in listed:
        out = BytesIO()
        assert place.copy(each, out) == batch_id(each.key.encode())
        assert out.getvalue() == each.key.encode()


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("addressing", "address"), [("path", "https://store.test/mine?"), ("virtual", "https://mine.store.test/?")]
)
def test_the_bucket_is_addressed_as_the_spec_says(addressing: str, address: str) -> None:
    source = source_of(s3_endpoint="https://store.test", s3_addressing=addressing)
    place = open_source("s3://mine/in", Path(), source)
    assert isinstance(place, S3Source)
    asked = place._client.generate_presigned_url("list_objects_v2", {"Bucket": place.bucket})
    assert asked.startswith(address)


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("client")
def test_a_store_that_says_one_length_and_sends_another_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.send_header("ETag", '"one"')
            self.end_headers()
            self.wfile.write(b"01234")

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setattr("tasks.ingest.sources.download.WAIT_SECONDS", 0.01)
    with answering(Short) as port, pytest.raises(Unreachable, match="was not received completely"):
        S3Source("any", "", f"http://127.0.0.1:{port}").read("a.csv")


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("code", ["InvalidObjectState", "KeyTooLongError"])
def test_an_object_that_is_archived_or_cannot_be_is_missing_and_stops_no_other_row(code: str) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = f"<Error><Code>{code}</Code></Error>".encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with answering(Refusing) as port:
        place = S3Source("any", "in/", f"http://127.0.0.1:{port}", "path", files="files")
        assert place.read_file("7.png", 9) == "file_missing"
        with pytest.raises(SourceError, match=r"restore it|shorter"):
            place.read("a.csv")


def test_markers_are_listed_only_when_the_spec_asks_for_them(landing: Path, client: S3Client, endpoint: str) -> None:
    assert "_SUCCESS" not in [each.key for each in FolderSource(landing).list()]
    assert "_SUCCESS" in [each.key for each in FolderSource(landing, "_SUCCESS").list()]
    client.create_bucket(Bucket="marked")
    for key in ("a/1.csv", "a/_SUCCESS", "a/_other"):
        client.put_object(Bucket="marked", Key=key, Body=b"")
    place = open_source("s3://marked", Path(), source_of(s3_endpoint=endpoint, complete_marker="_SUCCESS"))
    assert [each.key for each in place.list()] == ["a/1.csv", "a/_SUCCESS"]


def test_a_file_that_is_written_while_it_is_read_is_left_for_later(landing: Path) -> None:
    place = FolderSource(landing)
    before = place.list()[0]
    assert place.copy(before, BytesIO()) == batch_id(b"2026-01-02.csv")
    with (landing / before.key).open("ab") as file:
        file.write(b"more")
    with pytest.raises(Conflict, match="written since it was listed"):
        place.copy(before, BytesIO())
    (landing / before.key).unlink()
    with pytest.raises(Conflict, match="removed since it was listed"):
        place.copy(before, BytesIO())


def test_files_that_rows_name_are_read_below_their_prefix_only_and_are_no_deliveries(
    client: S3Client, endpoint: str
) -> None:
    client.create_bucket(Bucket="screens")
    keys = ("a.csv", "line/b.csv", "files/7.png", "files/deep/8.png", "data/files/9.png", "files.csv")
    for key in (*(f"in/{key}" for key in keys), "secret.png"):
        client.put_object(Bucket="screens", Key=key, Body=key.encode())
    place = open_source("s3://screens/in", Path(), source_of(uri="s3://screens/in", s3_endpoint=endpoint, files=FILES))
    assert isinstance(place, S3Source)
    assert [each.key for each in place.list()] == ["a.csv", "data/files/9.png", "files.csv", "line/b.csv"]
    assert [place.read_file(name, 13) for name in ("7.png", "deep/8.png", "9.png", "../../secret.png")] == [
        *("file_too_large", "file_too_large", "file_missing", "file_name")
    ]
    assert place.read_file("7.png", 14) == b"in/files/7.png"
    deep = S3Source("screens", "in/", endpoint, files="data/files")
    assert [each.key for each in deep.list()] == ["a.csv", "files.csv", "files/7.png", "files/deep/8.png", "line/b.csv"]
