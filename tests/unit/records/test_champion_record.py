from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tasks.records import (
    Entry,
    PromotionEntry,
    RecordedVersion,
    RetrainingEntry,
    RollbackEntry,
    champion_record,
    pending_approval,
    rollouts,
    running_rollout,
)
from tests.recorded_entries import event_entry, rollout_entries

NIGHT = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def promoted(number: int, digest: str = "") -> PromotionEntry:
    time = NOW + timedelta(minutes=number)
    return PromotionEntry(
        name=f"{number}/promoted", night=NIGHT, time=time, action="promoted", reason="", subject=f"version {number}",
        digest=digest,
    )  # fmt: skip


def rolled_back(number: int, to: int) -> RollbackEntry:
    reason = f"version {to} is champion again; version {number} cannot be promoted again: prices off"
    return RollbackEntry(
        name=f"{number}/rolled_back", night=NIGHT, time=NOW + timedelta(hours=1), reason=reason, subject=f"version {to}"
    )


def test_the_champion_is_the_last_that_was_promoted() -> None:
    record = champion_record([promoted(1, "a"), promoted(2, "b")])
    assert record.champions() == [RecordedVersion(2, "b"), RecordedVersion(1, "a")]
    assert record.champions({1}) == [RecordedVersion(1, "a")]


def test_a_record_of_an_earlier_leeway_has_numbers_and_no_digests() -> None:
    record = champion_record([promoted(1), promoted(2), rolled_back(2, to=1)])
    assert record.champions() == [RecordedVersion(1)]
    assert record.bar(2, "any digest") == "rolled back to version 1: prices off"
    assert record.bar(1, "any digest") is None


def test_a_bar_is_for_a_content_under_any_number() -> None:
    rejected = replace(promoted(2, "b"), action="rejected", reason="version 2 cannot be promoted again: no")
    record = champion_record([promoted(1, "a"), rejected])
    assert (record.bar(5, "b"), record.bar(2, "c"), record.bar(2, "")) == ("no", None, "no")
    assert (record.number_of("b"), record.number_of("c"), record.number_of("")) == (2, None, None)


def asked(number: int, digest: str) -> RetrainingEntry:
    return RetrainingEntry(
        name=f"n{digest}", night=NIGHT, time=NOW, action="registered", reason="", subject=f"version {number}",
        digest=digest,
    )  # fmt: skip


def approved(number: int, digest: str) -> PromotionEntry:
    return replace(promoted(number, digest), name=f"{number}/approved", action="approved")


def test_an_approval_counts_for_the_digest_that_it_was_first_seen_for() -> None:
    record = champion_record([asked(3, "c"), approved(3, "c"), approved(3, "d")])
    assert (record.requested, record.approved, record.digest(3)) == ({3: "c"}, {3: "c"}, "c")


def test_a_number_that_a_registry_made_again_gives_away_again_is_another_version() -> None:
    before: list[Entry] = [asked(1, "a"), approved(1, "a"), promoted(1, "a")]
    record = champion_record([*before, asked(1, "b")])
    assert (record.champions(), record.requested, record.approved) == ([], {1: "b"}, {})
    record = champion_record([*before, asked(1, "b"), approved(1, "b"), promoted(1, "b")])
    assert (record.champions(), record.approved) == ([RecordedVersion(1, "b")], {1: "b"})


def test_a_retraining_that_is_recorded_twice_changes_nothing() -> None:
    before: list[Entry] = [asked(1, "a"), approved(1, "a"), promoted(1, "a")]
    assert champion_record([*before, asked(1, "a")]) == champion_record(before)


def test_a_rollout_runs_until_it_is_rolled_back_or_another_version_is_champion() -> None:
    steps = rollout_entries("advanced", "finished")
    running = running_rollout([promoted(1, "1"), *steps])
    assert running is not None
    assert (running.action, running.stage) == ("finished", 2)
    assert running_rollout([promoted(1, "1"), *steps, promoted(2, "2")]) is None
    assert running_rollout(steps) is None
    ended = rollout_entries("advanced", "rolled_back", reason="version 2 cannot be promoted again: it differs")
    assert running_rollout([promoted(1, "1"), *ended]) is None
    assert champion_record(ended).bar(7, "2") == "it differs"
    assert [[step.stage for step in each] for each in rollouts([*reversed(steps)])] == [[0, 1, 2]]


def test_a_version_that_is_rolled_out_needs_no_approval_and_a_newer_one_does() -> None:
    asked, steps = event_entry("retraining", "registered"), rollout_entries("advanced")
    assert pending_approval([asked, *steps]) is None
    newer = event_entry("retraining", "registered", subject="version 3")
    found = pending_approval([asked, newer, *steps])
    assert found is not None
    assert found.subject == "version 3"
