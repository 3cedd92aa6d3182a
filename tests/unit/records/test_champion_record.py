from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tasks.records import Entry, PromotionEntry, RecordedVersion, RetrainingEntry, RollbackEntry, champion_record

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


def test_the_first_digest_that_approval_was_asked_for_and_seen_for_counts() -> None:
    asked = RetrainingEntry(
        name="n", night=NIGHT, time=NOW, action="registered", reason="", subject="version 3", digest="c"
    )
    seen = replace(promoted(3, "c"), action="approved")
    entries: list[Entry] = [asked, seen, replace(asked, digest="d"), replace(seen, digest="d")]
    record = champion_record(entries)
    assert (record.requested, record.approved, record.digest(3)) == ({3: "c"}, {3: "c"}, "c")
