"""Between the rooms and the record: what a decision is made from, and how it is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flows.steps.lineage import downstream, upstream
from flows.steps.post_release import released, shadowed
from flows.workspace import Champion, Workspace
from tasks.dataset.night_data import NightData
from tasks.decide import Situation, Suspected
from tasks.lake import Batch, Deliveries
from tasks.monitor.measure import MonitoringResult
from tasks.monitor.pipeline_stages import first_moved
from tasks.records import BatchVerdict, Decision, DriftStatistic, Entry, NightEntry
from tasks.registry.mlflow_names import CHALLENGER
from tasks.score.task import automated

MONTH_DAYS = 30
COLUMNS_SHOWN = 50
COLUMNS_TIMED = 5
UNDER_WAY_DAYS = 7  # a lost run must not forbid retraining for ever


@dataclass(frozen=True, slots=True)
class NightContext:
    """What a night is decided from: the project, the serving version, and the night's data.

    `shadow_fault` is the reason why the waiting version could not answer with the champion. `decided_at` is given when
    a night is decided again: later decisions of upstream projects are then left out.
    """

    workspace: Workspace
    champion: Champion | None
    data: NightData
    shadow_fault: str = ""
    decided_at: datetime | None = None

    @property
    def night(self) -> date:
        """The night that is decided."""
        return self.data.night

    @property
    def deliveries(self) -> Deliveries:
        """Every delivery of the project."""
        return self.data.deliveries

    @property
    def past(self) -> Sequence[Entry]:
        """The decision record so far, oldest first."""
        return self.data.entries

    @property
    def waiting(self) -> int | None:
        """The version that waits for approval."""
        return self.data.aliases.get(CHALLENGER)

    @property
    def landed(self) -> list[Batch]:
        """What was delivered since the last decision: one night, or more where monitoring has a schedule of its own."""
        if self.workspace.spec.schedule.monitoring is None:
            return self.deliveries.of(self.night)
        nights = [entry.night for entry in self.past if entry.kind == "night" and entry.night < self.night]
        looked = max(nights, default=date.min)
        return [batch for batch in self.deliveries.latest() if looked < batch.night <= self.night]


def situation(context: NightContext, view: MonitoringResult) -> Situation:
    """Gather everything the decision of a night may rest on."""
    workspace, night, champion = context.workspace, context.night, context.champion
    batches = context.landed
    past = [entry for entry in context.past if entry.kind == "retraining" and entry.night <= night]
    refused = [entry.night for entry in past if entry.action == "refused"]
    registered = [entry.night for entry in past if entry.action == "registered"]
    month_ago = night - timedelta(days=MONTH_DAYS)
    recent = context.deliveries.accepted(after=month_ago)
    return Situation(
        project=workspace.project,
        night=night,
        champion=None if champion is None else champion.number,
        champion_age_days=None if champion is None else (night - champion.trained_until).days,
        window_rows=view.window.rows if view.window else 0,
        window_days=view.window.days if view.window else 0,
        quarantined=tuple(batch.key for batch in batches if batch.verdict == "quarantined"),
        refused_rows=sum(batch.rows_quarantined for batch in batches),
        moved=tuple(sorted((*view.moved, *view.predictions), key=lambda moved: -moved.strain)),
        suspicions=tuple(Suspected(each.kind, each.columns, each.evidence) for each in view.suspicions),
        surprises=view.surprises,
        worse=view.worse,
        first_step=first.sentence if (first := first_moved(view.steps)) else "",
        upstream=upstream(workspace, night, context.decided_at),
        downstream=downstream(workspace),
        kind=view.kind,
        estimated=view.estimated,
        importances=champion.importances if champion else (),
        performance=view.performance,
        waiting=context.waiting,
        last_retraining=max(registered, default=None),
        under_way=_under_way(context),
        last_refused=max(refused, default=None),
        retrainings_in_30_days=sum(day > month_ago for day in registered),
        fresh_rows=view.fresh_rows,
        rows_in_30_days=sum(batch.rows_accepted for batch in recent),
        released=released(champion, context.data) if champion else None,
        shadowed=shadowed(workspace, champion, context.data, context.shadow_fault) if champion else None,
    )


def night_name(context: NightContext) -> str:
    """Return the name of a night's decision: the same night, with the same deliveries, is decided once."""
    digest = hashlib.sha256("".join(sorted(batch.batch_id for batch in context.landed)).encode()).hexdigest()[:8]
    return f"{context.night.isoformat()}/{digest}"


def decision_entry(
    context: NightContext, decision: Decision, view: MonitoringResult, reason: str, moment: datetime
) -> NightEntry:
    """Return the record of a night: every answer with its numbers, every column against its leeway."""
    batches, champion = context.landed, context.champion
    return NightEntry(
        name=night_name(context),
        night=decision.night,
        time=moment,
        action=decision.action,
        drift=decision.kind,
        reason=decision.reason,
        run_because=reason,
        champion=champion.number if champion else None,
        waiting=context.waiting,
        answers=decision.answers,
        moved=_most_strained((*view.moved, *view.predictions)),
        surprises=_most_strained(view.surprises),
        steps=view.steps,
        suspicions=view.suspicions,
        rows=sum(batch.rows_accepted for batch in batches if batch.kind == "rows"),
        labels=sum(batch.rows_accepted for batch in batches if batch.kind == "labels"),
        rows_quarantined=sum(batch.rows_quarantined for batch in batches),
        batches=tuple(BatchVerdict(batch.kind, batch.key, batch.verdict) for batch in batches),
        automation=automated(context.data).recorded() if champion else None,
        drift_per_month=_drift_per_month(champion, view),
    )


def _drift_per_month(champion: Champion | None, view: MonitoringResult) -> dict[str, float]:
    if champion is None or view.window is None:
        return {}
    return speed(view.moved, (view.window.end - champion.trained_until).days)


def speed(moved: Sequence[DriftStatistic], days: int) -> dict[str, float]:
    """Return how quickly the columns that moved most do so: distance a month since the champion's training.

    Of several statistics of a column, the one that used most of its leeway counts.

    >>> from tasks.records import Statistic
    >>> level = DriftStatistic("area", Statistic.LEVEL, 0.3, leeway=0.1)
    >>> speed([level, DriftStatistic("area", Statistic.SHAPE, 0.2, leeway=0.1)], days=60)
    {'area': 0.15}
    """
    worst: dict[str, DriftStatistic] = {}
    for each in sorted(moved, key=lambda each: -each.strain):
        if each.strain > 1 and len(worst) < COLUMNS_TIMED:
            worst.setdefault(each.column, each)
    return {column: round(each.distance / max(days, 1) * MONTH_DAYS, 4) for column, each in worst.items()}


def _under_way(context: NightContext) -> date | None:
    """Return the night of a retraining that was decided on within a week, and has no outcome yet."""
    done = {entry.name for entry in context.past if entry.kind == "retraining"}
    since = context.night - timedelta(days=UNDER_WAY_DAYS)
    waiting = [
        entry.night
        for entry in context.past
        if entry.kind == "night" and entry.action == "retrain" and entry.name not in done and since < entry.night
    ]
    return max((night for night in waiting if night < context.night), default=None)


def _most_strained(moved: Sequence[DriftStatistic]) -> tuple[DriftStatistic, ...]:
    """Return the most strained statistics, as many as are kept."""
    return tuple(sorted(moved, key=lambda statistic: -statistic.strain)[:COLUMNS_SHOWN])
