"""What a night is decided from, and its situation: in the nightly run, when it is recomputed, and in a backtest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from flows.loaded_version import Champion
from flows.steps.in_service.post_release import released, shadowed
from tasks.dataset.landed_batches import landed_batches
from tasks.dataset.night_source import NightSource
from tasks.decide import ServingVersion, Situation, SituationInputs, build_situation
from tasks.lake import Batch
from tasks.records import (
    AuditedRows,
    GuardedMetric,
    MonitoringResult,
    NightEntry,
    OutputMetric,
    PersonComparison,
    ServedAsBatch,
    ServedProof,
    UpstreamState,
)
from tasks.registry.mlflow_names import CHALLENGER


@dataclass(frozen=True, slots=True)
class NightContext:
    """What a night is decided from.

    Parameters
    ----------
    champion : Champion or None
        The version that serves.
    data : NightSource
        What is known of the project that night.
    load : callable
        From the number of a version to the version.
    upstream : tuple of UpstreamState
        The newest nights of the projects upstream.
    downstream : tuple of str
        The projects downstream.
    shadow_fault : str
        Why the version that waits could not answer that night.
    served : ServedProof or None
        Whether the prediction service has answered as the batch does; None where it logged nothing.
    outputs : tuple of OutputMetric
        What users see of the answers, such as the share of those that are redone.
    people : PersonComparison or None
        How people decide next to the champion.
    audit : AuditedRows or None
        The degree of automation with its audit.
    guarded : tuple of GuardedMetric
        What users saw of both versions of a rollout, as far as it has guardrails.
    """

    champion: Champion | None
    data: NightSource
    load: Callable[[int], Champion]
    upstream: tuple[UpstreamState, ...] = ()
    downstream: tuple[str, ...] = ()
    shadow_fault: str = ""
    served: ServedProof | None = None
    outputs: tuple[OutputMetric, ...] = ()
    people: PersonComparison | None = None
    audit: AuditedRows | None = None
    guarded: tuple[GuardedMetric, ...] = ()

    @property
    def night(self) -> date:
        """The night that is decided."""
        return self.data.night

    @property
    def waiting(self) -> int | None:
        """The version that waits for approval."""
        return self.data.aliases.get(CHALLENGER)

    @property
    def landed(self) -> list[Batch]:
        """The deliveries that the decision is about."""
        return landed_batches(self.data.deliveries, self.data.entries, self.night, self.data.spec)


def as_recorded(context: NightContext, stored: NightEntry) -> NightContext:
    """Return a night's context with what its entry of the record says, because it cannot be measured again.

    Its projects downstream, whether the waiting version could answer, the proof that the service answered as the batch
    does (its log may be gone), and what users and people did: feedback and truths that came since count for other
    nights.

    Parameters
    ----------
    stored : NightEntry
        The same night in the record.
    """
    proven = stored.answer(ServedAsBatch)
    return replace(
        context,
        downstream=stored.downstream,
        shadow_fault=stored.shadow_fault,
        served=None if proven is None else proven.proof,
        outputs=stored.outputs,
        guarded=stored.guarded,
        people=stored.people,
        audit=stored.audit,
    )


def situation(context: NightContext, measured: MonitoringResult) -> Situation:
    """Return everything that the decision of a night may rest on."""
    champion, data = context.champion, context.data
    serving = ServingVersion(champion.number, champion.trained_until, champion.importances) if champion else None
    return build_situation(
        SituationInputs(
            spec=data.spec,
            night=data.night,
            deliveries=data.deliveries,
            record=data.entries,
            measured=measured,
            champion=serving,
            waiting=context.waiting,
            upstream=context.upstream,
            downstream=context.downstream,
            released=released(champion, data) if champion else None,
            shadowed=shadowed(champion, data, context.load, context.shadow_fault) if champion else None,
            served=context.served,
            outputs=context.outputs,
            guarded=context.guarded,
            people=context.people,
            audit=context.audit,
        )
    )
