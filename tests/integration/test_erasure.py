"""What is erased is in no file of the lake and the home, and is recorded once, whenever the erasure was killed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from tasks.dataset.erasure_subject import Subject, subject_of
from tasks.errors import DataError
from tasks.lake import Lake, active_rows, append_entry, latest, read_nights, table_storage
from tasks.lake.schemas.table_schemas import SETTINGS, TableSchema
from tasks.records import ServedAsBatch
from tasks.score.output_files import AnswerFiles
from tasks.spec.project_spec import ProjectSpec
from tasks.upkeep.erasure_record import erasures_since, recorded_erasures
from tasks.upkeep.task import Moment, keep_up
from tests.integration.clinic import (
    CELL,
    MARKER,
    MOMENT,
    NIGHT,
    OTHERS,
    SPEC,
    TABLE,
    Clinic,
    balanced,
    named,
    stays,
    written,
)
from tests.integration.s3proxy import moto_process
from tests.recorded_entries import event_entry
from tests.said_by_files import files_with


def test_what_is_erased_is_in_no_file_and_all_else_counts_as_before(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    assert len(clinic.found(MARKER, CELL)) > 8
    identity = clinic.lake.identity("clinic")
    said = clinic.erase(named(MARKER))
    assert clinic.found(MARKER, CELL) == []
    assert clinic.names("rows") == clinic.names("labels") == set(OTHERS)
    assert active_rows(clinic.lake, "clinic", "features")["entity"].tolist() == ["p1"]
    assert clinic.names("predictions") == set(OTHERS)
    assert len(clinic.lake.read("clinic", "quarantine")) == 1  # of p3
    assert balanced(clinic.lake)
    assert said == "erased: 1 of features, 1 of labels, 1 of predictions, 3 of quarantine, 1 of rows"
    (entry,) = clinic.records()
    assert (entry.actor, entry.reason.endswith("; asked to")) == ("the officer", True)
    assert MARKER not in entry.reason
    (night,) = read_nights(clinic.lake, "clinic")
    found = night.answer(ServedAsBatch)
    assert found is not None
    assert [row.row_id for row in found.proof.skewed] == ["(erased)", "p1|2026-01-03"]
    assert clinic.lake.identity("clinic") == identity


def test_the_next_night_takes_in_nothing_again_and_upkeep_goes_on(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.erase(named(MARKER))
    before = clinic.state()
    clinic.night(later=9)
    kept = {
        "rows": [0, 1, 2],
        "labels": [0],
    }  # states that a version was trained on, and that no log describes any more
    keep_up(clinic.lake, clinic.spec, Moment(NIGHT, MOMENT + timedelta(days=3)), kept, dry_run=False)
    assert clinic.state() == before
    assert clinic.found(MARKER) == []


class KilledError(Exception):
    """The process died here."""


def killed(clinic: Clinic, number: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Erase, and die before the nth write of any kind; return whether that came."""
    calls = count(1)

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if next(calls) == number:
                raise KilledError
            return real(*args, **options)

        return call

    def log_files(*args: Any) -> Iterator[Any]:
        for file in real_log_files(*args):
            if next(calls) == number:
                raise KilledError
            yield file

    real_log_files = table_storage._log_files
    with monkeypatch.context() as patched:
        for owner, names in (
            (Lake, ("append_if_absent", "put", "discard")),
            (DeltaTable, ("delete", "update", "vacuum", "create_checkpoint")),
            (AnswerFiles, ("put", "remove")),
        ):
            for name in names:
                patched.setattr(owner, name, dying(getattr(owner, name)))
        patched.setattr(table_storage, "_log_files", log_files)
        try:
            clinic.erase(named(MARKER))
        except KilledError:
            return True
    return False


@pytest.mark.timeout(1800)
def test_an_erasure_that_is_killed_anywhere_is_finished_by_the_next_and_recorded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Clinic(tmp_path / "begun")
    undisturbed = Clinic(tmp_path / "undisturbed", like=begun)
    said = undisturbed.erase(named(MARKER))
    for number in count(1, 1 if os.environ.get("LEEWAY_SWEEP") == "whole" else 11):
        clinic = Clinic(tmp_path / f"killed-{number}", like=begun)
        was_killed = killed(clinic, number, monkeypatch)
        if was_killed:
            assert clinic.erase(named(MARKER), hour=7) == said
        assert clinic.found(MARKER, CELL) == [], f"killed at write {number}"
        assert clinic.state() == undisturbed.state(), f"killed at write {number}"
        assert len(clinic.records()) == 1
        if not was_killed:
            assert number > 40
            return


def test_an_interrupted_erasure_of_another_subject_is_finished_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Clinic(tmp_path)
    assert killed(clinic, 5, monkeypatch)
    with pytest.raises(DataError, match="was interrupted; expected the same ids, column and options again"):
        clinic.erase(named("p1"))
    assert MARKER.encode() not in (clinic.lake.get("clinic", "erasure.json") or b"")


def test_a_column_that_is_no_id_finds_rows_and_by_them_labels_and_answers(tmp_path: Path) -> None:
    """The entity of a table is a column of the rows; labels and answers only have the id of the row."""
    folder = tmp_path
    written(folder)
    table = TABLE | {"entity": ["doctor"]}
    spec = ProjectSpec.model_validate(
        SPEC | {"features": {"numbers": ["age"], "categories": ["ward"], "tables": [table]}}
    )
    (folder / "tests" / "2026-01-30.csv").write_text("doctor,since,sugar\nAnn,2026-01-01,5\nBo,2026-01-01,6\n")
    text = stays().replace(",Ann\n", ",Bo\n").replace(f"44,{CELL},Bo", f"44,{CELL},Ann")
    (folder / "stays" / "2026-01-30.csv").write_text(text)
    clinic = Clinic(folder, spec)
    assert MARKER in clinic.names("rows") & clinic.names("labels") & clinic.names("predictions")
    clinic.erase(subject_of(["Ann"], "doctor", spec, lambda _, text: text))
    assert clinic.names("rows") == clinic.names("labels") == clinic.names("predictions") == set(OTHERS)
    assert active_rows(clinic.lake, "clinic", "features")["entity"].tolist() == ["Bo"]
    assert balanced(clinic.lake)
    assert clinic.found("Ann") == []


def test_a_label_is_withdrawn_and_its_row_stays(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.erase(named("p1", labels_only=True))
    assert clinic.names("labels") == {*OTHERS, MARKER} - {"p1"}
    assert clinic.names("rows") == clinic.names("predictions") == {*OTHERS, MARKER}
    assert balanced(clinic.lake)


def test_a_label_that_came_with_its_row_is_withdrawn_too(tmp_path: Path) -> None:
    written(tmp_path)
    source = SPEC["source"] | {"label": {"column": "age"}}
    spec = ProjectSpec.model_validate(SPEC | {"source": source, "features": {"categories": ["ward", "doctor"]}})
    clinic = Clinic(tmp_path, spec)
    clinic.erase(named("p1", labels_only=True))
    assert clinic.names("labels") == {*OTHERS, MARKER} - {"p1"}
    rows = active_rows(clinic.lake, "clinic", "rows")
    assert rows["row_id"].is_unique
    assert rows.loc[rows["row_id"].str.startswith("p1|"), "age"].isna().all()
    assert clinic.names("predictions") == {*OTHERS, MARKER}
    (batch,) = latest(clinic.lake, "clinic")
    assert batch.labels == len(clinic.names("labels")) == 20


@pytest.mark.parametrize("left", [0, 3], ids=["only the header", "less than half"])
def test_a_file_that_is_delivered_again_without_most_of_its_rows_is_expressible(left: int, tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.erase(Subject(batch_ids=frozenset(b.batch_id for b in latest(clinic.lake, "clinic") if b.kind == "rows")))
    assert clinic.names("rows") == clinic.names("predictions") == clinic.names("labels") == set()
    assert clinic.found(MARKER) != []  # of the deliveries of labels and tests, which were not asked for
    (tmp_path / "stays" / "2026-01-30.csv").write_text("\n".join(stays().splitlines()[: left + 1]) + "\n")
    clinic.night(later=9)
    assert clinic.names("rows") == set(OTHERS[:left])
    assert balanced(clinic.lake)


def test_versions_that_were_registered_while_the_rows_were_stored_are_named(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    for day, subject in ((-1, "version 1"), (1, "version 2"), (2, "version 3")):
        entry = event_entry("retraining", "registered", subject=subject)
        append_entry(clinic.lake, "clinic", replace(entry, name=subject, time=MOMENT + timedelta(days=day)))
    assert clinic.erase(named(MARKER)).endswith("1 of rows; trained while they were stored: version 2, version 3")
    assert clinic.erase(named("p99"), hour=8) == "erased: nothing was stored"


def test_the_labels_of_a_delivery_go_and_its_rows_stay(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.erase(Subject(batch_ids=frozenset(b.batch_id for b in latest(clinic.lake, "clinic") if b.kind == "labels")))
    assert clinic.names("labels") == set()
    assert clinic.names("rows") == clinic.names("predictions") == {*OTHERS, MARKER}


def test_what_was_delivered_again_without_a_person_is_in_the_history_until_it_is_erased(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    for name in ("stays", "days", "tests"):
        path = tmp_path / name / "2026-01-30.csv"
        path.write_text("\n".join(row for row in path.read_text().splitlines() if MARKER not in row) + "\n")
    clinic.night(later=3)
    assert MARKER not in clinic.names("rows")
    assert clinic.found(MARKER, CELL) != []
    clinic.erase(named(MARKER))
    assert clinic.found(MARKER, CELL) == []
    assert balanced(clinic.lake)


def test_the_log_of_a_table_has_no_extremes_of_what_names_a_person_or_quotes_a_cell(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    logs = [*(tmp_path / "lake" / "clinic").glob("*/_delta_log")]
    assert len(logs) > 4
    assert files_with(logs, MARKER) == []
    assert clinic.lake.read("clinic", "rows", where=[("row_id", "=", f"{MARKER}|2026-01-03")]).shape[0] == 1


def test_the_log_of_a_table_of_an_earlier_version_has_no_extremes_of_anyone_after_an_erasure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(TableSchema, "settings", property(lambda _: SETTINGS))
        clinic = Clinic(tmp_path, written(tmp_path))
        (tmp_path / "stays" / "2026-01-31.csv").write_text("patient,at,age,ward,doctor\nq1,2026-01-20,7,A,Ann\n")
        (tmp_path / "days" / "2026-01-31.csv").write_text("patient,at,days\nq1,2026-01-20,7\n")
        clinic.night(later=1)
    logs = [*(tmp_path / "lake" / "clinic").glob("*/_delta_log")]
    assert len(files_with(logs, "q1|2026-01-20", "p9|")) > 2
    before = clinic.state()
    clinic.erase(named("p99"))
    assert files_with(logs, "q1|2026-01-20", "p9|", MARKER, CELL) == []
    assert clinic.state() == before


@pytest.fixture(scope="module")
def bucket_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from moto_process(tmp_path_factory.mktemp("moto"))


def test_an_erasure_in_a_bucket_leaves_no_object_with_the_person(
    tmp_path: Path, bucket_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=bucket_store)
    client.create_bucket(Bucket="clinic")
    options = {"aws_conditional_put": "etag", "aws_region": "us-east-1"}
    lake = Lake("s3://clinic/lake", {**options, "aws_endpoint": bucket_store, "aws_allow_http": "true"})
    clinic = Clinic(tmp_path / "project", lake=lake)

    def found(text: str) -> list[str]:
        copy = Path(tempfile.mkdtemp(dir=tmp_path))
        for number, entry in enumerate(client.list_objects_v2(Bucket="clinic")["Contents"]):
            client.download_file("clinic", entry["Key"], str(copy / f"{number}-{Path(entry['Key']).name}"))
        return files_with([copy], text)

    assert len(found(MARKER)) > 5
    clinic.erase(named(MARKER))
    assert found(MARKER) == found(CELL) == []
    assert len(found("p1|2026-01-02")) > 1
    assert clinic.names("rows") == set(OTHERS)


WARDS = {"name": "wards", "uri": "wards", "entity": ["ward"], "event_time": "since", "columns": {"numbers": ["beds"]}}


def with_wards(folder: Path, wards: str) -> Clinic:
    """A clinic with a second feature table, of another entity."""
    written(folder)
    (folder / "wards").mkdir()
    (folder / "wards" / "2026-01-30.csv").write_text(wards)
    features = {"numbers": ["age"], "categories": ["ward", "doctor"], "tables": [TABLE, WARDS]}
    return Clinic(folder, ProjectSpec.model_validate(SPEC | {"features": features}))


def test_a_ward_with_the_name_of_a_patient_keeps_its_values(tmp_path: Path) -> None:
    clinic = with_wards(tmp_path, "ward,since,beds\np1,2026-01-01,9\nA,2026-01-01,8\n")
    clinic.erase(named("p1"))
    left = active_rows(clinic.lake, "clinic", "features")
    assert sorted(zip(left["table"], left["entity"], strict=True)) == [
        ("tests", MARKER),
        ("wards", "A"),
        ("wards", "p1"),
    ]


def test_a_refused_row_of_another_table_is_not_a_patients_because_of_a_number_in_it(tmp_path: Path) -> None:
    clinic = with_wards(tmp_path, "ward,since,beds\nA,2026-01-01,8\nB,soon,p7\n")
    assert (clinic.lake.read("clinic", "quarantine")["kind"] == "features").sum() == 2  # of tests and of wards
    said = clinic.erase(named("p7"))
    assert (clinic.lake.read("clinic", "quarantine")["kind"] == "features").sum() == 2
    assert said.endswith("; not erased: 1 of quarantine, with such an id in another column")


def test_the_answers_of_others_in_a_delivery_are_handed_out_again_without_a_night(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (before,) = (tmp_path / "answers").iterdir()
    clinic.erase(named(MARKER))
    (after,) = (tmp_path / "answers").iterdir()
    assert before.name != after.name
    rows = pq.read_table(after).to_pylist()
    assert {row["row_id"].partition("|")[0] for row in rows} == set(OTHERS)
    assert {row["prediction"] for row in rows} == {3.0}


def test_a_version_learned_from_a_row_that_was_replaced_before_it_was_erased(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    entry = event_entry("retraining", "registered", subject="version 1")
    append_entry(clinic.lake, "clinic", replace(entry, name="one", time=MOMENT + timedelta(hours=1)))
    for name in ("stays", "days", "tests"):
        path = tmp_path / name / "2026-01-30.csv"
        path.write_text("\n".join(row for row in path.read_text().splitlines() if MARKER not in row) + "\n")
    clinic.night(later=3)
    assert clinic.erase(named(MARKER)).endswith("trained while they were stored: version 1")


def test_a_training_that_read_its_rows_before_an_erasure_sees_it_also_while_it_is_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Clinic(tmp_path)
    before = recorded_erasures(clinic.lake, "clinic")
    assert erasures_since(clinic.lake, "clinic", before) == []
    assert killed(clinic, 5, monkeypatch)
    assert len(erasures_since(clinic.lake, "clinic", before)) == 1
    clinic.erase(named(MARKER))
    assert len(erasures_since(clinic.lake, "clinic", before)) == 1
