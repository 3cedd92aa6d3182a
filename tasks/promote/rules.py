"""The rules of promotion: approval is a request, and the evidence is checked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tasks.promote.approval import approval
from tasks.registry.mlflow_names import APPROVER, BARRED
from tasks.registry.statement import Basis, Signed, Statement
from tasks.registry.versions import Version
from tasks.spec.evidence_digest import evidence_digest
from tasks.spec.project_spec import ProjectSpec

UNSIGNED = (
    "it was registered by an earlier version of Leeway, which did not sign when and against which champion it was "
    "tested; retrain for a new version"
)


@dataclass(frozen=True, slots=True)
class Proof:
    """The verified evidence in a version's files, and what is signed about it.

    Parameters
    ----------
    evidence : mapping or None
        The evidence of the gate, or None.
    fault : str or None
        Why the files are not trusted (missing, changed, wrong signature); None if they were verified.
    signed : Signed or None
        The digest and the statement of the manifest; None if it could not be verified.
    """

    evidence: Mapping[str, Any] | None
    fault: str | None = None
    signed: Signed | None = None

    @property
    def digest(self) -> str:
        """The digest of the manifest; empty if it could not be verified."""
        return self.signed.digest if self.signed else ""

    @property
    def statement(self) -> Statement | None:
        """What is signed about the version; None if it could not be verified, or if it is of protocol 1."""
        return self.signed.statement if self.signed else None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a version is compared with.

    Parameters
    ----------
    champion : int or None
        The number of the recorded champion; None if there is none yet.
    champion_digest : str
        The digest of its manifest; empty if there is none yet.
    lake : str
        The identity of the lake.
    bar : str or None
        Why the decision record does not allow the version to be promoted.
    twin : int or None
        Another version with the same content.
    asked_digests : frozenset of str
        The digests that were recorded when approval was asked for, and when an approval was first seen.
    """

    champion: int | None = None
    champion_digest: str = ""
    lake: str = ""
    bar: str | None = None
    twin: int | None = None
    asked_digests: frozenset[str] = frozenset()


def may_promote(
    version: Version, proof: Proof | None, standing: Standing, spec: ProjectSpec, now: datetime
) -> list[str]:
    """Return every reason why a version may not become champion now; an empty list allows it.

    Parameters
    ----------
    version : Version
        Its number and tags; of these only the answer of a person counts.
    proof : Proof or None
        The evidence in its files, and what is signed about it; None if they were not read.
    standing : Standing
        The champion, and what the decision record says about the version.
    spec : ProjectSpec
        `gate.evidence_days`, `automation.promote`, and the parts that the evidence rests on.
    now : datetime
        The current time, with a time zone; evidence is as old as its signature.
    """
    barred = standing.bar or version.tags.get(BARRED)
    if barred:
        return [f"it cannot be promoted ({barred}); retrain for a new version"]
    if standing.twin is not None:
        return [f"it has the same content as version {standing.twin}, and a content is registered only once"]
    return [*_consent(version, proof, spec), *_trust(proof), *_basis(version, proof, standing, spec, now)]


def grounds_lost(
    version: Version, proof: Proof | None, standing: Standing, spec: ProjectSpec, now: datetime
) -> list[str]:
    """Return why a version that was allowed to be promoted could not be any more; an empty list if it could.

    Files that cannot be verified now are no such reason: they may be again.
    """
    return [*_consent(version, proof, spec), *_basis(version, proof, standing, spec, now)]


def _basis(version: Version, proof: Proof | None, standing: Standing, spec: ProjectSpec, now: datetime) -> list[str]:
    """Return why what is signed about a version does not allow it to be promoted, or no longer."""
    if proof is None or proof.signed is None:
        return []
    return [*_statement(version, proof, standing, spec), *_age(proof, spec.gate.evidence_days, now)]


def named(version: Version, account: str | None, spec: ProjectSpec) -> list[str]:
    """Return why an approval is not attributed to an allowed person, if MLflow has accounts; see `unattributed`."""
    return unattributed(version.tags.get(APPROVER, "").strip(), account, spec, tag=APPROVER)


def unattributed(by: str, account: str | None, spec: ProjectSpec, tag: str) -> list[str]:
    """Return why an answer is not attributed to an allowed person, if MLflow has accounts.

    Parameters
    ----------
    by : str
        The person that the answer names, as the value of a tag.
    account : str or None
        Leeway's own account; None if MLflow has no authentication, and thus no accounts.
    """
    if account is None:
        return []
    if not by:
        return [f"MLflow has accounts, so an approval needs a name: add the tag {tag} with yours"]
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


def _statement(version: Version, proof: Proof, standing: Standing, spec: ProjectSpec) -> list[str]:
    """Return why what is signed about a version does not allow it to be promoted here and now."""
    if proof.statement is None:
        return [UNSIGNED]
    basis = proof.statement.basis
    reasons = _comparison(version, basis, standing)
    if others := sorted(standing.asked_digests - {proof.digest}):
        reasons.append(
            f"its files have the digest {proof.digest[:12]}, and the approval is for {others[0][:12]}; "
            "retrain for a new version"
        )
    if basis.lake != standing.lake:
        reasons.append("it was trained on the data of another lake; retrain on this one")
    if basis.spec_sha256 != evidence_digest(spec):
        reasons.append("the spec (metric, source, features, task or gate) has changed since it was trained; retrain")
    return reasons


def _comparison(version: Version, basis: Basis, standing: Standing) -> list[str]:
    champion = standing.champion
    if champion is not None and version.number < champion:
        return [f"it is older than the champion, version {champion}; to go back, roll back"]
    if basis.champion_digest == standing.champion_digest:
        return []
    compared, expected = ("none" if number is None else str(number) for number in (basis.champion, champion))
    if compared == expected:
        compared, expected = (
            f"{number} with the digest {digest[:12]}"
            for number, digest in ((compared, basis.champion_digest), (expected, standing.champion_digest))
        )
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


def _age(proof: Proof, evidence_days: int, now: datetime) -> list[str]:
    if proof.statement is None or now - proof.statement.signed_at <= timedelta(days=evidence_days):
        return []
    signed = proof.statement.signed_at.date().isoformat()
    return [f"its evidence of {signed} is older than gate.evidence_days, {evidence_days}; retrain for new evidence"]
