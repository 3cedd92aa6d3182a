from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.promote import (
    Adopt,
    Promote,
    Proof,
    PutBack,
    Refuse,
    RegistryState,
    Reject,
    RollBack,
    Step,
    StepTime,
    answered,
    approval_entry,
    asking,
    carry_out,
    plan,
    rollback,
    sentence,
    step_entry,
)
from tasks.records import Entry, PromotionEntry, RecordedVersion, champion_record
from tasks.registry import Basis, Signed, Statement, Version
from tasks.spec import evidence_digest
from tasks.spec.project_spec import ProjectSpec

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPEC = ProjectSpec.model_validate(
    {
        "project": "mine",
        "scope": {"owner": "me", "objective": "A test.", "metric": "mean_absolute_error"},
        "source": {"uri": "landing", "id": ["id"], "event_time": "at", "label": {"column": "price"}},
        "features": {"numbers": ["size"]},
    }
)
AUTOMATIC = SPEC.model_copy(update={"automation": SPEC.automation.model_copy(update={"promote": "automatic"})})
GOOD = Proof({"passed": True, "verdict": "clear_win"})
APPROVED = {"approval": "approved"}


class CrashError(Exception):
    """The process ended between two calls."""


class Shelf:
    """A registry in memory that crashes before its n-th write, and a decision record, which is written first."""

    def __init__(self, crash_at: int | None = None) -> None:
        self.tags: dict[int, dict[str, str]] = {}
        self.aliases: dict[str, int] = {}
        self.entries: list[Entry] = []
        self.signed: dict[int, Signed] = {}
        self.left = crash_at

    def add(self, number: int, tags: Mapping[str, str] | None = None) -> Shelf:
        champion = self.champion
        basis = Basis(champion, digest(champion) if champion else "", evidence_digest(SPEC), "lake")
        self.signed[number] = Signed(digest(number), Statement(f"run-{number}", NOW - timedelta(days=1), basis))
        self.tags[number] = dict(tags or {})
        self.aliases["challenger"] = number
        return self

    @property
    def champion(self) -> int | None:
        return RegistryState(self.versions(), champion_record(self.entries)).champion

    def versions(self) -> list[Version]:
        return [
            Version(
                project="mine",
                number=number,
                run_id=f"run-{number}",
                tags=dict(tags),
                aliases=tuple(alias for alias, at in self.aliases.items() if at == number),
                created=NOW - timedelta(days=1),
                description="",
            )
            for number, tags in self.tags.items()
        ]

    def situation(self) -> RegistryState:
        seen = RegistryState(self.versions(), champion_record(self.entries), lake="lake")
        read = [*asking(seen, AUTOMATIC), *answered(seen, SPEC, NOW)]
        proofs = {version.number: replace(GOOD, signed=self.signed[version.number]) for version in read}
        return replace(seen, proofs=proofs)

    def carry_out(self, step: Step, at: datetime = NOW) -> None:
        """Record a step once, and carry it out."""
        state, moment = self.situation(), StepTime(at.date(), at)
        found = [approval_entry(step, state, moment), step_entry(step, state, moment, ("me", ""))]
        names = {(entry.kind, entry.name) for entry in self.entries}
        self.entries += [entry for entry in found if entry is not None and (entry.kind, entry.name) not in names]
        carry_out(step, "mine", self)

    def settle(self, spec: ProjectSpec = SPEC, at: datetime = NOW) -> list[Step]:
        done: list[Step] = []
        while steps := plan(self.situation(), spec, at):
            assert len(done) < 20, "the plan never settles"
            for step in steps:
                self.carry_out(step, at)
            done += steps
        return done

    def _write(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise CrashError

    def set_alias(self, project: str, alias: str, number: int) -> None:
        assert (project, number in self.tags) == ("mine", True)
        self._write()
        self.aliases[alias] = number

    def delete_alias(self, _project: str, alias: str) -> None:
        self._write()
        self.aliases.pop(alias, None)

    def set_tag(self, _project: str, number: int, key: str, value: str) -> None:
        self._write()
        self.tags[number][key] = value

    def delete_tag(self, _project: str, number: int, key: str) -> None:
        self._write()
        self.tags[number].pop(key, None)


def digest(number: int) -> str:
    return f"digest-of-{number}"


def crowned(*numbers: int) -> Shelf:
    """Return a shelf where versions were approved one after another, a day apart, ending yesterday."""
    shelf = Shelf()
    for place, number in enumerate(numbers):
        shelf.add(number, APPROVED)
        shelf.settle(at=NOW - timedelta(days=len(numbers) - place))
    return shelf


def test_the_first_approved_version_becomes_champion() -> None:
    shelf = Shelf().add(1, APPROVED)
    (step,) = shelf.settle()
    assert step == Promote(1, None, (), automatic=False, at=NOW, clears_challenger=True)
    assert shelf.aliases == {"champion": 1}
    assert shelf.tags[1]["leeway.promoted"] == "2026-11-20T12:00:00+00:00"


def test_the_champion_before_becomes_previous() -> None:
    assert crowned(1, 2).aliases == {"champion": 2, "previous": 1}
    assert crowned(1, 2, 3).aliases == {"champion": 3, "previous": 2}


def test_a_settled_registry_needs_nothing() -> None:
    assert crowned(1, 2).settle() == []


def test_a_version_without_an_answer_waits() -> None:
    shelf = crowned(1).add(2)
    assert shelf.settle() == []
    assert shelf.aliases == {"champion": 1, "challenger": 2}


def test_a_clear_win_is_promoted_alone_where_the_spec_says_so() -> None:
    (step,) = crowned(1).add(2).settle(AUTOMATIC)
    assert isinstance(step, Promote)
    assert step.automatic
    assert sentence(step) == "version 2 is champion after version 1: a clear win"


def test_a_rejected_version_is_barred_once() -> None:
    shelf = crowned(1).add(2, {"approval": "Rejected"})
    assert shelf.settle() == [Reject(2, "rejected in MLflow", clears_challenger=True)]
    assert shelf.aliases == {"champion": 1}
    assert shelf.tags[2]["leeway.barred"] == "rejected in MLflow"


def test_an_approval_after_a_rejection_is_refused_with_advice() -> None:
    shelf = crowned(1).add(2, {"approval": "rejected"})
    shelf.settle()
    shelf.tags[2]["approval"] = "approved"
    (step,) = shelf.settle()
    assert isinstance(step, Refuse)
    assert "retrain for a new version" in shelf.tags[2]["approval.refused"]


def test_a_rejected_version_without_its_tag_is_still_barred_by_the_record() -> None:
    shelf = crowned(1).add(2, {"approval": "rejected"})
    shelf.settle()
    del shelf.tags[2]["leeway.barred"]
    shelf.tags[2]["approval"] = "approved"
    (step,) = shelf.settle()
    assert step == Refuse(2, ("it cannot be promoted (rejected in MLflow); retrain for a new version",))


def test_a_typing_error_is_answered_once() -> None:
    shelf = crowned(1).add(2, {"approval": "aproved"})
    (step,) = shelf.settle()
    assert isinstance(step, Refuse)
    assert "did you mean 'approved'?" in shelf.tags[2]["approval.refused"]


def test_files_that_cannot_be_believed_keep_an_approved_version_down() -> None:
    situation = crowned(1).add(2, APPROVED).situation()
    bad = replace(situation, proofs={2: Proof(None, "model.onnx has changed")})
    assert plan(bad, SPEC, NOW) == [Refuse(2, ("its files are not trusted: model.onnx has changed",))]


def test_only_the_files_of_versions_that_ask_are_looked_at() -> None:
    shelf = (
        crowned(1).add(2).add(3, APPROVED).add(4, {"approval": "rejected"}).add(5, {"leeway.barred": "x", **APPROVED})
    )
    seen = shelf.situation()
    assert [version.number for version in asking(seen, SPEC)] == [3]
    assert [version.number for version in asking(seen, AUTOMATIC)] == [3, 2]


def test_of_two_approved_versions_the_newer_wins_and_the_older_is_superseded() -> None:
    shelf = crowned(1).add(2, APPROVED).add(3, APPROVED)
    shelf.settle()
    assert shelf.aliases == {"champion": 3, "previous": 1}
    assert shelf.tags[2]["leeway.barred"] == "superseded by version 3"


def test_a_newer_version_still_waiting_must_be_compared_again() -> None:
    shelf = crowned(1).add(2, APPROVED).add(3)
    shelf.settle()
    shelf.tags[3] |= APPROVED
    shelf.settle()
    assert shelf.aliases["champion"] == 2
    assert "compared with champion 1, but the champion is 2" in shelf.tags[3]["approval.refused"]


@pytest.mark.parametrize("to", [1, 3, None])
def test_a_champion_moved_by_hand_is_put_back(to: int | None) -> None:
    shelf = crowned(1, 2).add(3)
    if to is None:
        del shelf.aliases["champion"]
    else:
        shelf.aliases["champion"] = to
    assert shelf.settle() == [PutBack(2, to)]
    assert shelf.aliases["champion"] == 2


def test_a_champion_set_by_hand_before_any_promotion_is_removed() -> None:
    shelf = Shelf().add(1)
    shelf.aliases["champion"] = 1
    (step,) = shelf.settle()
    assert "no version was ever promoted" in sentence(step)
    assert "champion" not in shelf.aliases


def test_a_champion_deleted_in_mlflow_gives_way_to_the_one_before() -> None:
    shelf = crowned(1, 2)
    del shelf.tags[2], shelf.aliases["champion"]
    assert shelf.settle() == [PutBack(1, None)]


def test_a_bar_that_was_set_by_hand_does_not_depose_the_champion() -> None:
    shelf = crowned(1, 2)
    shelf.tags[2]["leeway.barred"] = "rolled back to version 1: not true"
    assert shelf.settle() == []
    assert shelf.aliases == {"champion": 2, "previous": 1}


def test_a_promotion_that_was_recorded_but_not_carried_out_is_carried_out() -> None:
    shelf = crowned(1).add(2, APPROVED)
    (step,) = plan(shelf.situation(), SPEC, NOW)
    shelf.left = 0
    with pytest.raises(CrashError):
        shelf.carry_out(step)
    shelf.left = None
    shelf.tags[2]["approval"] = "rejected"
    assert shelf.champion == 2
    assert isinstance(step, Promote)
    assert shelf.settle() == [replace(step, automatic=True)]
    assert shelf.aliases == {"champion": 2, "previous": 1}


@pytest.mark.parametrize("tag", ["leeway.promoted", "leeway.restored"])
def test_a_tag_that_claims_a_promotion_makes_no_champion(tag: str) -> None:
    shelf = crowned(1).add(2, {tag: "2026-11-20T12:00:00+00:00"})
    shelf.aliases["champion"] = 2
    assert shelf.settle() == [PutBack(1, 2)]
    assert shelf.champion == shelf.aliases["champion"] == 1


def test_a_second_version_of_a_run_is_refused_even_if_its_own_approval_is_in_order() -> None:
    shelf = crowned(1).add(2, {"approval": "rejected"})
    shelf.settle()
    shelf.add(3, APPROVED)
    shelf.signed[3] = shelf.signed[2]
    (step,) = shelf.settle()
    assert step == Refuse(3, ("it cannot be promoted (rejected in MLflow); retrain for a new version",))
    shelf.add(4)
    shelf.add(5, APPROVED)
    shelf.signed[5] = shelf.signed[4]
    versions = [replace(one, run_id="run-4") if one.number == 5 else one for one in shelf.versions()]
    (step,) = plan(replace(shelf.situation(), versions=versions), SPEC, NOW)
    assert step == Refuse(5, ("it has the same content as version 4, and a content is registered only once",))


def test_a_deleted_champion_gives_way_to_the_one_before() -> None:
    shelf = crowned(1, 2)
    del shelf.tags[2], shelf.aliases["champion"]
    assert shelf.settle() == [PutBack(1, None)]
    assert shelf.champion == 1


def test_a_champion_without_a_recorded_digest_is_adopted_with_the_digest_it_has() -> None:
    shelf = crowned(1)
    shelf.entries = [replace(entry, digest="") for entry in shelf.entries if isinstance(entry, PromotionEntry)]
    read = replace(shelf.situation(), champion_proof=replace(GOOD, signed=Signed(digest(1))))
    (step,) = plan(read, SPEC, NOW)
    assert step == Adopt(1)
    entry = step_entry(step, read, StepTime(NOW.date(), NOW), ("leeway", ""))
    assert champion_record([*shelf.entries, entry]).champions() == [RecordedVersion(1, digest(1))]


def test_a_tag_that_is_not_a_time_makes_no_champion() -> None:
    shelf = crowned(1).add(2, {"leeway.promoted": "yesterday"}).add(3, {"leeway.promoted": "2026-11-20T12:00:00"})
    assert shelf.champion == 1


def test_a_rollback_returns_to_the_one_before_and_bars_the_other() -> None:
    shelf = crowned(1, 2, 3)
    step = rollback(shelf.situation(), "prices off", NOW)
    assert step == RollBack(3, to=2, previous=1, reason="prices off", at=NOW, approvals=("approval",))
    shelf.carry_out(step)
    assert shelf.aliases == {"champion": 2, "previous": 1}
    assert shelf.tags[3]["leeway.barred"] == "rolled back to version 2: prices off"
    assert "approval" not in shelf.tags[3]
    assert shelf.settle() == []


def test_an_old_approval_does_not_undo_a_rollback() -> None:
    shelf = crowned(1, 2)
    shelf.carry_out(rollback(shelf.situation(), "worse", NOW))
    shelf.tags[2] |= APPROVED
    (step,) = shelf.settle()
    assert isinstance(step, Refuse)
    assert shelf.aliases["champion"] == 1


@pytest.mark.parametrize("spec", [SPEC, AUTOMATIC])
def test_a_version_rolled_back_does_not_return_when_its_tags_are_removed(spec: ProjectSpec) -> None:
    shelf = crowned(1, 2)
    shelf.carry_out(rollback(shelf.situation(), "worse", NOW))
    shelf.tags[2].clear()
    shelf.settle(spec)
    shelf.tags[2] = {}
    shelf.settle(spec)
    assert shelf.aliases == {"champion": 1}
    shelf.tags[2] |= APPROVED
    shelf.settle(spec, at=NOW + timedelta(hours=1))
    assert shelf.aliases == {"champion": 1}


@pytest.mark.parametrize("moved_to", [1, 4])
def test_a_previous_moved_by_hand_leads_nowhere(moved_to: int) -> None:
    shelf = crowned(1, 2, 3).add(4)
    shelf.aliases["previous"] = moved_to
    assert rollback(shelf.situation(), "worse", NOW).to == 2


def test_there_must_be_something_to_roll_back_to() -> None:
    with pytest.raises(DataError, match="no champion to roll back from"):
        rollback(Shelf().add(1).situation(), "worse", NOW)
    with pytest.raises(DataError, match="no version was champion before version 1"):
        rollback(crowned(1).situation(), "worse", NOW)


def test_a_step_done_twice_is_done_once() -> None:
    shelf = crowned(1, 2).add(3, APPROVED)
    for step in [*plan(shelf.situation(), SPEC, NOW), rollback(shelf.situation(), "worse", NOW)]:
        carry_out(step, "mine", shelf)
        once = (dict(shelf.aliases), {number: dict(tags) for number, tags in shelf.tags.items()})
        carry_out(step, "mine", shelf)
        assert (shelf.aliases, shelf.tags) == once


@pytest.mark.parametrize("crash_at", range(10))
def test_a_promotion_cut_anywhere_ends_as_an_undisturbed_one(crash_at: int) -> None:
    expected, shelf = crowned(1).add(2).add(3, APPROVED), crowned(1).add(2).add(3, APPROVED)
    expected.settle()
    shelf.left = crash_at
    try:
        shelf.settle()
    except CrashError:
        shelf.left = None
        shelf.settle()
    assert (shelf.aliases, shelf.tags) == (expected.aliases, expected.tags)


@pytest.mark.parametrize("previous", [1, 2])
@pytest.mark.parametrize("finisher", ["the next plan", "the same rollback"])
@pytest.mark.parametrize("crash_at", range(7))
def test_a_rollback_cut_anywhere_ends_as_an_undisturbed_one(crash_at: int, finisher: str, previous: int) -> None:
    expected, shelf = crowned(1, 2, 3), crowned(1, 2, 3)
    expected.aliases["previous"] = shelf.aliases["previous"] = previous
    expected.carry_out(rollback(expected.situation(), "worse", NOW))
    shelf.left = crash_at
    try:
        shelf.carry_out(rollback(shelf.situation(), "worse", NOW))
    except CrashError:
        shelf.left = None
        if finisher == "the next plan" and "leeway.barred" in shelf.tags[3]:
            shelf.settle()
        else:
            shelf.carry_out(rollback(shelf.situation(), "worse", NOW))
    assert (shelf.aliases, shelf.tags) == (expected.aliases, expected.tags)
    assert shelf.settle() == []


ANSWERS = st.sampled_from([None, "approved", "rejected", "maybe"])
DEEDS = st.one_of(
    st.tuples(st.just("register"), ANSWERS),
    st.tuples(st.just("answer"), st.tuples(st.integers(1, 6), ANSWERS)),
    st.tuples(st.just("move champion"), st.integers(1, 6)),
    st.tuples(st.just("delete alias"), st.sampled_from(["champion", "previous", "challenger"])),
    st.tuples(st.just("roll back"), st.integers(0, 6)),
    st.tuples(st.just("crash"), st.integers(0, 8)),
)


def do(shelf: Shelf, deed: str, what: object, at: datetime) -> None:
    numbers = sorted(shelf.tags)
    match deed, what:
        case "register", answer:
            shelf.add(len(numbers) + 1, {"approval": answer} if isinstance(answer, str) else {})
        case "answer", (int(number), str(answer)) if number in numbers:
            shelf.tags[number]["approval"] = answer
        case "move champion", int(number) if number in numbers:
            shelf.aliases["champion"] = number
        case "delete alias", str(alias):
            shelf.aliases.pop(alias, None)
        case "roll back", int(crash_at):
            shelf.left = crash_at
            shelf.carry_out(rollback(shelf.situation(), "worse", at), at)
        case "crash", int(crash_at):
            shelf.left = crash_at
            shelf.settle(at=at)


@settings(deadline=None)
@given(st.lists(DEEDS, max_size=14))
def test_whatever_people_and_crashes_do_the_champion_is_one_that_was_approved(deeds: list[tuple[str, object]]) -> None:
    shelf = Shelf()
    ever_approved: set[int] = set()
    for minute, (deed, what) in enumerate(deeds):
        at = NOW + timedelta(minutes=minute)
        with suppress(CrashError, DataError):
            do(shelf, deed, what, at)
        ever_approved |= {n for n, tags in shelf.tags.items() if tags.get("approval") == "approved"}
        shelf.left = None
        before = shelf.champion
        shelf.settle(at=at)
        champion = shelf.aliases.get("champion")
        assert champion == shelf.champion
        assert champion is None or champion in ever_approved
        assert champion is None or "leeway.barred" not in shelf.tags[champion]
        assert before is None or champion is not None


def test_a_request_without_an_answer_ends_and_makes_room_for_the_next() -> None:
    shelf = Shelf().add(1)
    late = NOW + timedelta(days=SPEC.gate.evidence_days)
    steps = plan(RegistryState(shelf.versions()), SPEC, late)
    assert steps == [Reject(1, "no answer within gate.evidence_days, 30", clears_challenger=True)]


def test_nothing_is_promoted_from_which_there_is_no_way_back() -> None:
    shelf = crowned(1).add(2, APPROVED)
    seen = replace(shelf.situation(), champion_proof=Proof(None, "model.onnx has changed"))
    assert plan(seen, SPEC, NOW) == [Refuse(2, ("a rollback would not be possible: model.onnx has changed",))]
