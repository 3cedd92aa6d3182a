"""The degree of automation: the audit is without bias, falls soon after a flip, and seldom without a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from flows.steps.in_service.degree_raise import evidence_lines
from tasks.dataset.degree_in_force import degree_in_force, degree_since, fallen_in, spec_in_force
from tasks.dataset.hidden_answers import are_audited
from tasks.decide import Situation, decide
from tasks.people import audited_rows
from tasks.records import AuditedRows, DegreeEntry, Entry, HeldDegree, NightEntry
from tasks.records.entry_codec import from_row, to_row
from tasks.spec import ProjectSpec
from tasks.spec.spec_sections.answer_sections import Automation

SPEC = ProjectSpec.model_validate(
    {
        "project": "fraud",
        "scope": {"owner": "me", "objective": "A test.", "metric": "error_rate"},
        "source": {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "fraud", "uri": "labels"}},
        "features": {"numbers": ["amount"]},
        "training": {"task": "binary"},
        "automation": {"degree": "full", "target_error": 0.05, "audit_share": 0.1},
    }
)
START = date(2026, 1, 1)


def wrong_rows(shares: list[float], rows_a_day: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return answers of 1 with a probability of being wrong on each day."""
    wrong = rng.random((len(shares), rows_a_day)) < np.array(shares)[:, None]
    days = [START + timedelta(days=day + 1) for day in range(len(shares)) for _ in range(rows_a_day)]
    label = 1.0 - wrong.ravel().astype(np.float64)
    return pd.DataFrame({"prediction": 0.9, "confidence": 0.9, "label": label, "event_date": days})


def falls_after(rows: pd.DataFrame, rows_a_day: int, first: int) -> int | None:
    """Return after how many days from the first look the degree falls, looked at each day."""
    days = len(rows) // rows_a_day
    looks = (day for day in range(first, days + 1) if audited_rows(rows.iloc[: day * rows_a_day], START, SPEC).falls_to)
    return next(looks, None)


def test_with_an_error_at_the_target_the_degree_seldom_falls_however_often_one_looks() -> None:
    rng = np.random.default_rng(1)
    fell = sum(falls_after(wrong_rows([0.05] * 30, 20, rng), 20, 1) is not None for _ in range(60))
    assert fell / 60 <= 0.05


def test_after_a_flip_the_degree_falls_within_300_audited_rows() -> None:
    rng, days = np.random.default_rng(2), []
    for _ in range(20):
        found = falls_after(wrong_rows([0.02] * 60 + [0.2] * 15, 20, rng), 20, 61)
        assert found is not None
        days.append(found - 60)
    assert max(days) * 20 <= 300


def test_audited_rows_tell_the_error_of_what_is_automatic_and_labels_of_deferred_rows_do_not() -> None:
    """The model is wrong on 4 % of its sure rows and on 30 % of those that it defers."""
    rng, rows = np.random.default_rng(3), 20_000
    deferred = rng.random(rows) < 0.2
    wrong = rng.random(rows) < np.where(deferred, 0.3, 0.04)
    frame = pd.DataFrame({"row_id": [f"row {row}" for row in range(rows)], "deferred": deferred, "prediction": 0.9})
    frame = frame.assign(confidence=0.9, label=1.0 - wrong, event_date=START + timedelta(days=1))
    automation = SPEC.automation.model_copy(update={"degree": "partial"})
    drawn = frame[are_audited(frame, automation)]
    found = audited_rows(drawn, START, SPEC)
    truth = float(wrong[~deferred].mean())
    assert found.error is not None
    assert found.drawn == pytest.approx(0.1 * (~deferred).sum(), rel=0.1)
    assert found.error.low <= truth <= found.error.high
    assert found.error.value == pytest.approx(truth, abs=0.015)
    assert wrong[deferred].mean() > 2 * truth


def automation(degree: str, **shares: float) -> Automation:
    return Automation.model_validate({"degree": degree, "target_error": 0.05, **shares})


def night(day: int, degree: str, falls_to: str = "") -> NightEntry:
    audit = AuditedRows(degree, START, are_shares=True, drawn=10, falls_to=falls_to)
    moment = datetime(2026, 1, day, 3, tzinfo=UTC)
    answers = (HeldDegree(audit.sentence, audit=audit),)
    return NightEntry(name=str(day), night=moment.date(), time=moment, action="ask", reason="", answers=answers)


def test_a_degree_that_has_fallen_stays_until_a_person_raises_it_and_never_above_that_of_the_spec() -> None:
    record: list[Entry] = [night(2, "full"), night(3, "full", "assist"), night(4, "assist")]
    assert degree_in_force(record[:1], "full") == "full"
    assert degree_in_force(record, "full") == "assist"
    assert degree_in_force(record, "shadow") == "shadow"
    assert spec_in_force(SPEC, record).automation.degree == "assist"
    assert spec_in_force(SPEC, record[:1]) is SPEC
    assert degree_since(record, automation("assist")) == date(2026, 1, 3)
    moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
    raised = DegreeEntry(name="r", night=moment.date(), time=moment, action="partial", reason="retrained", actor="ann")
    assert degree_in_force([*record, raised], "full") == "partial"
    assert degree_since([*record, raised], automation("partial")) == date(2026, 1, 5)
    assert degree_in_force([*record, raised, night(6, "partial", "assist")], "full") == "assist"
    assert fallen_in(record) == record[1], "until a person raises it"
    assert fallen_in([*record, raised]) is None
    assert evidence_lines([night(3, "full", "assist"), night(4, "assist")]) == [
        "it fell on 2026-01-03: full: 0 of 10 audited rows are known; it falls to assist",
        "audit of 2026-01-04: assist: 0 of 10 audited rows are known",
    ]


@pytest.mark.parametrize("share", ["blind_share", "audit_share"])
def test_rows_count_as_drawn_only_since_the_share_by_which_they_were_drawn_is_in_force(share: str) -> None:
    before, now = automation("assist", **{share: 0.1}), automation("assist", **{share: 0.5})
    record: list[Entry] = []
    for day, terms in ((2, before), (3, before), (4, now)):
        spec = SPEC.model_copy(update={"automation": terms})
        audit = audited_rows(wrong_rows([0.0], 2, np.random.default_rng(5)), START, spec)
        assert (audit.degree, audit.blind_share, audit.audit_share) == ("assist", terms.blind_share, terms.audit_share)
        stored = to_row(replace(night(day, "assist"), answers=(HeldDegree(audit.sentence, audit=audit),)))
        record.append(from_row(stored))
    assert degree_since(record, now) == date(2026, 1, 3)
    assert degree_since(record, before) == date(2026, 1, 4)
    assert degree_since(record[:2], before) is None
    asked_nothing: list[Entry] = [replace(night(6, "assist"), champion=1, answers=())]
    assert degree_since([*record, *asked_nothing], now) == date(2026, 1, 6)
    assert degree_since([night(7, "assist")], now) is None, "a night that did not store its shares"


def test_a_night_on_which_the_degree_falls_asks_a_person() -> None:
    audit = AuditedRows("full", START, are_shares=True, drawn=10, falls_to="assist")
    decision = decide(Situation("fraud", START, champion=1, window_rows=90, audit=audit), SPEC)
    assert decision.action == "ask"
    assert "`leeway degree fraud` shows the evidence and raises it" in decision.reason
    held = decide(Situation("fraud", START, champion=1, window_rows=90), SPEC)
    assert held.action == "score"


def test_no_degree_falls_below_the_one_in_which_people_decide_all() -> None:
    spec = SPEC.model_copy(update={"automation": SPEC.automation.model_copy(update={"degree": "assist"})})
    rows = wrong_rows([1.0] * 3, 20, np.random.default_rng(4))
    assert audited_rows(rows, START, SPEC).falls_to == "assist"
    assert audited_rows(rows, START, spec).falls_to == ""
