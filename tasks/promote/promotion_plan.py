"""Plan the steps of a promotion from a state; the same state always gives the same plan.

The decision record in the lake says which version is champion. Tags in MLflow carry people's answers; those that Leeway
sets there only show what is done, and whether a step is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tasks.errors import DataError
from tasks.promote.actions import Adopt, Promote, PutBack, Refuse, Reject, RollBack, Step
from tasks.promote.approval import approval, approval_tags
from tasks.promote.registry_state import RegistryState
from tasks.promote.rollout_end import rollout_ends
from tasks.promote.rollout_plan import begin_rollout, is_rolled_out_first, rollout_of, rollout_refusals
from tasks.promote.rules import may_promote, named, overdue
from tasks.records import ChampionChange
from tasks.registry.mlflow_names import BARRED, CHALLENGER, CHAMPION, PROMOTED, REFUSED
from tasks.registry.versions import Version
from tasks.spec.project_spec import ProjectSpec


def asking(situation: RegistryState, spec: ProjectSpec) -> list[Version]:
    """Return the versions with files that must be verified before a plan is made, newest first.

    These are the versions that a person approved and, if the spec promotes clear wins automatically, those without an
    answer.
    """
    answers = {"approved", "waiting"} if spec.automation.promote == "automatic" else {"approved"}
    return [version for version in situation.open_contenders() if approval(version.tags) in answers]


def answered(situation: RegistryState, spec: ProjectSpec, now: datetime) -> list[Version]:
    """Return the versions that will be barred, because they were rejected or have no answer in time.

    Only their manifest is read, because the record bars a content, not a number.
    """
    return [
        version
        for version in situation.open_contenders()
        if approval(version.tags) == "rejected" or (approval(version.tags) == "waiting" and overdue(version, spec, now))
    ]


def plan(situation: RegistryState, spec: ProjectSpec, now: datetime) -> list[Step]:
    """Return the steps to take, in order; empty if there is nothing to do.

    A step that is recorded, but was interrupted before it was carried out, comes first and alone, and so do rollouts
    that end, so that what waits for their end is not refused. Then people's answers (reject, refuse). Then the champion
    is put back where the record has it, or replaced by the newest version that may be promoted.
    """
    if (unfinished := _unfinished(situation)) is not None:
        return [unfinished]
    if ends := rollout_ends(situation, spec, now):
        return list(ends)
    contenders = situation.contenders()
    refusals = {version.number: _refusals(version, situation, spec, now) for version in contenders}
    chosen = next((version for version in contenders if not refusals[version.number]), None)
    steps: list[Step] = []
    if chosen is not None and is_rolled_out_first(situation, spec):
        last = rollout_of(chosen, situation)
        steps += [begin_rollout(chosen, situation, spec)] if last is None else []
        chosen = chosen if last is not None and last.action == "finished" else None
    for version in contenders:
        steps += _answer(version, refusals[version.number], situation, overdue(version, spec, now))
    pointed, champion = situation.aliases.get(CHAMPION), situation.champion
    if pointed != champion and (chosen is None or pointed != chosen.number) and situation.champion_fault is None:
        steps.append(PutBack(champion, pointed))
    if chosen is not None:
        steps.append(_promotion(chosen, situation, now))
    elif champion is not None and not situation.champions[0].digest and situation.champion_digest:
        steps.append(Adopt(champion))
    return steps


def _promotion(chosen: Version, situation: RegistryState, now: datetime) -> Promote:
    return Promote(
        number=chosen.number,
        previous=situation.champion,
        supersedes=_superseded(chosen, situation),
        automatic=approval(chosen.tags) != "approved",
        at=now,
        clears_challenger=situation.aliases.get(CHALLENGER) == chosen.number,
    )


def _superseded(chosen: Version, situation: RegistryState) -> tuple[int, ...]:
    return tuple(
        version.number
        for version in situation.open_contenders()
        if version.number < chosen.number and approval(version.tags) != "rejected"
    )


def _refusals(version: Version, situation: RegistryState, spec: ProjectSpec, now: datetime) -> list[str]:
    proof = situation.proofs.get(version.number)
    reasons = may_promote(version, proof, situation.standing(version), spec, now)
    if approval(version.tags) == "approved":
        reasons += named(version, situation.account, spec)
    if not reasons:
        reasons += rollout_refusals(version, situation, spec)
    if situation.champion_fault is not None:
        reasons.append(f"a rollback would not be possible: {situation.champion_fault}")
    return reasons


def _answer(version: Version, reasons: list[str], situation: RegistryState, late: str | None) -> list[Step]:
    answer = approval(version.tags)
    last = rollout_of(version, situation)
    if last is not None and last.action == "rolled_back":
        why: str | None = last.reason.partition("cannot be promoted again: ")[2]
    else:
        in_time = late if answer == "waiting" and last is None else None  # what is rolled out waits for no one
        why = "rejected in MLflow" if answer == "rejected" else in_time
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

    An interrupted rollback is finished first. The version to restore is that of the decision record; the alias
    `previous` is only informative, so that moving it by hand has no effect.

    Raises
    ------
    DataError
        When there is no champion, or none before it.
    """
    if isinstance(unfinished := _unfinished(situation), RollBack):
        return unfinished
    champion, to = situation.champion, situation.previous
    if champion is None:
        raise DataError("there is no champion to roll back from; approve a version first.")
    if to is None:
        raise DataError(f"no version was champion before version {champion}; retrain, or approve another version.")
    return _rollback(situation, champion, to, reason, now)


def _rollback(situation: RegistryState, number: int, to: int, reason: str, now: datetime) -> RollBack:
    barred = situation.version(number)
    others = [champion.number for champion in situation.champions if champion.number not in {number, to}]
    return RollBack(
        number=number,
        to=to,
        previous=next(iter(others), None),
        reason=reason,
        at=now,
        approvals=tuple(approval_tags(barred.tags)) if barred else (),
    )


def _unfinished(situation: RegistryState) -> Promote | RollBack | None:
    """Return the last recorded change of the champion if it was not carried out in full."""
    if not situation.record.changes:
        return None
    last = situation.record.changes[-1]
    to = situation.version(last.to.number)
    if to is None or to.number != situation.champion:
        return None
    if last.action == "rolled_back":
        return _unfinished_rollback(last, situation)
    if last.action == "put_back" or PROMOTED in to.tags:
        return None
    return Promote(
        number=to.number,
        previous=situation.previous,
        supersedes=_superseded(to, situation),
        automatic=approval(to.tags) != "approved",
        at=last.at,
        clears_challenger=situation.aliases.get(CHALLENGER) == to.number,
    )


def _unfinished_rollback(last: ChampionChange, situation: RegistryState) -> RollBack | None:
    barred = situation.version(last.barred.number) if last.barred else None
    if barred is None or BARRED in barred.tags:
        return None
    return _rollback(situation, barred.number, last.to.number, last.reason, last.at)
