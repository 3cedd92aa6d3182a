import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks import clock
from tasks.arrays import FloatArray
from tasks.errors import Conflict, DataError, Unreachable
from tasks.lake import Lake, s3_options
from tasks.model import ModelSchema, Predictor
from tasks.score import AnswerFiles, task
from tasks.score.task import Scorer, score_batches
from tests.deliveries import accepted_batch

DAY = date(2026, 1, 1)
SCHEMA = ModelSchema("mine", "regression", "mean_absolute_error", "day")


@dataclass(frozen=True)
class Constant(Predictor):
    """Answers 1 for every row."""

    @property
    def file(self) -> tuple[str, bytes]:
        return "model.onnx", b""

    def run(self, columns: FloatArray) -> FloatArray:
        return np.ones(len(columns))


BATCHES = [accepted_batch(name, DAY, 2) for name in "abc"]


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    lake = Lake(str(tmp_path))
    for each in BATCHES:
        rows = pd.DataFrame({"row_id": [f"{each.batch_id}1", f"{each.batch_id}2"], "event_date": DAY})
        lake.append_if_absent("mine", "rows", rows.assign(batch_id=each.batch_id, revision=1), each.write_key)
    return Scorer(lake, "mine", Constant(SCHEMA), 1, lambda rows: rows, clock.now())


def answered(scorer: Scorer) -> list[tuple[str, int, str]]:
    made = scorer.lake.read("mine", "predictions")
    return sorted(zip(made["row_id"], made["version"], made["role"], strict=True))


def test_a_row_is_served_once_and_a_later_champion_answers_for_it_as_a_shadow(scorer: Scorer) -> None:
    assert score_batches(scorer, BATCHES[:2]) == 4
    assert score_batches(scorer, BATCHES[:2]) == 0
    assert score_batches(replace(scorer, version=2), BATCHES) == 6
    assert answered(scorer) == [
        ("a1", 1, "champion"), ("a1", 2, "shadow"), ("a2", 1, "champion"), ("a2", 2, "shadow"),
        ("b1", 1, "champion"), ("b1", 2, "shadow"), ("b2", 1, "champion"), ("b2", 2, "shadow"),
        ("c1", 2, "champion"), ("c2", 2, "champion"),
    ]  # fmt: skip


def test_many_batches_share_a_commit_as_far_as_memory_allows(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "ROWS_AT_ONCE", 4)
    assert score_batches(scorer, BATCHES) == 6
    assert scorer.lake.version("mine", "predictions") == 2  # made, then two batches, then one
    assert len(answered(scorer)) == 6


def test_answers_are_the_same_whether_they_are_held_or_written_as_they_come(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert score_batches(scorer, BATCHES) == 6
    monkeypatch.setattr(task, "ROWS_HELD", 0)
    assert score_batches(replace(scorer, version=2), BATCHES) == 6
    made = scorer.lake.read("mine", "predictions").sort_values("row_id", ignore_index=True)
    first, second = (made[made["version"] == version].reset_index(drop=True) for version in (1, 2))
    pd.testing.assert_frame_equal(first.drop(columns=["version", "role"]), second.drop(columns=["version", "role"]))


def test_an_error_while_answers_are_written_is_raised_unchanged(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(rows: pd.DataFrame) -> pd.DataFrame:
        raise DataError(f"{len(rows)} rows are refused")

    monkeypatch.setattr(task, "ROWS_HELD", 0)
    with pytest.raises(DataError, match="2 rows are refused"):
        score_batches(replace(scorer, features=refused), BATCHES)
    assert answered(scorer) == []


def test_what_another_run_answered_meanwhile_is_a_conflict_and_nothing_is_written_twice(scorer: Scorer) -> None:
    assert score_batches(scorer, BATCHES[:1]) == 2
    with pytest.raises(Conflict, match="another run of mine answered some of 2 batches in the meantime"):
        scorer.write(BATCHES[:2], "champion")
    assert len(answered(scorer)) == 2
    assert score_batches(scorer, BATCHES) == 4


def test_each_delivery_gets_its_file_once_and_a_lost_one_is_made_good(scorer: Scorer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    handing = replace(scorer, files=AnswerFiles(str(out), "csv"))
    assert score_batches(handing, BATCHES[:2]) == 4
    first = out / f"predictions-{DAY}-a-1.csv"
    assert sorted(path.name for path in out.iterdir()) == [first.name, f"predictions-{DAY}-b-1.csv"]
    read = pd.read_csv(first)
    assert read["row_id"].tolist() == ["a1", "a2"]
    assert read["prediction"].tolist() == [1.0, 1.0]
    content = first.read_bytes()
    first.unlink()  # as if the run had ended between the lake and the file
    assert handing.hand_out(BATCHES[:2]) == 1
    assert first.read_bytes() == content
    assert handing.hand_out(BATCHES[:2]) == 0


def test_a_later_champions_shadow_answers_are_not_handed_out(scorer: Scorer, tmp_path: Path) -> None:
    assert score_batches(scorer, BATCHES[:1]) == 2
    late = replace(scorer, version=2, files=AnswerFiles(str(tmp_path / "out")))
    assert score_batches(late, BATCHES) == 6
    read = [pd.read_parquet(path) for path in sorted((tmp_path / "out").iterdir())]
    assert [frame["version"].unique().tolist() for frame in read] == [[1], [2], [2]]


def test_a_batch_that_was_not_served_gets_no_file(scorer: Scorer, tmp_path: Path) -> None:
    handing = replace(scorer, files=AnswerFiles(str(tmp_path / "out")))
    assert handing.hand_out(BATCHES) == 0
    assert not (tmp_path / "out").exists()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="answers")
    yield "s3://answers/nightly"
    server.stop()


def test_files_go_to_a_bucket_as_well(bucket: str, scorer: Scorer) -> None:
    handing = replace(scorer, files=AnswerFiles(bucket, "csv", options=s3_options(os.environ)))
    assert score_batches(handing, BATCHES[:1]) == 2
    assert isinstance(handing.files, AnswerFiles)
    assert handing.files.names() == {f"predictions-{DAY}-a-1.csv"}
    assert handing.hand_out(BATCHES[:1]) == 0


def test_a_store_that_does_not_answer_is_tried_again_later(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(Unreachable, match="is the store up"):
        score_batches(replace(scorer, files=AnswerFiles(str(tmp_path / "out" / "deeper"))), BATCHES[:1])
