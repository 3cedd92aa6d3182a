"""What a night's facts become as metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tasks.metrics_export import (
    METRICS,
    NightFacts,
    RowCounts,
    RunTiming,
    TableSize,
    carried_over,
    exposition,
    failed_night,
    families,
    night_facts,
)
from tasks.records import (
    AuditedRows,
    Bounded,
    ComparedRows,
    Entry,
    GroupGap,
    GuardedMetric,
    IntervalCoverage,
    MeasuredMetric,
    NightEntry,
    Performance,
    PersonComparison,
    ServedProof,
    SureMean,
)
from tasks.rollout import RolloutTerms, alarm_level
from tests.recorded_entries import decided_night, event_entry, moved, performance, started_rollout

BEGUN = datetime(2026, 1, 9, 2, 0, tzinfo=UTC)
ENDED = datetime(2026, 1, 9, 2, 3, tzinfo=UTC)
DUE = datetime(2026, 1, 10, 2, 0, tzinfo=UTC)
NIGHT = date(2026, 1, 9)
REDONE = GuardedMetric("redone", "3-ab", "higher", 0.03, 800, 9000, 0.125, 0.05, 7.0, -9.0)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return every value by metric and labels, but for the project's."""
    return {
        (each.name, *(value for label, value in each.labels.items() if label != "project")): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def entry(kind: str, action: str, day: int) -> Entry:
    return replace(event_entry(kind, action), time=datetime(2026, 1, day, tzinfo=UTC))


def night(measured: Performance | None = None) -> NightEntry:
    strained = tuple(moved(f"column {strain}", strain) for strain in (1.5, 1.01, 1.0, 0.2))
    decided = decided_night(moved=strained, performance=measured, rows=90, labels=4, rows_quarantined=6)
    return replace(decided, night=NIGHT, action="retrain")


def facts(
    past: list[Entry], *, champion_until: date | None = date(2025, 12, 31), measured: Performance | None = None
) -> NightFacts:
    attempt = RunTiming(BEGUN, ENDED, {"ingest": 1.0, "score": 0.5})
    return night_facts("shop", night(measured), past, attempt, champion_until, DUE)


def test_rows_delivered_are_those_accepted_and_those_quarantined() -> None:
    found = samples(exposition(families(facts([]))))
    states = {state: found["leeway_rows", state] for state in ("delivered", "accepted", "quarantined")}
    assert states == {"delivered": 100, "accepted": 94, "quarantined": 6}


def test_the_champions_age_and_the_labels_lag_are_counted_in_days_of_events() -> None:
    loss = Bounded(0.15, 0.14, 0.16, expected=0.13, leeway=0.01)
    measured = replace(performance(1.0), end=date(2026, 1, 2), loss=loss)
    known = samples(exposition(families(facts([], measured=measured))))
    assert known["leeway_champion_age_days",] == 9
    assert known["leeway_label_lag_days",] == 7
    assert known["leeway_performance_strain",] == pytest.approx(2.0)


def test_a_column_that_uses_all_of_its_leeway_is_no_alarm_yet() -> None:
    found = samples(exposition(families(facts([]))))
    assert (found["leeway_drift_alarms",], found["leeway_drift_strain",]) == (2, 1.5)


def test_one_action_is_one_and_all_others_are_zero() -> None:
    found = samples(exposition(families(facts([]))))
    actions = {labels[1]: value for labels, value in found.items() if labels[0] == "leeway_decision"}
    assert actions == {"score": 0, "hold": 0, "quarantine": 0, "retrain": 1, "ask": 0, "wait": 0} | {
        action: 0 for action in actions if action != "retrain"
    }


def test_versions_wait_until_the_next_answer_and_the_oldest_is_named() -> None:
    past = [
        entry("retraining", "registered", 1),
        entry("promotion", "promoted", 2),
        entry("retraining", "registered", 5),
        entry("promotion", "refused", 6),  # a refusal says why; the version still waits
        entry("retraining", "refused", 6),
        entry("retraining", "registered", 7),
    ]
    found = samples(exposition(families(facts(past))))
    assert found["leeway_approvals_waiting",] == 2
    assert found["leeway_approval_oldest_timestamp_seconds",] == datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def test_when_nothing_waits_there_is_no_oldest_moment_from_which_an_age_could_be_counted() -> None:
    past = [entry("retraining", "registered", 1), entry("promotion", "rejected", 2)]
    found = samples(exposition(families(facts(past))))
    assert found["leeway_approvals_waiting",] == 0
    assert ("leeway_approval_oldest_timestamp_seconds",) not in found


def test_a_failed_attempt_keeps_what_the_last_night_learned_and_says_that_it_failed() -> None:
    before = exposition(families(facts([])))
    later = datetime(2026, 1, 10, 2, 0, tzinfo=UTC)
    after = samples(exposition(carried_over(before, families(failed_night("shop", OSError("secret"), later)))))
    assert after["leeway_night_failed",] == 1
    assert after["leeway_failures", "OSError"] == 1
    assert after["leeway_night_attempted_timestamp_seconds",] == later.timestamp()
    assert after["leeway_night_finished_timestamp_seconds",] == ENDED.timestamp()
    assert after["leeway_rows", "accepted"] == 94
    assert "secret" not in exposition(families(failed_night("shop", OSError("secret"), later)))


def test_a_night_after_a_failed_one_forgets_the_failure() -> None:
    before = exposition(families(failed_night("shop", OSError("no answer"), BEGUN)))
    after = samples(exposition(carried_over(before, families(facts([])))))
    assert after["leeway_night_failed",] == 0
    assert ("leeway_failures", "OSError") not in after


def test_metrics_of_an_older_version_that_are_no_longer_known_are_not_carried_on() -> None:
    before = "# HELP leeway_gone Old.\n# TYPE leeway_gone gauge\nleeway_gone 1\n"
    assert "leeway_gone" not in exposition(carried_over(before, families(facts([]))))


def test_what_the_night_found_of_served_rows_is_said_by_its_outcome() -> None:
    assert samples(exposition(families(facts([]))))["leeway_served_rows", "differing"] == 0  # it resolves an alert
    known = NightFacts("shop", BEGUN, served=ServedProof(rows=10, differing=3, unproven=2))
    found = samples(exposition(families(known)))
    assert [found["leeway_served_rows", name] for name in ("equal", "differing", "unproven")] == [7, 3, 2]


def test_every_metric_can_be_said_and_none_is_said_that_is_not_described() -> None:
    whole = facts([entry("retraining", "registered", 1)], measured=replace(performance(1.0), end=date(2026, 1, 2)))
    sure = SureMean(0.9, 0.8, 1.0)
    both = ComparedRows("", 2, sure, 2, sure, sure)
    filled = NightFacts(
        **{
            **{name: getattr(whole, name) for name in whole.__dataclass_fields__},
            "memory_peak_bytes": 1,
            "lake": {"rows": TableSize(2, 3)},
            "home_free_bytes": 4,
            "home_size_bytes": 5,
            "people": PersonComparison(1, NIGHT, NIGHT, are_shares=True, hidden=both),
            "audit": AuditedRows("full", NIGHT, are_shares=True, error=sure, people_a_day=3.0),
            "degree_fell": True,
            "guarded": (REDONE,),
            "guardrail_level": 1.0,
        }
    )
    assert [metric.name for metric in families(filled)] == list(METRICS)


@given(names=st.lists(st.text(min_size=1), min_size=1, max_size=3, unique=True), seconds=st.floats(0, 1e9))
def test_whatever_a_label_says_it_is_read_back_as_it_was(names: list[str], seconds: float) -> None:
    known = NightFacts(names[0], BEGUN, room_seconds=dict.fromkeys(names, seconds))
    text = exposition(families(known))
    read = [each for each in text_string_to_metric_families(text) if each.name == "leeway_room_seconds"]
    assert [sample.labels for sample in read[0].samples] == [{"project": names[0], "room": name} for name in names]


@given(accepted=st.integers(0, 10**12), quarantined=st.integers(0, 10**12))
def test_rows_add_up_whatever_they_are(accepted: int, quarantined: int) -> None:
    known = NightFacts("shop", BEGUN, rows=RowCounts(accepted, quarantined))
    found = samples(exposition(families(known)))
    assert found["leeway_rows", "delivered"] == found["leeway_rows", "accepted"] + found["leeway_rows", "quarantined"]


def test_further_metrics_are_exported_by_name_and_one_without_a_value_is_not() -> None:
    known = MeasuredMetric("roc_auc", higher_is_better=True, value=0.75)
    unknown = MeasuredMetric("r2", higher_is_better=True, value=None)
    measured = replace(night(), metrics=(known, unknown))
    written = night_facts("shop", measured, [], RunTiming(BEGUN, ENDED), None, DUE)
    exported = samples(exposition(families(written)))
    assert {name: value for name, value in exported.items() if name[0] == "leeway_metric"} == {
        ("leeway_metric", "roc_auc"): 0.75
    }


def test_the_coverage_of_intervals_is_exported_with_its_bounds_and_whether_it_is_past_its_leeway() -> None:
    coverage = IntervalCoverage(200, 0.8, 0.9, 0.05, 12.5, 0.75, 0.85, is_past_leeway=True)
    written = night_facts("shop", replace(night(), coverage=coverage), [], RunTiming(BEGUN, ENDED), None, DUE)
    exported = samples(exposition(families(written)))
    bounds = {"value": 0.8, "low": 0.75, "high": 0.85, "promised": 0.9}
    assert {bound: exported["leeway_interval_coverage", bound] for bound in bounds} == pytest.approx(bounds)
    assert exported["leeway_interval_past_leeway",] == pytest.approx(1)
    without = night_facts("shop", night(), [], RunTiming(BEGUN, ENDED), None, DUE)
    assert not [name for name in samples(exposition(families(without))) if name[0].startswith("leeway_interval")]


def test_guardrails_are_exported_with_the_users_of_both_versions_and_their_share_of_the_evidence() -> None:
    terms = RolloutTerms((0.1,) * 6, 0.04, 10, 0.01, 24.0, 72.0)
    step = started_rollout("b" * 64, "a" * 64, terms, BEGUN)
    level = alarm_level(terms)
    guarded = (
        replace(REDONE, rollout=step.rollout, evidence=1.5 * level),
        replace(REDONE, name="clicked", rollout=step.rollout, evidence=-2.0),
        replace(REDONE, name="unseen", rollout=step.rollout, users=0),
    )
    written = night_facts("shop", decided_night(guarded=guarded), [step], RunTiming(BEGUN, ENDED), None, DUE)
    exported = samples(exposition(families(written)))
    found = {labels[1:]: value for labels, value in exported.items() if labels[0] == "leeway_rollout_guardrail_share"}
    assert found == {
        (name, version): share
        for name in ("redone", "clicked")
        for version, share in (("candidate", 0.125), ("champion", 0.05))
    }
    strains = {name: exported["leeway_rollout_guardrail_strain", name] for name in ("redone", "clicked")}
    assert strains == pytest.approx({"redone": 1.5, "clicked": 0.0})
    ended = night_facts("shop", night(), [step], RunTiming(BEGUN, ENDED), None, DUE)
    left = samples(exposition(carried_over(exposition(families(written)), families(ended))))
    assert not [name for name in left if name[0].startswith("leeway_rollout")], "of a rollout that has ended, no more"


def test_the_largest_difference_between_groups_is_exported_by_measure_and_column() -> None:
    gaps = (
        GroupGap("town", "Ely", "error", 90, 2.0, 1.5, 0.5, 0.25, 0.75, limit=1.0),
        GroupGap("town", "Rye", "error", 90, 0.0, 1.5, -1.5, -1.75, -1.25, 1.0, is_past_limit=True),
    )
    written = night_facts("shop", replace(night(), fairness=gaps), [], RunTiming(BEGUN, ENDED), None, DUE)
    exported = samples(exposition(families(written)))
    assert exported["leeway_group_difference", "town", "error"] == pytest.approx(1.5)
    assert exported["leeway_groups_past_limit",] == pytest.approx(1)
