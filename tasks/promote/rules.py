"""When a version may become champion: approval is a request, and the evidence is looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tasks.promote.approval import approval
from tasks.registry.mlflow_names import APPROVER, BARRED, COMPARED_WITH
from tasks.registry.versions import Version
from tasks.spec.project_spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found in a version's files.

    Parameters
    ----------
    evidence : mapping or None
        The gate's evidence, None when there is none.
    fault : str or None
        Why the files cannot be believed (missing, changed, badly signed); None when they were verified.
    """

    evidence: Mapping[str, Any] | None
    fault: str | None = None


def may_promote(
    version: Version, proof: Proof | None, champion: int | None, spec: ProjectSpec, now: datetime
) -> list[str]:
    """Return every reason why a version may not become champion now; none means it may.

    Parameters
    ----------
    version : Version
        Its number, age and tags.
    proof : Proof or None
        What its files say; None when they were not looked at.
    champion : int or None
        Number of the champion as Leeway recorded it, None when there is none yet.
    spec : ProjectSpec
        `gate.evidence_days`, `automation.promote`.
    now : datetime
        Aware; evidence is as old as its version.
    """
    if barred := version.tags.get(BARRED):
        return [f"it is barred ({barred}); to allow it again delete the tag {BARRED}, then approve it"]
    return [
        *_consent(version, proof, spec),
        *_standing(version, champion),
        *_believable(proof),
        *_age(version, spec.gate.evidence_days, now),
    ]


def named(version: Version, account: str | None, spec: ProjectSpec) -> list[str]:
    """Return why an approval cannot be taken for a person's, where MLflow knows who is who.

    Parameters
    ----------
    account : str or None
        Leeway's own account; None where MLflow has no authentication, and so nobody can be told apart.
    """
    if account is None:
        return []
    by = version.tags.get(APPROVER, "").strip()
    if not by:
        return [f"MLflow has accounts, so an approval needs a name: add the tag {APPROVER} with yours"]
    if by == account:
        return [f"it was approved by {account}, which is Leeway's own account; a person must approve it"]
    known = spec.automation.approvers
    if known and by not in known:
        return [f"{by} is none of automation.approvers: {', '.join(known)}"]
    return []


def overdue(version: Version, spec: ProjectSpec, now: datetime) -> str | None:
    """Say that nobody answered while the evidence was fresh, or return None; a request does not wait for ever."""
    days = spec.gate.evidence_days
    if now - version.created <= timedelta(days=days):
        return None
    return f"nobody answered within gate.evidence_days, {days}"


def _consent(version: Version, proof: Proof | None, spec: ProjectSpec) -> list[str]:
    said = approval(version.tags)
    if said == "approved" or (said == "waiting" and wins_alone(proof, spec)):
        return []
    if said == "waiting":
        return ["it waits for the tag approval to say 'approved'"]
    return ["a person rejected it" if said == "rejected" else said]


def wins_alone(proof: Proof | None, spec: ProjectSpec) -> bool:
    """Tell whether no person need be asked: the spec allows it, and the challenger won clearly."""
    clear = proof is not None and proof.evidence is not None and proof.evidence.get("verdict") == "clear_win"
    return clear and spec.automation.promote == "automatic"


def _standing(version: Version, champion: int | None) -> list[str]:
    if champion is not None and version.number < champion:
        return [f"it is older than the champion, version {champion}; to go back, roll back"]
    compared, expected = version.tags.get(COMPARED_WITH), "none" if champion is None else str(champion)
    if compared == expected:
        return []
    return [f"it was compared with champion {compared}, but the champion is {expected}; retrain for a new comparison"]


def _believable(proof: Proof | None) -> list[str]:
    if proof is None:
        return ["its files were not looked at"]
    if proof.fault is not None:
        return [f"its files cannot be believed: {proof.fault}"]
    if proof.evidence is None:
        return ["it holds no evidence"]
    if proof.evidence.get("passed") is not True:
        return [f"it did not pass the gate (verdict {proof.evidence.get('verdict', 'unknown')})"]
    return []


def _age(version: Version, evidence_days: int, now: datetime) -> list[str]:
    if now - version.created <= timedelta(days=evidence_days):
        return []
    made = version.created.date().isoformat()
    return [f"its evidence of {made} is older than gate.evidence_days, {evidence_days}; retrain for new evidence"]
