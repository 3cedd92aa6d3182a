"""From plain facts about a night to the situation that it is decided on: the only place where one is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tasks.dataset.landed_batches import judged_nights, landed_batches
from tasks.decide.freshness import overdue
from tasks.decide.recorded_alarms import alarmed_since, with_expected_drift
from tasks.decide.situation import RegimeEvidence, ReleaseOutcome, ShadowOutcome, Situation
from tasks.decide.suspicion_states import quarantined_batch, quarantined_suspicions, suspected_after
from tasks.lake import Deliveries
from tasks.records import (
    AuditedRows,
    Entry,
    GuardedMetric,
    MonitoringResult,
    OutputMetric,
    PersonComparison,
    RetrainingEntry,
    ServedProof,
    UpstreamState,
    champion_record,
    nights_of,
    suspected_in,
)
from tasks.spec import ProjectSpec

MONTH_DAYS = 30
UNDER_WAY_DAYS = 7  # a retraining that never ended stops counting as under way


@dataclass(frozen=True, slots=True)
class ServingVersion:
    """The champion, as far as a decision rests on it: its last training day, and each feature's share of its skill."""

    number: int
    trained_until: date
    importances: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class SituationInputs:
    """The facts about a night.

    Parameters
    ----------
    spec : ProjectSpec
        The project's spec.
    night : date
        The night.
    deliveries : Deliveries
        Every delivery, as it was known that night.
    record : sequence of Entry
        The decision record before this decision, oldest first.
    measured : MonitoringResult
        What monitoring found.
    champion : ServingVersion or None
        The version that serves.
    waiting : int or None
        The version that waits for approval.
    upstream : tuple of UpstreamState
        The newest nights of the projects upstream.
    downstream : tuple of str
        The projects downstream.
    released : ReleaseOutcome or None
        How the champion's first cohort did; None once a night has judged it.
    shadowed : ShadowOutcome or None
        How the version that waits does on the rows that both answered.
    served : ServedProof or None
        Whether the prediction service has answered as the batch does.
    outputs : tuple of OutputMetric
        What users see of the answers.
    guarded : tuple of GuardedMetric
        The same of both versions of a rollout, as far as it has guardrails.
    people : PersonComparison or None
        How people decide next to the model.
    audit : AuditedRows or None
        The degree of automation with its audit.
    """

    spec: ProjectSpec
    night: date
    deliveries: Deliveries
    record: Sequence[Entry]
    measured: MonitoringResult
    champion: ServingVersion | None = None
    waiting: int | None = None
    upstream: tuple[UpstreamState, ...] = ()
    downstream: tuple[str, ...] = ()
    released: ReleaseOutcome | None = None
    shadowed: ShadowOutcome | None = None
    served: ServedProof | None = None
    outputs: tuple[OutputMetric, ...] = ()
    guarded: tuple[GuardedMetric, ...] = ()
    people: PersonComparison | None = None
    audit: AuditedRows | None = None


def build_situation(inputs: SituationInputs) -> Situation:
    """Return the situation of a night."""
    night, champion, measured = inputs.night, inputs.champion, inputs.measured
    landed = landed_batches(inputs.deliveries, inputs.record, night, inputs.spec)
    judged = judged_nights(inputs.deliveries, inputs.record, night, inputs.spec)
    used = {*inputs.spec.trained_on, *(name for name, _ in (champion.importances if champion else ()))}
    before, quarantined = suspected_in(inputs.record, night, used), quarantined_suspicions(landed)
    nights = [entry for entry in nights_of(inputs.record) if entry.night < night]
    serving = champion.number if champion else None
    moved = with_expected_drift(measured.moved, nights, before, serving)
    month_ago = night - timedelta(days=MONTH_DAYS)
    retrainings = [entry for entry in inputs.record if isinstance(entry, RetrainingEntry) and entry.night <= night]
    registered = [entry for entry in retrainings if entry.action == "registered"]
    refused = [entry for entry in retrainings if entry.action == "refused" and entry.holdout_start is not None]
    recorded = champion_record(inputs.record).champions()
    return Situation(
        project=inputs.spec.project,
        night=night,
        lost_champion=recorded[0].number if recorded and champion is None else None,
        champion=champion.number if champion else None,
        champion_age_days=(night - champion.trained_until).days if champion else None,
        window_rows=measured.window.rows if measured.window else 0,
        window_days=measured.window.days if measured.window else 0,
        quarantined=tuple(quarantined_batch(batch) for batch in landed if batch.verdict == "quarantined"),
        refused_rows=sum(batch.rows_quarantined for batch in landed),
        moved=tuple(sorted((*moved, *measured.predictions), key=lambda statistic: -statistic.strain)),
        alarmed_since=alarmed_since(nights, serving),
        suspicions=measured.suspicions,
        suspected=suspected_after(before, quarantined, measured.suspicions, measured.back, night),
        surprises=measured.surprises,
        worse=measured.worse,
        first_step=measured.first_step,
        upstream=inputs.upstream,
        downstream=inputs.downstream,
        kind=measured.kind,
        estimated=measured.estimated,
        importances=champion.importances if champion else (),
        performance=measured.performance,
        waiting=inputs.waiting,
        last_retraining=max((entry.night for entry in registered), default=None),
        last_refused=max((entry.night for entry in refused), default=None),
        at_retraining=_known_then(registered, inputs.record),
        at_refusal=_known_then(refused, inputs.record),
        under_way=_under_way(inputs.record, night),
        retrainings_in_30_days=sum(entry.night > month_ago for entry in registered),
        fresh_rows=measured.fresh_rows,
        rows_in_30_days=sum(batch.rows_accepted for batch in inputs.deliveries.accepted(after=month_ago)),
        released=inputs.released,
        shadowed=inputs.shadowed,
        served=inputs.served,
        outputs=inputs.outputs,
        guarded=inputs.guarded,
        people=inputs.people,
        audit=inputs.audit,
        overdue=overdue(inputs.deliveries, judged, inputs.spec),
    )


def _known_then(tries: Sequence[RetrainingEntry], record: Sequence[Entry]) -> RegimeEvidence | None:
    """Return what the night before the newest of some tries knew; None without a try, and of an older Leeway's night.

    An error that was within its leeway, or not known yet, as before the first training, says nothing of a new regime.
    """
    if not tries:
        return None
    newest = max(tries, key=lambda entry: entry.time)
    before = [entry for entry in nights_of(record) if entry.time <= newest.time]
    seen = before[-1].performance if before else None
    if seen is None or not seen.past_leeway:
        return RegimeEvidence(0, 0.0)
    return None if seen.regime_rows is None else RegimeEvidence(seen.regime_rows, seen.strain)


def _under_way(record: Sequence[Entry], night: date) -> date | None:
    """Return the night of a retraining that was decided within a week, and has no outcome yet."""
    done = {entry.name for entry in record if isinstance(entry, RetrainingEntry)}
    since = night - timedelta(days=UNDER_WAY_DAYS)
    decided = (entry for entry in nights_of(record) if entry.action == "retrain" and since < entry.night < night)
    return max((entry.night for entry in decided if entry.name not in done), default=None)
