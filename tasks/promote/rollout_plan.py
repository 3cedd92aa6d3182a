"""Whether a version that may be promoted is rolled out first, and what its rollout is held to."""

from __future__ import annotations

from tasks.promote.actions import BeginRollout
from tasks.promote.approval import approval
from tasks.promote.registry_state import RegistryState
from tasks.promote.rollout_end import rollouts_under_way
from tasks.records import RolloutEntry
from tasks.registry.versions import Version
from tasks.rollout import ChangePromise, GuardrailTerms, RolloutTerms, limits
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.spec_sections.rollout_section import Rollout

NO_PROMISE = (
    "its evidence does not say how its answers differ from the champion's, which a rollout is held against; "
    "retrain, or set rollout.strategy to at_once"
)


def is_rolled_out_first(situation: RegistryState, spec: ProjectSpec) -> bool:
    """Return whether versions take over by a rollout; the first champion never does."""
    return spec.rollout.strategy != "at_once" and situation.champion is not None


def rollout_of(version: Version, situation: RegistryState) -> RolloutEntry | None:
    """Return the last step of the rollout of a version; None without one."""
    digest = situation.digest(version.number)
    steps = [
        last for last in situation.rollouts if last.digest == digest and last.subject == f"version {version.number}"
    ]
    return steps[-1] if steps else None


def rollout_refusals(version: Version, situation: RegistryState, spec: ProjectSpec) -> list[str]:
    """Return why a version cannot be rolled out now; empty if it can, or needs no rollout.

    A rollout that no service has taken up yet has answered nothing, and waits for no other one: the newest goes first.
    """
    if not is_rolled_out_first(situation, spec):
        return []
    proof = situation.proofs.get(version.number)
    if proof is not None and proof.evidence is not None and not proof.evidence.get("change"):
        return [NO_PROMISE]
    under_way = [last for last in rollouts_under_way(situation) if last.action != "started"]
    if under_way and rollout_of(version, situation) is None:
        return [f"{under_way[-1].subject} is being rolled out; wait for its end, or end it with `leeway rollback`"]
    return []


def begin_rollout(chosen: Version, situation: RegistryState, spec: ProjectSpec) -> BeginRollout:
    """Return the first step of a rollout: its limits follow from the promise of the gate and the spec."""
    proof, policy = situation.proofs[chosen.number], spec.rollout
    promise = ChangePromise(**(proof.evidence or {})["change"])
    terms = rollout_terms(promise, policy)
    automatic = approval(chosen.tags) != "approved"
    return BeginRollout(chosen.number, situation.champion_digest, terms, automatic)


def rollout_terms(promise: ChangePromise, policy: Rollout) -> RolloutTerms:
    """Return what a rollout is held to, from the promise of the gate and the section `rollout` of a spec.

    Blue/green has one stage after the shadow: all requests, while the old version computes each of them too.
    """
    is_switch = policy.strategy == "blue_green"
    return RolloutTerms(
        limits=limits(promise.changed_high, promise.size_high, (promise.shift_low, promise.shift_high), policy.leeway),
        alpha=policy.false_rollbacks,
        quota=policy.max_changed_answers,
        first_share=1.0 if is_switch else policy.shares_from,
        bake_hours=policy.keep_warm_hours if is_switch else policy.bake_hours,
        doubt_hours=policy.doubt_hours,
        on_doubt=policy.on_doubt,
        unit=promise.unit,
        entity=policy.entity or "",
        stage_hours=policy.stage_hours,
        stage_rows=policy.stage_rows,
        counts_idle=False,
        bets_by_stage=True,
        guardrails=tuple(GuardrailTerms(name, each.worse, each.allowed) for name, each in policy.guardrails.items()),
    )
