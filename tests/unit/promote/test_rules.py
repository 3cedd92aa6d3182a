from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.promote import Proof, Standing, approval, may_promote
from tasks.promote.rules import named, overdue
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
        "gate": {"evidence_days": 30},
    }
)
AUTOMATIC = SPEC.model_copy(update={"automation": SPEC.automation.model_copy(update={"promote": "automatic"})})
LAKE = "the lake"
DIGEST = "d" * 64
ASKED = frozenset({DIGEST})
TWO = Standing(champion=2, champion_digest="c2", lake=LAKE, asked_digests=ASKED)


def signed(days_ago: float = 1, champion: int | None = 2, digest: str = "c2", **basis: str) -> Signed:
    """Return what is signed about a version that was compared with a champion."""
    facts = {"spec_sha256": evidence_digest(SPEC), "lake": LAKE} | basis
    return Signed(DIGEST, Statement("r3", NOW - timedelta(days=days_ago), Basis(champion, digest, **facts)))


def proof(evidence: dict[str, object] | None, **how: Any) -> Proof:
    return Proof(evidence, signed=signed(**how))


WON: dict[str, object] = {"passed": True, "verdict": "clear_win"}
GOOD = proof(WON)
NARROW = proof({"passed": True, "verdict": "narrow_win"})
VERSION = Version(
    project="mine",
    number=3,
    run_id="r3",
    tags={"approval": "approved"},
    aliases=("challenger",),
    created=NOW - timedelta(days=1),
    description="",
)


def tagged(**changes: str | None) -> Version:
    tags = {**VERSION.tags, **{name.replace("__", "."): value for name, value in changes.items()}}
    return replace(VERSION, tags={name: value for name, value in tags.items() if value is not None})


def test_an_approved_proven_fresh_version_may() -> None:
    assert may_promote(VERSION, GOOD, TWO, SPEC, NOW) == []


def test_the_first_version_of_all_may() -> None:
    assert may_promote(VERSION, proof(WON, champion=None, digest=""), Standing(lake=LAKE), SPEC, NOW) == []


@pytest.mark.parametrize(
    ("version", "proof", "changes", "said"),
    [
        (tagged(approval=None), GOOD, {}, "waits for the tag approval"),
        (tagged(approval=""), GOOD, {}, "waits for the tag approval"),
        (tagged(approval="rejected"), GOOD, {}, "a person rejected it"),
        (tagged(approval="yes"), GOOD, {}, "the tag approval is 'yes'; expected 'approved' or 'rejected'"),
        (VERSION, None, {}, "not read"),
        (VERSION, Proof(None, "model.onnx has changed"), {}, "are not trusted: model.onnx has changed"),
        (VERSION, Proof({"passed": True}, "badly signed"), {}, "badly signed"),
        (VERSION, proof(None), {}, "has no evidence"),
        (VERSION, proof({"passed": False, "verdict": "worse"}), {}, "did not pass the gate (verdict worse)"),
        (VERSION, proof({"passed": "yes"}), {}, "did not pass"),
        (VERSION, proof(WON, days_ago=31), {}, "evidence of 2026-10-20 is older"),
        (tagged(leeway__barred="superseded by version 4"), GOOD, {}, "cannot be promoted (superseded by version 4)"),
        (VERSION, GOOD, {"bar": "rolled back"}, "cannot be promoted (rolled back); retrain"),
        (VERSION, GOOD, {"twin": 1}, "same content as version 1"),
        (VERSION, GOOD, {"champion": 4, "champion_digest": "c4"}, "older than the champion, version 4"),
        (VERSION, GOOD, {"champion": 1, "champion_digest": "c1"}, "compared with champion 2, but the champion is 1"),
        (VERSION, GOOD, {"champion_digest": "other"}, "champion 2 with the digest c2, but the champion is 2 with the"),
        (VERSION, GOOD, {"champion": None, "champion_digest": ""}, "compared with champion 2, but the champion is no"),
        (VERSION, GOOD, {"asked_digests": frozenset({"e" * 64})}, f"digest {'d' * 12}, and the approval is for eeee"),
        (VERSION, GOOD, {"lake": "another"}, "trained on the data of another lake"),
        (VERSION, proof(WON, spec_sha256="other"), {}, "the spec (metric, source, features, task or gate) has changed"),
        (VERSION, Proof(WON, signed=Signed(DIGEST)), {}, "registered by an earlier version of Leeway"),
    ],
)
def test_one_thing_wrong_is_one_reason(
    version: Version, proof: Proof | None, changes: dict[str, Any], said: str
) -> None:
    (reason,) = may_promote(version, proof, replace(TWO, **changes), SPEC, NOW)
    assert said in reason


@pytest.mark.parametrize("tag", ["leeway.compared_with", "leeway.promoted", "leeway.restored", "leeway.key"])
def test_what_tags_say_of_a_comparison_is_not_believed(tag: str) -> None:
    stale = proof(WON, champion=1, digest="c1")
    (reason,) = may_promote(tagged(**{tag.replace(".", "__"): "2"}), stale, TWO, SPEC, NOW)
    assert "compared with champion 1, but the champion is 2" in reason


def test_every_reason_is_given_at_once() -> None:
    old = proof(None, days_ago=99, champion=1, digest="c1")
    assert len(may_promote(tagged(approval="no"), old, TWO, SPEC, NOW)) == 4


def test_evidence_counts_from_its_signature_to_its_last_day_included() -> None:
    last = proof(WON, days_ago=30)
    assert may_promote(VERSION, last, TWO, SPEC, NOW) == []
    assert may_promote(VERSION, last, TWO, SPEC, NOW + timedelta(seconds=1)) != []
    assert may_promote(replace(VERSION, created=NOW - timedelta(days=99)), last, TWO, SPEC, NOW) == []


def test_only_the_parts_of_a_spec_that_evidence_rests_on_are_compared() -> None:
    gate = SPEC.gate.model_copy(update={"evidence_days": 31})
    assert (
        evidence_digest(AUTOMATIC) == evidence_digest(SPEC.model_copy(update={"gate": gate})) == evidence_digest(SPEC)
    )
    stricter = SPEC.gate.model_copy(update={"min_gain": 0.1})
    assert evidence_digest(SPEC.model_copy(update={"gate": stricter})) != evidence_digest(SPEC)


def test_a_clear_win_needs_no_person_only_where_the_spec_says_so() -> None:
    waiting = tagged(approval=None)
    assert may_promote(waiting, GOOD, TWO, AUTOMATIC, NOW) == []
    assert may_promote(waiting, GOOD, TWO, SPEC, NOW) != []
    assert may_promote(waiting, NARROW, TWO, AUTOMATIC, NOW) != []
    assert may_promote(VERSION, NARROW, TWO, AUTOMATIC, NOW) == []


def test_a_person_can_reject_a_clear_win() -> None:
    assert may_promote(tagged(approval="Rejected"), GOOD, TWO, AUTOMATIC, NOW) == ["a person rejected it"]


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
