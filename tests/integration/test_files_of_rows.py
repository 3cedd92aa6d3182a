"""Files that rows name, in a folder and in a bucket: made into stored columns once, and never read again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.dataset.feature_assembly import assembled_features
from tasks.ingest.task import take_in
from tasks.labeling_queue.task import shown_pictures
from tasks.lake import Lake, active_rows, deliveries
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.integration.s3proxy import moto_process

NIGHT, MOMENT = date(2026, 5, 2), datetime(2026, 5, 2, 4, tzinfo=UTC)
FUNCTION = "def of_files(rows):\n    return rows.assign(size=[len(content) for content in rows['picture']])\n"
PNG = (
    Path(__file__).parents[2] / "deployments/screen-inspection/landing/screens/pictures/2026-03-02/00.png"
).read_bytes()
Put = Callable[[str, bytes], object]


def store_deferred(lake: Lake, rows: pd.DataFrame) -> None:
    """Store answers to rows that were all left to a person."""
    said = rows[["row_id", "batch_id", "revision", "event_date"]].assign(
        version=1, role="champion", prediction=0.5, score=0.0, probabilities=None, predicted_class=None, confidence=0.5,
        deferred=True, reasons="", time=MOMENT, lower=None, upper=None,
    )  # fmt: skip
    lake.append_if_absent("line", "predictions", said, "said/1")


@pytest.fixture(scope="module")
def bucket_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from moto_process(tmp_path_factory.mktemp("moto"))


@pytest.fixture(params=["folder", "bucket"])
def landing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], Put, Callable[[], object]]:
    """Return the keys of the source, how an object is put there, and how all are removed."""
    if request.param == "folder":

        def put(key: str, content: bytes) -> None:
            path = tmp_path / "landing" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        return {"uri": "landing"}, put, lambda: shutil.rmtree(tmp_path / "landing" / "files")
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    url = request.getfixturevalue("bucket_store")
    client = boto3.client("s3", endpoint_url=url)
    client.create_bucket(Bucket="line")

    def removed() -> None:
        for key in ("7.png", "8.png"):
            client.delete_object(Bucket="line", Key=f"in/files/{key}")

    source = {"uri": "s3://line/in", "s3_endpoint": url, "s3_addressing": "path"}
    return source, lambda key, content: client.put_object(Bucket="line", Key=f"in/{key}", Body=content), removed


@pytest.mark.parametrize("on_disk", [False, True])
def test_files_are_made_into_stored_columns_once(
    landing: tuple[dict[str, Any], Put, Callable[[], object]],
    on_disk: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where, put, remove_files = landing
    source = {"id": ["id"], "event_time": "at", "arrival": "filename", "label": {"column": "faulty"}, **where}
    spec = ProjectSpec.model_validate(
        {
            "project": "line",
            "scope": {"owner": "me", "objective": "screens", "metric": "mean_absolute_error"},
            "source": {**source, "files": {"column": "picture", "sha256": "digest"}},
            "features": {"function": "features:of_files", "made": {"numbers": ["size"]}},
            "contract": {"max_bad_share": 0.9},
        }
    )
    (tmp_path / "features.py").write_text(FUNCTION)
    expected = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "size", "min_value": 6}}
    suite = {"name": "line", "expectations": [{**expected, "severity": "critical"}]}
    (tmp_path / "expectations.json").write_text(json.dumps(suite))
    digest = sha256(b"a picture").hexdigest()
    rows = {"r7": ("7.png", digest), "r8": ("8.png", digest), "r9": ("9.png", digest), "r0": ("0.png", "")}
    put("files/7.png", b"a picture")
    put("files/8.png", b"changed")
    put("files/0.png", b"small")
    text = "".join(f"{name},2026-05-01,{picture},{said},\n" for name, (picture, said) in rows.items())
    tiny = f"r5,2026-05-01,0.png,{sha256(b'small').hexdigest()},1\n"
    put("2026-05-02.csv", f"id,at,picture,digest,faulty\n{text}{tiny}".encode())
    if on_disk:
        monkeypatch.setattr("tasks.ingest.readers.bounds.HELD_SHARE", 1 / 2**30)
    lake, spool = Lake(str(tmp_path / "lake")), tmp_path / "spool" if on_disk else None
    landed = take_in(lake, spec, tmp_path, NIGHT, MOMENT, spool and spool / "landed")
    assert [one.landed.key for one in landed] == ["2026-05-02.csv"]  # no file is a delivery
    store(lake, spec, verdicts(landed, spec, tmp_path, spool and spool / "checked"), NIGHT, MOMENT)
    refused = lake.read("line", "quarantine")
    assert sorted(refused["reasons"]) == [
        *("expect_column_values_to_be_between:size", "file_digest:picture", "file_digest:picture"),
        "file_missing:picture",
    ]
    assert take_in(lake, spec, tmp_path, NIGHT, MOMENT) == []
    stored = active_rows(lake, "line", "rows", deliveries(lake, "line"))
    store_deferred(lake, stored)
    shown = {one.row: one for one in shown_pictures(lake, spec, NIGHT, {"8.png": PNG}.get)}
    assert {row: one.why for row, one in shown.items()} == {
        "r5": "refused: expect_column_values_to_be_between:size",
        "r8": "refused: file_digest:picture",
        "r9": "refused: file_missing:picture",
        "r0": "refused: file_digest:picture",
        "r7": "left to a person",
    }
    assert [row for row, one in shown.items() if one.address] == ["r8"]
    hidden = spec.model_copy(update={"privacy": spec.privacy.model_copy(update={"drop": ["name"]})})
    assert shown_pictures(lake, hidden, NIGHT, lambda _: PNG) == []
    remove_files()
    assembled = assembled_features(stored, spec, lake, tmp_path)
    assert assembled[["row_id", "size", "picture", "digest"]].to_numpy().tolist() == [["r7", 9.0, "7.png", digest]]
