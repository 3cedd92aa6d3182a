"""Plan the steps of a promotion from the state of the registry; the same state always gives the same plan."""

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
    """The state of the registry that a plan is made from.

    Parameters
    ----------
    versions : sequence of Version
        All versions of the project, with their aliases.
    recorded : int or None
        The last recorded champion, usually from `recorded_champion`.
    proofs : mapping of int to Proof
        The evidence in the files of the versions that are `asking`.
    account : str, optional
        Leeway's own account, if MLflow has authentication; an approval must then be that of another account.
    way_back : str, optional
        Why the champion could not be restored after a promotion (its files cannot be verified); None if it could.
    """

    versions: Sequence[Version]
    recorded: int | None
    proofs: Mapping[int, Proof] = field(default_factory=dict)
    account: str | None = None
    way_back: str | None = None

    @property
    def aliases(self) -> dict[str, int]:
        """The version number of each alias."""
        return {alias: version.number for version in self.versions for alias in version.aliases}

    @property
    def champion(self) -> int | None:
        """The recorded champion, or the one before it if that version was deleted or barred."""
        if self.recorded is not None and _is_eligible(self.versions, self.recorded):
            return self.recorded
        return recorded_champion(self.versions)


def recorded_champion(versions: Sequence[Version]) -> int | None:
    """Return the champion by Leeway's own tags: the last promoted or restored version that is not barred."""
    promoted = [(max(times), version.number) for version in versions if (times := _promotion_times(version))]
    return max(promoted)[1] if promoted else None


def _promotion_times(version: Version) -> list[datetime]:
    """Return the times at which a version became champion; values of these tags that are not times are ignored."""
    if BARRED in version.tags:
        return []
    moments = []
    for tag in (PROMOTED, RESTORED):
        with suppress(ValueError):
            moments.append(datetime.fromisoformat(version.tags.get(tag, "")))
    return [moment for moment in moments if moment.tzinfo is not None]


def asking(situation: RegistryState, spec: ProjectSpec) -> list[Version]:
    """Return the versions with files that must be verified before a plan is made, newest first.

    These are the versions that a person approved and, if the spec promotes clear wins automatically, those without an
    answer.
    """
    answers = {"approved", "waiting"} if spec.automation.promote == "automatic" else {"approved"}
    return [
        version
        for version in _contenders(situation)
        if BARRED not in version.tags and approval(version.tags) in answers
    ]


def plan(situation: RegistryState, spec: ProjectSpec, now: datetime) -> list[Step]:
    """Return the steps to take, in order; empty if there is nothing to do.

    People's answers come first (reject, refuse). Then the champion is put back where Leeway left it, or replaced by the
    newest version that may be promoted. An interrupted promotion looks like an approved version with the alias already
    moved, and is planned again in full. An interrupted rollback is finished before anything else.
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
        reasons.append(f"a rollback would not be possible: {situation.way_back}")
    return reasons


def _answer(version: Version, reasons: list[str], situation: RegistryState, late: str | None) -> list[Step]:
    answer = approval(version.tags)
    why = "rejected in MLflow" if answer == "rejected" else late if answer == "waiting" else None
    if why is not None:
        clears = situation.aliases.get(CHALLENGER) == version.number
        return [] if BARRED in version.tags else [Reject(version.number, why, clears)]
    if answer == "waiting" or not reasons or version.tags.get(REFUSED) == refusal(reasons):
        return []
    return [Refuse(version.number, tuple(reasons))]


def refusal(reasons: Sequence[str]) -> str:
    """Return the reasons as the value of the tag, at most 500 characters.

    >>> refusal(["it has no evidence", "it is too old"])
    'it has no evidence; it is too old'
    """
    return "; ".join(reasons)[:500]


def rollback(situation: RegistryState, reason: str, now: datetime) -> RollBack:
    """Return the step from the champion back to the version that was champion before it.

    An interrupted rollback is finished first. The version to restore is read from Leeway's own tags; the alias
    `previous` is only informative, so that moving it by hand has no effect.

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
    """Return the rest of an interrupted rollback: a barred version that still has the alias champion."""
    for version in situation.versions:
        bar = _ROLLED_BACK.fullmatch(version.tags.get(BARRED, ""))
        if bar and CHAMPION in version.aliases and _is_eligible(situation.versions, int(bar["to"])):
            return _rollback(situation, version.number, int(bar["to"]), bar["reason"], now)
    return None


def _is_eligible(versions: Sequence[Version], number: int) -> bool:
    return any(version.number == number and BARRED not in version.tags for version in versions)


def _contenders(situation: RegistryState) -> list[Version]:
    """Return all versions except the champion and earlier champions, newest first."""
    champion = situation.champion
    newest_first = sorted(situation.versions, key=lambda version: -version.number)
    return [
        version
        for version in newest_first
        if version.number != champion
        and (PROMOTED not in version.tags or champion is None or version.number > champion)
    ]
