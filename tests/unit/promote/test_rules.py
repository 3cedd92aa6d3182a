from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tasks.promote import Proof, approval, may_promote
from tasks.promote.rules import named, overdue
from tasks.registry import Version
from tasks.spec.project_spec import ProjectSpec

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPEC = ProjectSpec.model_validate(
    {
        "project": "mine",
        "scope": {"owner": "me", "objective": "A test.", "metric": "mean_absolute_error"},
        "source": {"uri": "landing", "id": ["id"], "event_time": "at", "label": {"column": "price"}},
        "features": {"numbers": ["size"]},
        "gate": {"evidence_days": 30},
    }
)
AUTOMATIC = SPEC.model_copy(update={"automation": SPEC.automation.model_copy(update={"promote": "automatic"})})
GOOD = Proof({"passed": True, "verdict": "clear_win"})
NARROW = Proof({"passed": True, "verdict": "narrow_win"})
VERSION = Version(
    project="mine",
    number=3,
    run_id="r3",
    tags={"approval": "approved", "leeway.compared_with": "2"},
    aliases=("challenger",),
    created=NOW - timedelta(days=1),
    description="",
)


def tagged(**changes: str | None) -> Version:
    tags = {**VERSION.tags, **{name.replace("__", "."): value for name, value in changes.items()}}
    return replace(VERSION, tags={name: value for name, value in tags.items() if value is not None})


def test_an_approved_proven_fresh_version_may() -> None:
    assert may_promote(VERSION, GOOD, 2, SPEC, NOW) == []


def test_the_first_version_of_all_may() -> None:
    assert may_promote(tagged(leeway__compared_with="none"), GOOD, None, SPEC, NOW) == []


@pytest.mark.parametrize(
    ("version", "proof", "champion", "said"),
    [
        (tagged(approval=None), GOOD, 2, "waits for the tag approval"),
        (tagged(approval=""), GOOD, 2, "waits for the tag approval"),
        (tagged(approval="rejected"), GOOD, 2, "a person rejected it"),
        (tagged(approval="yes"), GOOD, 2, "the tag approval is 'yes'; expected 'approved' or 'rejected'"),
        (VERSION, None, 2, "not read"),
        (VERSION, Proof(None, "model.onnx has changed"), 2, "are not trusted: model.onnx has changed"),
        (VERSION, Proof({"passed": True}, "badly signed"), 2, "badly signed"),
        (VERSION, Proof(None), 2, "has no evidence"),
        (VERSION, Proof({"passed": False, "verdict": "worse"}), 2, "did not pass the gate (verdict worse)"),
        (VERSION, Proof({"passed": "yes"}), 2, "did not pass"),
        (replace(VERSION, created=NOW - timedelta(days=31)), GOOD, 2, "evidence of 2026-10-20 is older"),
        (tagged(leeway__barred="superseded by version 4"), GOOD, 2, "cannot be promoted (superseded by version 4)"),
        (VERSION, GOOD, 4, "older than the champion, version 4"),
        (VERSION, GOOD, 1, "compared with champion 2, but the champion is 1"),
        (VERSION, GOOD, None, "compared with champion 2, but the champion is none"),
        (tagged(leeway__compared_with=None), GOOD, 2, "compared with champion None"),
    ],
)
def test_one_thing_wrong_is_one_reason(version: Version, proof: Proof | None, champion: int | None, said: str) -> None:
    (reason,) = may_promote(version, proof, champion, SPEC, NOW)
    assert said in reason


def test_every_reason_is_given_at_once() -> None:
    old = replace(tagged(approval="no"), created=NOW - timedelta(days=99))
    assert len(may_promote(old, Proof(None), 1, SPEC, NOW)) == 4


def test_evidence_counts_to_its_last_day_included() -> None:
    last = replace(VERSION, created=NOW - timedelta(days=30))
    assert may_promote(last, GOOD, 2, SPEC, NOW) == []
    assert may_promote(last, GOOD, 2, SPEC, NOW + timedelta(seconds=1)) != []


def test_a_clear_win_needs_no_person_only_where_the_spec_says_so() -> None:
    waiting = tagged(approval=None)
    assert may_promote(waiting, GOOD, 2, AUTOMATIC, NOW) == []
    assert may_promote(waiting, GOOD, 2, SPEC, NOW) != []
    assert may_promote(waiting, NARROW, 2, AUTOMATIC, NOW) != []
    assert may_promote(VERSION, NARROW, 2, AUTOMATIC, NOW) == []


def test_a_person_can_reject_a_clear_win() -> None:
    assert may_promote(tagged(approval="Rejected"), GOOD, 2, AUTOMATIC, NOW) == ["a person rejected it"]


@pytest.mark.parametrize("said", ["approved", "Approved", " APPROVED\n"])
def test_case_and_spaces_do_not_matter(said: str) -> None:
    assert approval({"Approval ": said}) == "approved"


def test_two_answers_are_no_answer() -> None:
    assert "two tags approval" in approval({"approval": "approved", "Approval": "rejected"})
    assert approval({"approval": "approved", "Approval": "approved "}) == "approved"


def approved_by(name: str) -> Version:
    return replace(VERSION, tags={**VERSION.tags, "approval.by": name})


def test_where_mlflow_has_accounts_an_approval_is_a_persons_by_name() -> None:
    assert named(VERSION, None, SPEC) == []
    assert "add the tag approval.by" in named(VERSION, "pipeline", SPEC)[0]
    assert "Leeway's own account" in named(approved_by("pipeline"), "pipeline", SPEC)[0]
    assert named(approved_by("ann"), "pipeline", SPEC) == []


def test_only_the_approvers_of_the_spec_approve_where_it_names_any() -> None:
    spec = SPEC.model_copy(update={"automation": SPEC.automation.model_copy(update={"approvers": ["ann"]})})
    assert named(approved_by("ann"), "pipeline", spec) == []
    assert named(approved_by("bob"), "pipeline", spec) == ["bob is not one of automation.approvers: ann"]


def test_a_request_without_an_answer_ends_when_its_evidence_is_stale() -> None:
    assert overdue(VERSION, SPEC, VERSION.created + timedelta(days=30)) is None
    late = overdue(VERSION, SPEC, VERSION.created + timedelta(days=31))
    assert late == "no answer within gate.evidence_days, 30"
