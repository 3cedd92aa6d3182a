"""The facts of a night that ended, or failed: what the metrics are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tasks.dataset.degree_in_force import fallen_in
from tasks.records import (
    Action,
    AuditedRows,
    Entry,
    GroupGap,
    GuardedMetric,
    IntervalCoverage,
    NightEntry,
    OutputMetric,
    PersonComparison,
    PromotionEntry,
    ServedAsBatch,
    ServedProof,
    retrainings_of,
    rollouts,
)
from tasks.rollout import RolloutTerms, alarm_level
from tasks.spec.spec_sections.operation_sections import Schedule

FINAL = frozenset({"promoted", "rejected"})
"""The answers to a registered version."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows and labels of a night's deliveries: how many were accepted, how many quarantined."""

    accepted: int
    quarantined: int

    @property
    def delivered(self) -> int:
        """Accepted plus quarantined.

        >>> RowCounts(accepted=95, quarantined=5).delivered
        100
        """
        return self.accepted + self.quarantined


@dataclass(frozen=True, slots=True)
class TableSize:
    """A lake table as its latest commit has it."""

    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class NightFacts:
    """One attempt at a night. What is None was not measured, and its metric keeps the value of the attempt before.

    Parameters
    ----------
    project : str
        Its name.
    attempted, finished : datetime
        When the attempt began, and when it ended in a decision; aware.
    due : datetime
        When the next night is to begin by the schedule; aware.
    room_seconds : mapping of str to float
        Wall time of each room that ran.
    failures : mapping of str to int
        Errors that ended the attempt, counted by their type; empty when it ended in a decision.
    champion_age_days, label_lag_days : int
        Days to the night from the newest event of the champion's training, and from the newest event with a label.
    waiting_since : sequence of datetime
        Since when each version without an answer waits for approval.
    action : str
        What the night decided.
    drift_strain, performance_strain : float
        Share of the leeway used by the worst column, and by the champion's error or bias; above 1 is an alarm.
    drift_alarms : int
        Columns past their leeway.
    metrics : mapping of str to float
        The further metrics of the newest labelled cohort.
    group_differences : mapping of (str, str) to float
        The largest difference between groups, on either side, by measure and column.
    groups_past_limit : int
        Differences that are surely past their limit.
    coverage : sequence of IntervalCoverage
        The labels inside their prediction intervals; empty without intervals.
    served : ServedProof
        What scoring the logged rows of the prediction service again has found.
    outputs : sequence of OutputMetric
        What users saw of the answers.
    people : PersonComparison
        How people decided next to the model.
    audit : AuditedRows
        The degree of automation with its audit.
    degree_fell : bool
        Whether the degree has fallen, and no person has raised it since.
    guarded : sequence of GuardedMetric
        What the users of both versions of a rollout saw; empty without guardrails, or without a rollout.
    guardrail_level : float
        The logarithm of the evidence that ends the rollout.
    """

    project: str
    attempted: datetime
    finished: datetime | None = None
    due: datetime | None = None
    room_seconds: Mapping[str, float] | None = None
    failures: Mapping[str, int] | None = None
    rows: RowCounts | None = None
    champion_age_days: int | None = None
    label_lag_days: int | None = None
    waiting_since: Sequence[datetime] | None = None
    action: Action | None = None
    drift_strain: float | None = None
    drift_alarms: int | None = None
    performance_strain: float | None = None
    metrics: Mapping[str, float] | None = None
    group_differences: Mapping[tuple[str, str], float] | None = None
    groups_past_limit: int | None = None
    coverage: Sequence[IntervalCoverage] | None = None
    served: ServedProof | None = None
    outputs: Sequence[OutputMetric] | None = None
    people: PersonComparison | None = None
    audit: AuditedRows | None = None
    degree_fell: bool = False
    guarded: Sequence[GuardedMetric] | None = None
    guardrail_level: float | None = None
    memory_peak_bytes: int | None = None
    lake: Mapping[str, TableSize] | None = None
    home_free_bytes: int | None = None
    home_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RunTiming:
    """How an attempt went: when it began and ended, and how long its rooms took."""

    begun: datetime
    ended: datetime
    room_seconds: Mapping[str, float] = field(default_factory=dict)


def night_facts(
    project: str,
    night: NightEntry,
    past: Sequence[Entry],
    attempt: RunTiming,
    champion_until: date | None,
    due: datetime,
) -> NightFacts:
    """Return the facts of a night that ended in a decision.

    Parameters
    ----------
    night : NightEntry
        The night's own entry in the record.
    past : sequence of Entry
        The whole record of the project, with or without the night itself.
    champion_until : date, optional
        The newest event date of the champion's training; None without a champion.
    """
    strains, served = [moved.strain for moved in night.moved], night.answer(ServedAsBatch)
    performance = night.performance
    return NightFacts(
        project=project,
        attempted=attempt.begun,
        finished=attempt.ended,
        due=due,
        room_seconds=attempt.room_seconds,
        failures={},
        rows=RowCounts(night.rows + night.labels, night.rows_quarantined),
        champion_age_days=None if champion_until is None else (night.night - champion_until).days,
        label_lag_days=(night.night - performance.end).days if performance else None,
        waiting_since=waiting_since(past),
        action=night.action,
        drift_strain=max(strains, default=0.0),
        drift_alarms=sum(strain > 1 for strain in strains),
        performance_strain=performance.strain if performance else None,
        metrics={metric.name: metric.value for metric in night.metrics if metric.value is not None},
        group_differences=_largest(night.fairness),
        groups_past_limit=sum(gap.is_past_limit for gap in night.fairness),
        coverage=() if night.coverage is None else (night.coverage,),
        served=served.proof if served else ServedProof(),
        outputs=night.outputs,
        people=night.people,
        audit=night.audit,
        guarded=night.guarded,
        guardrail_level=_guardrail_level(night.guarded, past),
        degree_fell=fallen_in([*(entry for entry in past if entry.name != night.name), night]) is not None,
    )


def _guardrail_level(guarded: Sequence[GuardedMetric], past: Sequence[Entry]) -> float | None:
    """Return the logarithm of the evidence that ends the rollout that was compared; None without one."""
    steps = [step for steps in rollouts(past) for step in steps if step.rollout in {each.rollout for each in guarded}]
    return alarm_level(RolloutTerms.from_dict(steps[-1].terms)) if steps else None


def _largest(gaps: Sequence[GroupGap]) -> dict[tuple[str, str], float]:
    """Return the largest difference of each measure and column, without its sign.

    >>> one, two = (GroupGap("town", name, "error", 9, 1.0, 1.0, gap) for name, gap in (("Ely", 0.25), ("Rye", -0.5)))
    >>> _largest([one, two])
    {('error', 'town'): 0.5}
    """
    largest: dict[tuple[str, str], float] = {}
    for gap in gaps:
        key = gap.measure, gap.column
        largest[key] = max(largest.get(key, 0.0), abs(gap.difference))
    return largest


def ingested_night(project: str, accepted: int, refused: int, attempt: RunTiming, due: datetime) -> NightFacts:
    """Return the facts of a night that ingested and scored, where monitoring has a schedule of its own."""
    return NightFacts(
        project=project,
        attempted=attempt.begun,
        finished=attempt.ended,
        due=due,
        room_seconds=attempt.room_seconds,
        failures={},
        rows=RowCounts(accepted, refused),
    )


def failed_night(project: str, error: BaseException, begun: datetime) -> NightFacts:
    """Return the facts of an attempt that ended in an error: only its type, never its text.

    >>> from datetime import UTC
    >>> dict(failed_night("shop", ValueError("Ann's row"), datetime(2026, 1, 2, tzinfo=UTC)).failures)
    {'ValueError': 1}
    """
    return NightFacts(project, begun, failures={type(error).__name__: 1})


def waiting_since(record: Sequence[Entry]) -> list[datetime]:
    """Return since when each version waits for an answer, the oldest first; a later answer settles all before it."""
    answers = [entry.time for entry in record if isinstance(entry, PromotionEntry) and entry.action in FINAL]
    asked = [entry.time for entry in retrainings_of(record) if entry.action == "registered"]
    return sorted(moment for moment in asked if not answers or moment > max(answers))


def due_after(schedule: Schedule, moment: datetime) -> datetime:
    """Return when the next night begins by the schedule, in the project's time zone.

    Examples
    --------
    >>> from datetime import UTC
    >>> due_after(Schedule(nightly="0 2 * * *", time_zone="Europe/Berlin"), datetime(2026, 1, 2, 1, tzinfo=UTC))
    datetime.datetime(2026, 1, 3, 2, 0, tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin'))
    """
    return next(CronSim(schedule.nightly, moment.astimezone(ZoneInfo(schedule.time_zone))))
