"""Rows without consent are scored and counted, and neither learned from, tested with nor shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.backtest.history import history_in
from flows.backtest.trainer import BacktestTrainer, KnownThen
from flows.cli.commands.project_data.build_docs import _last_rows
from tasks.dataset.known_rows import known_rows
from tasks.errors import DataError
from tasks.ingest.task import take_in
from tasks.labeling_queue.task import waiting_rows
from tasks.lake import Lake, active_rows, latest
from tasks.records import ValidatedDelivery
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

NIGHT = date(2026, 2, 28)
MOMENT = datetime(2026, 2, 28, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "project": "clinic",
    "scope": {"owner": "me", "objective": "Days.", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["patient"], "event_time": "at", "arrival": "filename", "label": {"column": "days"}},
    "features": {"numbers": ["age"]},
    "training": {"min_rows": 20},
    "privacy": {"consent": "agreed"},
}
NAMES = [f"p{number}" for number in range(40)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "expectations.json").write_text(json.dumps({"name": "clinic", "expectations": []}), encoding="utf-8")
    return tmp_path


def night(folder: Path, day: int, agreed: dict[str, str], names: Sequence[str] = NAMES) -> list[ValidatedDelivery]:
    """Deliver the patients of a day, of which all have agreed but those that are named otherwise, and take it in."""
    rows = [f"{name},2026-01-0{n % 9 + 1},{n},3,{agreed.get(name, 'yes')}" for n, name in enumerate(names)]
    content = "\n".join(["patient,at,age,days,agreed", *rows]) + "\n"
    (folder / "in" / f"2026-02-{day:02}.csv").write_text(content, encoding="utf-8")
    spec, lake, moment = ProjectSpec.model_validate(SPEC), Lake(str(folder / "lake")), MOMENT + timedelta(hours=day)
    return store(lake, spec, verdicts(take_in(lake, spec, folder, NIGHT, moment), spec, folder), NIGHT, moment)


def learned(folder: Path) -> set[str]:
    known = known_rows(Lake(str(folder / "lake")), ProjectSpec.model_validate(SPEC), folder, NIGHT)
    assert set(known.labelled["row_id"]) == set(known.rows["row_id"])
    assert known.without_consent == len(NAMES) - len(known.rows)
    return set(known.labelled["row_id"])


def test_no_model_learns_from_a_row_without_consent_and_the_rows_are_counted(folder: Path) -> None:
    (checked,) = night(folder, 1, {"p1": "no", "p2": ""})
    assert checked.verdict == "accepted"
    assert [finding.message for finding in checked.findings] == [
        "2 of 40 rows have no consent (agreed): they are scored and monitored, and neither learned from nor shown"
    ]
    assert learned(folder) == set(NAMES) - {"p1", "p2"}
    assert set(active_rows(Lake(str(folder / "lake")), "clinic", "rows")["row_id"]) == set(NAMES)


def test_a_consent_that_is_withdrawn_or_given_later_counts_as_the_row_was_delivered_last(folder: Path) -> None:
    night(folder, 1, {"p1": "no"})
    night(folder, 2, {"p3": "no"}, ["p0", "p1", "p2", "p3"])
    assert learned(folder) == set(NAMES) - {"p3"}


def test_a_consent_that_cannot_be_read_refuses_its_row_without_showing_the_cell(folder: Path) -> None:
    (checked,) = night(folder, 1, {"p1": "Ann says yes"})
    assert checked.refused["reasons"].tolist() == ["not_a_boolean:agreed"]
    assert not any("Ann" in finding.message for finding in checked.findings)


def test_rows_without_consent_are_in_no_queue_and_on_no_page(folder: Path) -> None:
    (checked,) = night(folder, 1, {"p1": "no"})
    lake, spec = Lake(str(folder / "other")), ProjectSpec.model_validate(SPEC)
    store(lake, spec, [replace(checked, accepted=checked.accepted.assign(days=float("nan")))], NIGHT, MOMENT)
    rows = active_rows(lake, "clinic", "rows")[["row_id", "batch_id", "revision", "event_date"]]
    made: dict[str, Any] = {"prediction": 3.0, "score": 3.0, "confidence": 0.1, "deferred": True, "reasons": "age"}
    made |= {"version": 1, "role": "champion", "time": MOMENT, "probabilities": None, "predicted_class": None}
    made |= {"lower": None, "upper": None}
    lake.append_if_absent("clinic", "predictions", rows.assign(**made), "answers")
    queue = waiting_rows(lake, spec)
    assert set(queue.waiting["row_id"]) == set(queue.rows["row_id"]) == set(NAMES) - {"p1"}
    assert set(_last_rows(lake, spec)[1]["patient"]) == set(NAMES) - {"p1"}


def test_rows_of_before_the_column_was_named_are_learned_from_only_once_they_come_again(folder: Path) -> None:
    before = {key: value for key, value in SPEC.items() if key != "privacy"}
    night(folder, 1, {})
    lake = Lake(str(folder / "old"))
    spec = ProjectSpec.model_validate(before)
    store(lake, spec, verdicts(take_in(lake, spec, folder, NIGHT, MOMENT), spec, folder), NIGHT, MOMENT)
    assert len(known_rows(lake, spec, folder, NIGHT).rows) == 40
    with pytest.raises(DataError, match="has 0 labelled rows"):
        known_rows(lake, ProjectSpec.model_validate(SPEC), folder, NIGHT)
    assert [batch.rows_accepted for batch in latest(lake, "clinic")] == [40]


@pytest.mark.parametrize("column", ["patient", "at", "days", "age", "smokes", "phone"])
def test_a_column_that_is_something_else_cannot_be_the_consent(column: str) -> None:
    hidden = {
        "privacy": {"consent": column, "drop": ["phone"]},
        "features": {**SPEC["features"], "booleans": ["smokes"]},
    }
    with pytest.raises(ValueError, match=f"privacy.consent names '{column}', which is also"):
        ProjectSpec.model_validate(SPEC | hidden)


def test_a_row_that_the_prediction_service_has_answered_is_taken_in_without_consent(folder: Path) -> None:
    spec = ProjectSpec.model_validate(SPEC | {"serving": {"log": True, "uri": "served"}})
    (folder / "served" / "rows").mkdir(parents=True)
    rows: list[dict[str, Any]] = [
        {"patient": name, "at": "2026-01-02", "age": 4, "days": None, "@answer": {}} for name in NAMES[:3]
    ]
    (folder / "served" / "rows" / "2026-02-01-0-ab.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    checked = verdicts(take_in(Lake(str(folder / "lake")), spec, folder, NIGHT, MOMENT), spec, folder)
    assert [(each.verdict, each.rows_in) for each in checked] == [("accepted", 3)]
    assert [finding.rows_failed for finding in checked[0].findings if finding.rule == "no_consent"] == [3]


def test_a_replay_trains_on_the_same_rows_as_the_night(folder: Path) -> None:
    night(folder, 1, {"p1": "no", "p2": ""})
    lake, spec = Lake(str(folder / "lake")), ProjectSpec.model_validate(SPEC)
    labels = active_rows(lake, "clinic", "labels").assign(arrival_rank=0)
    known = KnownThen(NIGHT, active_rows(lake, "clinic", "rows"), labels)
    request = BacktestTrainer(history_in(lake, spec), folder).request(spec, known, None)
    assert set(request.known["row_id"]) == set(request.rows["row_id"]) == learned(folder)
