"""A version that may be promoted is rolled out first if the spec says so, and promoted once its rollout is finished."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flows.steps.in_service.rollout_steps import next_step
from tasks.promote import BeginRollout, EndRollout, Promote, Refuse, RegistryState, Reject, StepTime, plan, sentence
from tasks.records import RolloutAction, RolloutEntry, rollouts, running_rollout
from tasks.rollout import RolloutTerms, RolloutVerdict
from tests.unit.promote.test_plan import APPROVED, NOW, SPEC, Shelf, digest

POLICY = {"strategy": "canary", "shares_from": 0.05, "max_changed_answers": 7, "entity": "id"}
CANARY = SPEC.model_validate(SPEC.model_dump(mode="json") | {"rollout": POLICY})
AUTOMATIC = CANARY.model_copy(update={"automation": CANARY.automation.model_copy(update={"promote": "automatic"})})
PROMISE = {
    "rows": 500, "unit": 1.5, "changed": 0.02, "changed_high": 0.04, "size": 0.05, "size_high": 0.06,
    "shift": 0.0, "shift_low": -0.1, "shift_high": 0.1,
}  # fmt: skip


class RolledShelf(Shelf):
    """A shelf of versions with a promise, and of a record with rollouts."""

    promise: dict[str, Any] | None = PROMISE

    def situation(self) -> RegistryState:
        seen = super().situation()
        evidence = {"passed": True, "verdict": "clear_win", "change": self.promise}
        proofs = {number: replace(proof, evidence=evidence) for number, proof in seen.proofs.items()}
        return replace(seen, proofs=proofs, rollouts=[steps[-1] for steps in rollouts(self.entries)])

    def follow(self, action: RolloutAction, reason: str = "") -> None:
        """Record the next step of the newest rollout, as the prediction service does."""
        assert action != "started"
        last = rollouts(self.entries)[-1][-1]
        self.entries.append(next_step(last, RolloutVerdict(action, 0.0, reason), StepTime(NOW.date(), NOW)))


def shelf_of() -> RolledShelf:
    """Return a shelf with a champion, and a version that was approved."""
    shelf = RolledShelf()
    shelf.add(1, APPROVED)
    shelf.settle(CANARY, NOW - timedelta(days=1))
    shelf.add(2, APPROVED)
    return shelf


def test_blue_green_switches_all_requests_once_and_keeps_the_old_version_warm() -> None:
    policy = {**POLICY, "strategy": "blue_green", "keep_warm_hours": 6}
    spec = SPEC.model_validate(SPEC.model_dump(mode="json") | {"rollout": policy})
    (step,) = shelf_of().settle(spec)
    assert isinstance(step, BeginRollout)
    assert (step.terms.first_share, step.terms.bake_hours, step.terms.quota) == (1.0, 6.0, 7)


def test_the_first_champion_needs_no_rollout() -> None:
    shelf = RolledShelf().add(1, APPROVED)
    assert [type(step) for step in shelf.settle(CANARY)] == [Promote]


def test_an_approved_version_is_rolled_out_once_and_the_champion_stays() -> None:
    shelf = shelf_of()
    (step,) = shelf.settle(CANARY)
    assert isinstance(step, BeginRollout)
    assert sentence(step) == "version 2 is rolled out by the prediction service: approved"
    assert (shelf.champion, shelf.aliases["champion"]) == (1, 1)
    (steps,) = rollouts(shelf.entries)
    (started,) = steps
    assert isinstance(started, RolloutEntry)
    assert (started.digest, started.champion_digest, started.stage) == (digest(2), digest(1), 0)
    terms = RolloutTerms.from_dict(started.terms)
    assert (terms.quota, terms.first_share, terms.entity, terms.unit) == (7, 0.05, "id", 1.5)
    assert terms.limits[:2] == pytest.approx((0.06, 0.09))
    for action in ("advanced", "doubted"):
        shelf.follow(action)
        assert shelf.settle(CANARY) == []


def test_a_finished_rollout_is_promoted_and_nothing_is_left_to_do() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("finished")
    assert [type(step) for step in shelf.settle(CANARY)] == [Promote]
    assert shelf.champion == 2


def test_a_version_that_was_rolled_back_is_rejected_for_good() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("rolled_back", "version 2 cannot be promoted again: it differs")
    assert shelf.settle(CANARY) == [Reject(2, "it differs", clears_challenger=True)]
    assert shelf.tags[2]["leeway.barred"] == "it differs"
    assert shelf.champion == 1
    assert shelf.settle(SPEC) == [], "also at once it is never promoted"


def test_a_version_that_a_person_rejects_meanwhile_is_rolled_out_no_longer_and_keeps_no_other_waiting() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("advanced")
    assert running_rollout(shelf.entries) is not None
    shelf.tags[2]["approval"] = "rejected"
    (step,) = shelf.settle(CANARY)
    assert isinstance(step, Reject)
    assert running_rollout(shelf.entries) is None
    shelf.add(3, APPROVED)
    assert [type(step) for step in shelf.settle(CANARY)] == [BeginRollout]


def test_a_clear_win_is_rolled_out_without_a_person() -> None:
    shelf = RolledShelf()
    shelf.add(1, APPROVED)
    shelf.settle(CANARY, NOW - timedelta(days=1))
    shelf.add(2)
    (step,) = shelf.settle(AUTOMATIC)
    assert isinstance(step, BeginRollout)
    assert step.automatic


def test_evidence_without_a_promise_cannot_be_rolled_out() -> None:
    shelf = shelf_of()
    shelf.promise = None
    (step,) = shelf.settle(CANARY)
    assert "does not say how its answers differ" in sentence(step)
    assert [type(step) for step in shelf.settle(SPEC)] == [Promote]


def test_one_version_is_rolled_out_at_a_time() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("advanced")
    shelf.add(3, APPROVED)
    (step,) = shelf.settle(CANARY)
    assert sentence(step).startswith("version 3 is not promoted: version 2 is being rolled out")
    shelf.follow("finished")
    assert isinstance(shelf.settle(CANARY)[0], Promote)
    assert shelf.champion == 2


def test_a_rollout_that_no_service_has_taken_up_keeps_no_newer_version_waiting() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.add(3, APPROVED)
    assert [type(step) for step in shelf.settle(CANARY)] == [BeginRollout]
    running = running_rollout(shelf.entries)
    assert running is not None
    assert running.version == 3


def test_a_rollout_of_a_service_that_is_gone_ends_by_record_and_the_next_version_begins() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("advanced")
    shelf.add(3, APPROVED)
    longest = timedelta(hours=72 + 1 + 24)
    assert [type(step) for step in shelf.settle(CANARY, NOW + longest - timedelta(minutes=1))] == [Refuse]
    first, *others = shelf.settle(CANARY, NOW + longest)
    assert sentence(first) == (
        "version 2 cannot be promoted again: the prediction service that runs its rollout has recorded nothing for "
        "97 hours"
    )
    assert {type(step) for step in others} == {BeginRollout, Reject}
    assert "leeway.barred" in shelf.tags[2]
    running = running_rollout(shelf.entries)
    assert running is not None
    assert running.version == 3


def test_a_service_that_comes_back_finds_that_its_rollout_has_ended() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("advanced")
    shelf.settle(CANARY, NOW + timedelta(hours=97))
    assert running_rollout(shelf.entries) is None
    ended = rollouts(shelf.entries)[-1][-1]
    assert (ended.action, ended.stage, ended.share) == ("rolled_back", 2, 0.0)


@pytest.mark.parametrize("action", ["advanced", "doubted", "finished"])
def test_an_approval_that_is_withdrawn_ends_the_rollout(action: RolloutAction) -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow(action)
    del shelf.tags[2]["approval"]
    first, *_ = shelf.settle(CANARY)
    assert sentence(first).startswith("version 2 cannot be promoted again: it waits for the tag approval")
    assert running_rollout(shelf.entries) is None
    shelf.tags[2]["approval"] = "approved"
    assert not any(isinstance(step, BeginRollout | Promote) for step in shelf.settle(CANARY))


def test_a_rollout_of_a_clear_win_needs_no_approval_to_go_on() -> None:
    shelf = RolledShelf()
    shelf.add(1, APPROVED)
    shelf.settle(CANARY, NOW - timedelta(days=1))
    shelf.add(2)
    shelf.settle(AUTOMATIC)
    shelf.follow("advanced")
    assert shelf.settle(AUTOMATIC) == []


@pytest.mark.parametrize(
    ("action", "days", "why"),
    [
        ("doubted", 30, "older than gate.evidence_days"),
        ("started", 30, "older than gate.evidence_days"),
        ("finished", 1, "could not be promoted since"),
    ],
)
def test_a_rollout_that_can_lead_to_no_promotion_any_more_ends(action: RolloutAction, days: int, why: str) -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    if action != "started":
        shelf.follow(action)
    situation = shelf.situation()
    (step, *_) = plan(situation, CANARY, NOW + timedelta(days=days))
    assert isinstance(step, EndRollout)
    assert why in step.reason


def test_a_rollout_of_a_version_that_was_deleted_ends() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("advanced")
    del shelf.tags[2]
    (step,) = plan(shelf.situation(), CANARY, NOW)
    assert isinstance(step, EndRollout)
    assert step.reason == "the registry no longer has it"


def test_an_alias_that_was_moved_to_a_candidate_is_put_back() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.aliases["champion"] = 2
    shelf.settle(CANARY)
    assert shelf.aliases["champion"] == 1


def test_a_rollout_that_is_no_longer_wanted_is_promoted_at_once() -> None:
    shelf = shelf_of()
    shelf.settle(CANARY)
    shelf.follow("doubted")
    assert [type(step) for step in shelf.settle(SPEC)] == [Promote]
