"""The rules of promotion: approval is a request, and the evidence is checked again."""

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
    """The verified evidence in a version's files.

    Parameters
    ----------
    evidence : mapping or None
        The evidence of the gate, or None.
    fault : str or None
        Why the files are not trusted (missing, changed, wrong signature); None if they were verified.
    """

    evidence: Mapping[str, Any] | None
    fault: str | None = None


def may_promote(
    version: Version, proof: Proof | None, champion: int | None, spec: ProjectSpec, now: datetime
) -> list[str]:
    """Return every reason why a version may not become champion now; an empty list allows it.

    Parameters
    ----------
    version : Version
        Its number, age and tags.
    proof : Proof or None
        The evidence in its files; None if they were not read.
    champion : int or None
        The number of the recorded champion; None if there is none yet.
    spec : ProjectSpec
        `gate.evidence_days`, `automation.promote`.
    now : datetime
        The current time, with a time zone; evidence is as old as its version.
    """
    if barred := version.tags.get(BARRED):
        return [f"it cannot be promoted ({barred}); to allow it again, delete the tag {BARRED}, then approve it"]
    return [
        *_consent(version, proof, spec),
        *_comparison(version, champion),
        *_trust(proof),
        *_age(version, spec.gate.evidence_days, now),
    ]


def named(version: Version, account: str | None, spec: ProjectSpec) -> list[str]:
    """Return why an approval is not attributed to an allowed person, if MLflow has accounts.

    Parameters
    ----------
    account : str or None
        Leeway's own account; None if MLflow has no authentication, and thus no accounts.
    """
    if account is None:
        return []
    by = version.tags.get(APPROVER, "").strip()
    if not by:
        return [f"MLflow has accounts, so an approval needs a name: add the tag {APPROVER} with yours"]
    if by == account:
        return [f"it was approved by {account}, which is Leeway's own account; a person must approve it"]
    approvers = spec.automation.approvers
    if approvers and by not in approvers:
        return [f"{by} is not one of automation.approvers: {', '.join(approvers)}"]
    return []


def overdue(version: Version, spec: ProjectSpec, now: datetime) -> str | None:
    """Return that a request has expired, because no one answered while the evidence was fresh, or None."""
    days = spec.gate.evidence_days
    if now - version.created <= timedelta(days=days):
        return None
    return f"no answer within gate.evidence_days, {days}"


def _consent(version: Version, proof: Proof | None, spec: ProjectSpec) -> list[str]:
    answer = approval(version.tags)
    if answer == "approved" or (answer == "waiting" and wins_alone(proof, spec)):
        return []
    if answer == "waiting":
        return ["it waits for the tag approval with the value 'approved'"]
    return ["a person rejected it" if answer == "rejected" else answer]


def wins_alone(proof: Proof | None, spec: ProjectSpec) -> bool:
    """Return whether no person needs to approve: the spec allows it, and the challenger won clearly."""
    clear = proof is not None and proof.evidence is not None and proof.evidence.get("verdict") == "clear_win"
    return clear and spec.automation.promote == "automatic"


def _comparison(version: Version, champion: int | None) -> list[str]:
    if champion is not None and version.number < champion:
        return [f"it is older than the champion, version {champion}; to go back, roll back"]
    compared, expected = version.tags.get(COMPARED_WITH), "none" if champion is None else str(champion)
    if compared == expected:
        return []
    return [f"it was compared with champion {compared}, but the champion is {expected}; retrain for a new comparison"]


def _trust(proof: Proof | None) -> list[str]:
    if proof is None:
        return ["its files were not read"]
    if proof.fault is not None:
        return [f"its files are not trusted: {proof.fault}"]
    if proof.evidence is None:
        return ["it has no evidence"]
    if proof.evidence.get("passed") is not True:
        return [f"it did not pass the gate (verdict {proof.evidence.get('verdict', 'unknown')})"]
    return []


def _age(version: Version, evidence_days: int, now: datetime) -> list[str]:
    if now - version.created <= timedelta(days=evidence_days):
        return []
    created = version.created.date().isoformat()
    return [f"its evidence of {created} is older than gate.evidence_days, {evidence_days}; retrain for new evidence"]
