"""The decision record outlives the version that wrote it: every entry is read back as it was, and so are old ones."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records import (
    EnoughRows,
    Entry,
    Matters,
    MayRetrain,
    NightEntry,
    NotificationEntry,
    ObstacleKind,
    PromotionEntry,
    QuestionId,
    RetrainingEntry,
    RollbackEntry,
    Statistic,
    Topic,
    WhereFirst,
)
from tasks.records.entries import ENTRY_TYPES
from tasks.records.entry_codec import BY_KIND, PROTOCOL, UPGRADES, from_row, to_row
from tests.recorded_entries import decided_night, event_entry, moved, performance

FROZEN = Path(__file__).with_name("frozen")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def rows_of(name: str) -> list[dict[str, Any]]:
    """Return the rows of a frozen file, as the lake gives them."""
    lines = (FROZEN / name).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        row | {"night": date.fromisoformat(row["night"]), "time": datetime.fromisoformat(row["time"])} for row in rows
    ]


OLD = rows_of("protocol_1.jsonl")
OLDEST = rows_of("protocol_1_first_statistics.jsonl")


def names_of(row: dict[str, Any]) -> str:
    return f"{row['kind']}, {row['action']}, {row['name']}"


def test_there_is_an_upgrade_and_a_frozen_file_for_every_older_protocol() -> None:
    assert sorted(UPGRADES) == [*range(1, PROTOCOL)]
    assert {f"protocol_{number}.jsonl" for number in UPGRADES} <= {path.name for path in FROZEN.iterdir()}


def test_the_frozen_file_has_every_kind_of_entry_and_every_question() -> None:
    assert {row["kind"] for row in OLD} == set(BY_KIND) - {
        "answer",
        "degree",
        "migration",
        "rollout",
        "spec",
    }  # of protocol 2 from their first day
    asked = {answer.question for row in OLD for answer in getattr(from_row(row), "answers", ())}
    later = {QuestionId.SERVED_AS_BATCH, QuestionId.OUTPUTS, QuestionId.PEOPLE, QuestionId.DEGREE}  # of protocol 2 too
    assert asked == set(QuestionId) - later


@pytest.mark.parametrize("row", [*OLD, *OLDEST], ids=names_of)
def test_an_old_entry_is_read_with_everything_it_has(row: dict[str, Any]) -> None:
    entry, details = from_row(row), json.loads(row["details"])
    assert (entry.kind, entry.name, entry.night, entry.time) == (row["kind"], row["name"], row["night"], row["time"])
    assert (entry.reason, entry.subject, entry.actor) == (row["reason"], row["subject"], row["actor"])
    assert from_row(to_row(entry)) == entry
    if isinstance(entry, NightEntry):
        assert (entry.action, entry.drift) == (row["action"], row["drift"])
        assert [answer.answer for answer in entry.answers] == [answer["answer"] for answer in details["answers"]]
        assert [one.column for one in entry.moved] == [one["column"] for one in details["moved"]]
        strains = [one["strain"] for one in details["moved"]]
        assert [one.strain for one in entry.moved] == pytest.approx(strains, abs=1e-4)
        assert (entry.rows, entry.labels) == (details["rows"], details["labels"])
        assert entry.rows_quarantined == details["quarantined"]
        assert {batch.name: batch.verdict for batch in entry.batches} == details["batches"]
        assert (entry.performance is None) == ("performance" not in details)
        assert (entry.automation is None) == ("served_rows" not in details)


def numbers_of(row: dict[str, Any], question: str) -> dict[str, Any]:
    answers = json.loads(row["details"])["answers"]
    return next((answer["numbers"] for answer in answers if answer["question"] == question), {})


def test_the_numbers_of_old_answers_are_fields_of_theirs() -> None:
    nights = [(entry, row) for row in [*OLD, *OLDEST] if isinstance(entry := from_row(row), NightEntry)]
    for night, row in nights:
        rows, may = night.answer(EnoughRows), night.answer(MayRetrain)
        assert rows is not None
        assert may is not None
        assert {"rows": rows.rows, "window_days": rows.window_days, "min_rows": rows.min_rows} == numbers_of(
            row, "enough rows?"
        )
        numbers = numbers_of(row, "may it retrain?")
        assert [obstacle.sentence for obstacle in may.obstacles] == numbers["obstacles"]
        assert (may.fresh_rows, may.days_since_retraining) == (numbers["fresh_rows"], numbers["days_since_retraining"])
        matters, details = night.answer(Matters), json.loads(row["details"])
        assert matters is not None
        assert matters.weight_moved == numbers_of(row, "does it matter?")["weight_moved"]
        if matters.performance is not None:
            assert matters.performance.loss.value == details["performance"]["loss"]["value"]
            assert matters.performance.end.isoformat() == details["performance"]["end"]
        where = night.answer(WhereFirst)
        assert (where.answer if where else None) == details.get("where_first")


def test_the_first_statistics_are_read_as_the_ones_that_replaced_them() -> None:
    hold, retrain, forbidden = (from_row(row) for row in OLDEST)
    assert isinstance(hold, NightEntry)
    assert [one.statistic for one in hold.moved] == [Statistic.LEVEL, Statistic.NULLS, Statistic.SHAPE]
    assert isinstance(retrain, NightEntry)
    assert retrain.action == "retrain"
    assert isinstance(forbidden, NightEntry)
    may = forbidden.answer(MayRetrain)
    assert may is not None
    assert may.wanted
    assert [obstacle.kind for obstacle in may.obstacles] == [
        ObstacleKind.WAITING,
        ObstacleKind.COOLDOWN,
        ObstacleKind.BACK_OFF,
        ObstacleKind.BUDGET,
    ]


def test_old_retrainings_promotions_and_notifications_have_their_fields() -> None:
    entries = [(from_row(row), json.loads(row["details"])) for row in OLD]
    for entry, details in entries:
        match entry:
            case RetrainingEntry():
                assert entry.because == details["because"]
                assert entry.evidence == details["evidence"]
                assert entry.holdout_start is not None
                assert entry.holdout_start.isoformat() == details["evidence"]["start"]
            case PromotionEntry() | RollbackEntry():
                assert entry.because == details.get("because", "")
            case NotificationEntry():
                assert entry.action == "sent"
                assert entry.topics == tuple(Topic(*topic) for topic in details["topics"])


def whole_night() -> NightEntry:
    return decided_night(
        moved=(moved("area", 2.0), moved("köln", 0.5, Statistic.NULLS, where="köln is 'a'")),
        performance=performance(1.3),
        waiting=4,
        drift_per_month={"area": 0.25},
    )


@pytest.mark.parametrize("kind", ["retraining registered", "promotion promoted", "rollback rolled_back"])
def test_an_entry_is_read_back_as_it_was_written(kind: str) -> None:
    name, action = kind.split()
    for entry in (whole_night(), event_entry(name, action)):
        assert from_row(to_row(entry)) == entry


def test_a_number_that_is_not_finite_is_kept() -> None:
    read = from_row(to_row(replace(whole_night(), drift_per_month={"area": float("inf")})))
    assert isinstance(read, NightEntry)
    assert read.drift_per_month == {"area": float("inf")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 3.5},
        {"rows": np.int64(3)},
        {"rows": "3"},
        {"action": "ponder"},
        {"drift": "sideways"},
        {"moved": (moved("area", 2.0, direction="up"),)},
        {"moved": ({"column": "area", "statistic": "wasserstein"},)},
        {"answers": ({"question": "valid"},)},
        {"drift_per_month": {"area": None}},
        {"waiting": "4"},
    ],
    ids=str,
)
def test_what_does_not_fit_the_record_is_never_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="the night entry 'n0' does not fit its record"):
        to_row(replace(whole_night(), **wrong))


def with_more(value: Any, name: str, more: Any) -> Any:
    """Return JSON with one more field in every object that is a record: one with at least a text key of ours."""
    if isinstance(value, list):
        return [with_more(item, name, more) for item in value]
    if isinstance(value, dict):
        inner = {key: with_more(item, name, more) for key, item in value.items()}
        return inner if value.keys() <= {"area", "köln"} else {**inner, name: more}
    return value


@settings(max_examples=60, deadline=None)
@given(name=st.text(min_size=1, max_size=8).map("x_".__add__), more=JSON)
def test_fields_of_a_later_version_are_ignored_wherever_they_are(name: str, more: Any) -> None:
    night = whole_night()
    row = to_row(night)
    later = with_more(json.loads(row["details"]), name, more)
    assert from_row(row | {"details": json.dumps(later)}) == night


def test_questions_and_statistics_of_a_later_version_are_no_error() -> None:
    night = whole_night()
    row = to_row(night)
    details = json.loads(row["details"])
    details["answers"].append({"question": "is_it_late", "answer": "no", "hours": 3})
    details["moved"][0]["statistic"] = "energy"
    read = from_row(row | {"details": json.dumps(details)})
    assert isinstance(read, NightEntry)
    assert read.answers == night.answers
    assert [one.statistic for one in read.moved] == [Statistic.OTHER, Statistic.NULLS]
    assert read.moved[0].strain == 2.0


def test_a_field_that_an_older_writer_of_this_protocol_did_not_have_gets_its_default() -> None:
    row = to_row(whole_night())
    details = json.loads(row["details"])
    defaults = {
        field.name
        for field in fields(NightEntry)
        if field.name in details and (field.default is not MISSING or field.default_factory is not MISSING)
    }
    bare = from_row(row | {"details": json.dumps({k: v for k, v in details.items() if k not in defaults})})
    assert isinstance(bare, NightEntry)
    assert (bare.moved, bare.answers, bare.automation, bare.waiting) == ((), (), None, None)


def test_every_class_of_entry_can_be_read() -> None:
    assert {entry_type.__name__ for entry_type in Entry.__subclasses__()} == {each.__name__ for each in ENTRY_TYPES}
    with pytest.raises(ValueError, match="found an entry of kind 'wish'; this version reads night, retraining"):
        from_row(to_row(whole_night()) | {"kind": "wish"})
