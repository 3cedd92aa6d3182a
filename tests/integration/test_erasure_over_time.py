"""Whatever a project has been through, an erasure finds the person: revisions, a paused run, pages, former tables."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows.cli.commands.project_data import erase_subject
from flows.steps.publish import SHOWING_ROWS
from tasks.dataset.feature_lookup import keep_latest_values
from tasks.errors import DataError, Overtaken
from tasks.ingest.task import take_in
from tasks.lake import append_entry, latest, read_nights
from tasks.spec.project_spec import ProjectSpec
from tasks.upkeep.erasure import ErasurePlan
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.integration.clinic import CELL, MARKER, MOMENT, NIGHT, OTHERS, SPEC, Clinic, balanced, named, stays
from tests.recorded_entries import decided_night


def die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


FROZEN = Path(__file__).with_name("erasure_plan_protocol_1.json")


def test_a_row_that_was_delivered_seven_times_is_erased_from_every_revision(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    for time in range(1, 7):
        again = stays().replace(f"{MARKER},2026-01-04,{CELL},A,Bo", f"{MARKER},2026-01-04,{40 + time},A,Bo")
        (tmp_path / "stays" / "2026-01-30.csv").write_text(again)
        clinic.night(later=time)
    stored = clinic.lake.read("clinic", "rows")
    assert stored["row_id"].tolist().count(f"{MARKER}|2026-01-04") == 6
    clinic.erase(named(MARKER), hour=9)
    assert clinic.found(MARKER, CELL) == []
    assert clinic.names("rows") == set(OTHERS)
    assert balanced(clinic.lake)


def test_a_night_that_is_paused_past_its_lease_does_not_bring_an_erased_person_back(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (tmp_path / "stays" / "2026-01-31.csv").write_text(f"patient,at,age,ward,doctor\n{MARKER},2026-01-20,7,A,Ann\n")
    paused = clinic.lake.with_lease("night", 1)
    moment = MOMENT + timedelta(hours=1)
    landed = take_in(paused, clinic.spec, tmp_path, NIGHT, moment)
    checked = verdicts(landed, clinic.spec, tmp_path)
    clinic.lake = clinic.lake.with_lease("night", 2)
    clinic.erase(named(MARKER))
    with pytest.raises(Overtaken):
        store(paused, clinic.spec, checked, NIGHT, moment)
    assert clinic.found(MARKER) == []
    clinic.night(later=3)  # the file was not removed at the source
    assert MARKER in clinic.names("rows")


def test_what_a_night_takes_in_before_an_interrupted_erasure_is_repeated_is_erased_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Clinic(tmp_path)
    with monkeypatch.context() as killed:
        killed.setattr(erase_subject, "write_without", die)
        with pytest.raises(KeyboardInterrupt):
            clinic.erase(named(MARKER))
    again = stays().replace(f"44,{CELL},Ann", f"45,{CELL},Ann") + f"{MARKER},2026-01-06,{CELL},A,Bo\n"
    (tmp_path / "stays" / "2026-01-30.csv").write_text(again)
    clinic.night(later=1)
    clinic.answer(2)
    clinic.erase(named(MARKER))
    assert clinic.found(MARKER, CELL) == []
    assert balanced(clinic.lake)
    assert len(clinic.records()) == 1
    (batch,) = [batch for batch in latest(clinic.lake, "clinic") if batch.kind == "rows" and batch.rows_accepted]
    assert (tmp_path / "answers" / clinic.answers.name(replace(batch, revision=batch.base))).exists()


def test_pages_and_what_a_decision_says_of_a_row_are_erased(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    for page in SHOWING_ROWS:
        clinic.lake.put("clinic", page, MARKER.encode())
    said = f"it answers in another way: 2 of 9 rows differ, row {MARKER}|2026-01-03 of version 1 from its score on"
    append_entry(clinic.lake, "clinic", replace(decided_night(), name="another", reason=said))
    clinic.erase(named(MARKER))
    assert clinic.found(MARKER) == []
    assert [clinic.lake.get("clinic", page) for page in SHOWING_ROWS] == [None, None, None]
    (night,) = [night for night in read_nights(clinic.lake, "clinic") if night.name == "another"]
    assert night.reason.endswith("row (erased) of version 1 from its score on")


def test_values_of_a_table_that_left_the_spec_are_refused_or_erased_once_it_is_back(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    with_table, clinic.spec = (
        clinic.spec,
        ProjectSpec.model_validate(SPEC | {"features": {"numbers": ["age"], "categories": ["ward", "doctor"]}}),
    )
    with pytest.raises(DataError, match="found such an id in the feature tables tests, which left the spec"):
        clinic.erase(named(MARKER))
    assert MARKER in clinic.names("rows")
    clinic.erase(named("p9"))
    assert clinic.lake.get("clinic", "latest-tests.parquet") is None
    clinic.spec = with_table
    keep_latest_values(clinic.lake, clinic.spec, {"tests"})
    clinic.erase(named(MARKER), hour=8)
    assert clinic.found(MARKER) == []


def test_tables_of_a_former_name_of_the_project_are_erased_under_that_name(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    former, clinic.spec = clinic.spec, ProjectSpec.model_validate(SPEC | {"project": "ward"})
    clinic.night(later=1)
    clinic.erase(named(MARKER))
    assert {Path(path.partition(",")[0]).relative_to(tmp_path / "lake").parts[0] for path in clinic.found(MARKER)} == {
        "clinic"
    }
    clinic.spec = former
    clinic.erase(named(MARKER), hour=8)
    assert clinic.found(MARKER, CELL) == []


def test_an_erasure_that_an_earlier_version_began_is_finished(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    frozen = FROZEN.read_bytes()
    assert json.loads(frozen)["protocol"] == 1
    clinic.lake.put("clinic", "erasure.json", frozen)
    assert clinic.erase(named(MARKER)) == ErasurePlan.from_bytes(frozen).sentence
    assert clinic.found(MARKER, CELL) == []
    assert balanced(clinic.lake)
    assert [entry.name for entry in clinic.records()] == [json.loads(frozen)["name"]]
