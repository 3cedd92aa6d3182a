"""From what the registry shows to what is to be done; the same picture always gives the same plan."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from tasks.errors import DataError
from tasks.promote.actions import Promote, PutBack, Refuse, Reject, RollBack, Step
from tasks.promote.approval import approval, approval_tags
from tasks.promote.rules import Proof, may_promote, named, overdue
from tasks.registry.mlflow_names import BARRED, CHALLENGER, CHAMPION, PROMOTED, REFUSED, RESTORED
from tasks.registry.versions import Version
from tasks.spec.project_spec import ProjectSpec

_ROLLED_BACK = re.compile(r"rolled back to version (?P<to>\d+): (?P<reason>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RegistryState:
    """All that a plan rests on.

    Parameters
    ----------
    versions : sequence of Version
        Every version of the project; aliases are read from them.
    recorded : int or None
        The champion as last recorded, by `recorded_champion` or by whoever keeps a record of their own.
    proofs : mapping of int to Proof
        What the files of the versions say that are `asking`.
    account : str, optional
        Leeway's own account, where MLflow has authentication; an answer is then somebody else's, by name.
    way_back : str, optional
        Why the champion could not be gone back to once another took its place (its files do not verify).
    """

    versions: Sequence[Version]
    recorded: int | None
    proofs: Mapping[int, Proof] = field(default_factory=dict)
    account: str | None = None
    way_back: str | None = None

    @property
    def aliases(self) -> dict[str, int]:
        """Where each alias points."""
        return {alias: version.number for version in self.versions for alias in version.aliases}

    @property
    def champion(self) -> int | None:
        """The recorded champion, unless it is gone or was barred since: then the one before it."""
        if self.recorded is not None and _stands(self.versions, self.recorded):
            return self.recorded
        return recorded_champion(self.versions)


def recorded_champion(versions: Sequence[Version]) -> int | None:
    """Return the champion by Leeway's own tags: the version promoted or restored last, and not barred since."""
    crowned = [(max(times), version.number) for version in versions if (times := _crowned(version))]
    return max(crowned)[1] if crowned else None


def _crowned(version: Version) -> list[datetime]:
    """Return when a version became champion; what somebody wrote into these tags that is no moment does not count."""
    if BARRED in version.tags:
        return []
    moments = []
    for tag in (PROMOTED, RESTORED):
        with suppress(ValueError):
            moments.append(datetime.fromisoformat(version.tags.get(tag, "")))
    return [moment for moment in moments if moment.tzinfo is not None]


def asking(situation: RegistryState, spec: ProjectSpec) -> list[Version]:
    """Return the versions whose files must be looked at before a plan is made, newest first.

    Those that a person approved, and, where the spec promotes a clear win by itself, those nobody answered yet.
    """
    answers = {"approved", "waiting"} if spec.automation.promote == "automatic" else {"approved"}
    return [
        version
        for version in _contenders(situation)
        if BARRED not in version.tags and approval(version.tags) in answers
    ]


def plan(situation: RegistryState, spec: ProjectSpec, now: datetime) -> list[Step]:
    """Return what is to be done, in order; nothing when all is settled.

    First people's answers (reject, refuse), then the champion: put back where Leeway left it, or replaced by the newest
    version that may. A promotion cut short by a crash looks like an approved version the alias already points to, and
    is planned again in full; a rollback cut short is finished before anything else is looked at.
    """
    if (unfinished := _unfinished_rollback(situation, now)) is not None:
        return [unfinished]
    contenders = _contenders(situation)
    refusals = {version.number: _refusals(version, situation, spec, now) for version in contenders}
    chosen = next((version for version in contenders if not refusals[version.number]), None)
    steps: list[Step] = []
    for version in contenders:
        steps += _answer(version, refusals[version.number], situation, overdue(version, spec, now))
    pointed = situation.aliases.get(CHAMPION)
    if pointed != situation.champion and (chosen is None or pointed != chosen.number):
        steps.append(PutBack(situation.champion, pointed))
    if chosen is not None:
        steps.append(_promotion(chosen, situation, now))
    return steps


def _promotion(chosen: Version, situation: RegistryState, now: datetime) -> Promote:
    return Promote(
        number=chosen.number,
        previous=situation.champion,
        supersedes=tuple(
            version.number
            for version in _contenders(situation)
            if version.number < chosen.number and BARRED not in version.tags and approval(version.tags) != "rejected"
        ),
        automatic=approval(chosen.tags) != "approved",
        at=now,
        clears_challenger=situation.aliases.get(CHALLENGER) == chosen.number,
    )


def _refusals(version: Version, situation: RegistryState, spec: ProjectSpec, now: datetime) -> list[str]:
    reasons = may_promote(version, situation.proofs.get(version.number), situation.champion, spec, now)
    if approval(version.tags) == "approved":
        reasons += named(version, situation.account, spec)
    if situation.way_back is not None:
        reasons.append(f"there would be no way back: {situation.way_back}")
    return reasons


def _answer(version: Version, reasons: list[str], situation: RegistryState, late: str | None) -> list[Step]:
    said = approval(version.tags)
    why = "rejected in MLflow" if said == "rejected" else late if said == "waiting" else None
    if why is not None:
        clears = situation.aliases.get(CHALLENGER) == version.number
        return [] if BARRED in version.tags else [Reject(version.number, why, clears)]
    if said == "waiting" or not reasons or version.tags.get(REFUSED) == refusal(reasons):
        return []
    return [Refuse(version.number, tuple(reasons))]


def refusal(reasons: Sequence[str]) -> str:
    """Return the reasons as they stand in the tag, at most 500 characters.

    >>> refusal(["it holds no evidence", "it is too old"])
    'it holds no evidence; it is too old'
    """
    return "; ".join(reasons)[:500]


def rollback(situation: RegistryState, reason: str, now: datetime) -> RollBack:
    """Return the step from the champion back to the version that was champion last before it.

    A rollback that was cut short is finished first. The alias `previous` is for readers: where to go is read from
    Leeway's own tags, so that an alias moved by hand leads nowhere.

    Raises
    ------
    DataError
        When there is no champion, or none before it.
    """
    if (unfinished := _unfinished_rollback(situation, now)) is not None:
        return unfinished
    champion = situation.champion
    if champion is None:
        raise DataError("there is no champion to roll back from; approve a version first.")
    others = [version for version in situation.versions if version.number != champion]
    to = recorded_champion(others)
    if to is None:
        raise DataError(f"no version was champion before version {champion}; retrain, or approve another version.")
    return _rollback(situation, champion, to, reason, now)


def _rollback(situation: RegistryState, number: int, to: int, reason: str, now: datetime) -> RollBack:
    barred = next(version for version in situation.versions if version.number == number)
    return RollBack(
        number=number,
        to=to,
        previous=recorded_champion([version for version in situation.versions if version.number not in {number, to}]),
        reason=reason,
        at=now,
        approvals=tuple(approval_tags(barred.tags)),
    )


def _unfinished_rollback(situation: RegistryState, now: datetime) -> RollBack | None:
    """Return the rest of a rollback whose bar stands while the alias champion still points to the barred version."""
    for version in situation.versions:
        said = _ROLLED_BACK.fullmatch(version.tags.get(BARRED, ""))
        if said and CHAMPION in version.aliases and _stands(situation.versions, int(said["to"])):
            return _rollback(situation, version.number, int(said["to"]), said["reason"], now)
    return None


def _stands(versions: Sequence[Version], number: int) -> bool:
    return any(version.number == number and BARRED not in version.tags for version in versions)


def _contenders(situation: RegistryState) -> list[Version]:
    """Return every version but the champion and those that were champion before it, newest first."""
    champion = situation.champion
    newest_first = sorted(situation.versions, key=lambda version: -version.number)
    return [
        version
        for version in newest_first
        if version.number != champion
        and (PROMOTED not in version.tags or champion is None or version.number > champion)
    ]
