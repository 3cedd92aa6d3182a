"""The step of a rollout that follows from what a service has landed: judged here, and not as the service says.

A prediction service in a container may only read the decision record. So it lands what it has seen, and the promote
flow, which writes the record, computes the verdict, takes the time of a stage from its own clock, and compares both
versions itself, on the rows of the lake, before a rollout is finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flows.loaded_version import fetched
from flows.steps.in_service.rollout_guardrails import found_by_nights
from flows.steps.in_service.rollout_steps import hours_since, next_step, starts_after, what_follows
from flows.workspace import Workspace
from tasks.errors import EvidenceError
from tasks.lake import Batch, LandingFolder, accepted, batch_rows, read_entries
from tasks.logs import line, logger
from tasks.model import Predictor, load_model
from tasks.model.version_change import version_change
from tasks.promote import StepTime
from tasks.records import RecordedVersion, RolloutEntry, champion_record, rollouts, running_rollout
from tasks.rollout import (
    NOTHING_SEEN,
    GuardrailEvidence,
    LandedEvidence,
    RolloutSums,
    RolloutTerms,
    RolloutVerdict,
    harm,
    impossible,
    log_wealth,
    read_evidence,
)
from tasks.rollout.landed_evidence import MOST_BYTES, SERVICE_NAME, seen_together
from tasks.spec.champion_inputs import rows_read_by

CLAIM_MINUTES = 10.0
"""A service that has not said for so long that it would run a rollout is not chosen for it."""
JOIN_SECONDS = 30.0
"""So long services have after the start of a rollout to say that they would run it."""
MOST_SERVICES = 100
MOST_ROWS = 5_000
"""Rows of the lake on which both versions are compared before a rollout is finished, the newest."""


def landed_step(workspace: Workspace, moment: StepTime) -> RolloutEntry | None:
    """Return the step that follows from what has landed; None where nothing has, or nothing follows yet.

    Raises
    ------
    Unreachable
        The landing zone does not respond.
    """
    entries = read_entries(workspace.lake, workspace.project)
    last = running_rollout(entries)
    if last is None:
        return None
    where = workspace.landed_rollouts
    if last.action == "started":
        return _taken_up(last, where, moment)
    found = [_evidence_of(last, where, service) for service in last.services]
    landed = [one for one in found if one is not None]
    if not landed or len(landed) < len(found) or max(one.stage for one in landed) != last.stage:
        return None  # none lands what it sees, or none has read the last step yet
    steps = next(steps for steps in rollouts(entries) if steps[-1] is last)
    return _judged(workspace, steps, landed, moment, found_by_nights(entries, last))


def _taken_up(last: RolloutEntry, where: LandingFolder, moment: StepTime) -> RolloutEntry | None:
    """Return the first step with the services that run the rollout: those that have said lately that they would.

    A moment passes before, so that those that are behind one address run it together.
    """
    if (moment.time - last.time).total_seconds() < JOIN_SECONDS:
        return None
    willing = dict[str, int]()
    names = [name.removesuffix(".json") for name in where.names(last.rollout)]
    for name in list(filter(SERVICE_NAME.fullmatch, names))[:MOST_SERVICES]:
        landed = _evidence_of(last, where, name)
        if landed is None or landed.slots < 1:
            continue
        if abs(moment.time.timestamp() - landed.at) <= CLAIM_MINUTES * 60:
            willing[landed.service] = landed.slots
    if not willing:
        return None
    (service, slots), *others = sorted(willing.items())
    own = replace(last, service=service, slots=slots, others=tuple(others))
    return next_step(own, RolloutVerdict("advanced", 0.0, "no requests; compared with the champion"), moment)


def _evidence_of(last: RolloutEntry, where: LandingFolder, service: str) -> LandedEvidence | None:
    """Return what a service has landed of a rollout; None where it has not, or cannot be read, which is logged."""
    rollout = last.rollout
    try:
        content = where.read(f"{rollout}/{service}.json", MOST_BYTES)
        landed = None if content is None else read_evidence(content)
    except EvidenceError as error:
        logger().warning(line("rollout_evidence_refused", service=service, why=error))
        return None
    if landed is None or (landed.rollout, landed.service) != (rollout, service):
        return None
    return landed


def _judged(
    workspace: Workspace,
    steps: Sequence[RolloutEntry],
    landed: Sequence[LandedEvidence],
    moment: StepTime,
    guardrails: tuple[GuardrailEvidence, ...] = (),
) -> RolloutEntry | None:
    last, terms = steps[-1], RolloutTerms.from_dict(steps[-1].terms)
    before = RolloutSums.from_dict(last.seen) if last.seen else NOTHING_SEEN
    try:
        sums = seen_together(landed, last.stage)
        fault = impossible(sums, terms, before)
    except EvidenceError as error:
        sums, fault = NOTHING_SEEN, str(error)
    if fault is not None:
        return _refused(
            last,
            f"what {' and '.join(last.services)} say they have seen cannot be: {fault}"
            if last.others
            else f"what {last.service} says it has seen cannot be: {fault}",
            moment,
        )
    most = 3600 * hours_since(last, moment.time)
    sums = replace(sums, busy_seconds=min(sums.busy_seconds, max(0.0, most)), guardrails=guardrails)
    sums = replace(sums, starts=starts_after(last))
    verdict = what_follows(last, terms, sums, moment.time)
    if verdict is not None and verdict.outcome == "finished":
        return _finished(workspace, steps, (verdict, sums), moment)
    return None if verdict is None else _step(last, verdict, sums, moment)


def _step(last: RolloutEntry, verdict: RolloutVerdict, sums: RolloutSums, moment: StepTime) -> RolloutEntry:
    if verdict.outcome == "rolled_back":
        verdict = replace(verdict, reason=f"{last.subject} cannot be promoted again: {verdict.reason}")
    return next_step(last, verdict, moment, seen=sums)


def _refused(last: RolloutEntry, why: str, moment: StepTime) -> RolloutEntry | None:
    """Return the step that asks a person, with no share for the candidate; None if one is asked already."""
    if last.action == "doubted" and last.share == 0:
        return None
    return replace(next_step(last, RolloutVerdict("doubted", 0.0, why), moment), seen={})


def _finished(
    workspace: Workspace, steps: Sequence[RolloutEntry], found: tuple[RolloutVerdict, RolloutSums], moment: StepTime
) -> RolloutEntry | None:
    """Return the last step of a rollout, after both versions have been compared here, on rows of the lake.

    Where the service logs its rows, the comparison waits for nights to take them in.
    """
    last, (verdict, sums) = steps[-1], found
    terms = RolloutTerms.from_dict(last.terms)
    own = compared_in_lake(workspace, steps)
    if isinstance(own, str):
        return _refused(last, own, moment)
    if (fault := harm(terms, own)) is not None:
        reason = f"on the rows of the lake, {fault}"
        return _step(last, RolloutVerdict("rolled_back", 0.0, reason), own, moment)
    needed = min(terms.stage_rows, sums.rows)
    if workspace.spec.serving.log and own.rows < needed:
        if hours_since(last, moment.time) < terms.longest_hours(last.share):
            return None
        return _refused(last, f"no night has taken in {needed:,} of the rows that were answered since it began", moment)
    how = f"both versions were compared again on {own.rows:,} rows of the lake"
    return _step(last, replace(verdict, reason=f"{verdict.reason}; {how}"), sums, moment)


def compared_in_lake(workspace: Workspace, steps: Sequence[RolloutEntry]) -> RolloutSums | str:
    """Return how both versions differ on the newest rows that were taken in since a rollout began, or why not.

    Nothing of it is said by the service: both versions answer here, from the files that their signed manifests name.

    Raises
    ------
    Unreachable
        MLflow or the lake does not respond.
    """
    first, terms = steps[0], RolloutTerms.from_dict(steps[0].terms)
    recorded = champion_record(read_entries(workspace.lake, workspace.project)).champions()[0]
    champion = _model(workspace, recorded)
    candidate = _model(workspace, RecordedVersion(first.version, first.digest))
    if champion is None or candidate is None:
        return "both versions cannot be compared: the registry no longer has one of them"
    if champion.schema.task != candidate.schema.task:
        return f"both versions cannot be compared: one is for {champion.schema.task}, one for {candidate.schema.task}"
    sums = NOTHING_SEEN
    for batch in reversed([each for each in accepted(workspace.lake, workspace.project) if _since(each, first)]):
        if sums.rows >= MOST_ROWS:
            break
        rows = workspace.features(batch_rows(workspace.lake, workspace.project, batch)).tail(MOST_ROWS)
        if rows.empty:
            continue
        one, other = (each.predict(rows_read_by(rows, workspace.spec, each.schema)) for each in (champion, candidate))
        change = version_change((champion, candidate), (one, other), terms.unit)
        counts: dict[str, Any] = {"rows": len(change.changed), "changed": int(np.sum(change.changed))}
        sums += replace(NOTHING_SEEN, **counts, wealth=log_wealth(change, terms.limits))
    return sums


def _model(workspace: Workspace, recorded: RecordedVersion) -> Predictor | None:
    """Return the model of a version, from files that verify; None if the registry has no such version."""
    found = fetched(workspace.registry, workspace.project, recorded, once=True)
    return None if found is None else load_model(found[1], 1)


def _since(batch: Batch, first: RolloutEntry) -> bool:
    return (batch.written_at or batch.time) >= first.time
