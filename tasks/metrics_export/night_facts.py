"""What is known of a night once it is over, or has failed: a frozen record, gathered from the night's own entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tasks.lake import Entry
from tasks.records import Action
from tasks.spec.policy_sections import Schedule

FINAL = frozenset({"promoted", "rejected"})
"""What ends the waiting of a registered version."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows and labels of a night's deliveries: how many counted, how many were set aside."""

    accepted: int
    quarantined: int

    @property
    def delivered(self) -> int:
        """All that came: accepted plus quarantined.

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
    """One attempt at a night. What is None was not learned by it, and keeps the value of the attempt before.

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
        Errors that ended the attempt, counted by their type; empty when it came to a decision.
    champion_age_days, label_lag_days : int
        Days from the newest event that the champion learned from, and that has its label, to the night.
    waiting_since : sequence of datetime
        Since when each version that nobody has answered waits for approval.
    action : str
        What the night decided.
    drift_strain, performance_strain : float
        Share of the leeway used by the worst column, and by the champion's error or bias; above 1 is an alarm.
    drift_alarms : int
        Columns past their leeway.
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
    project: str, night: Entry, past: Sequence[Entry], attempt: RunTiming, champion_until: date | None, due: datetime
) -> NightFacts:
    """Return the facts of a night that came to a decision.

    Parameters
    ----------
    night : Entry
        The night's own entry in the record.
    past : sequence of Entry
        The whole record of the project; the night itself may be among it.
    champion_until : date, optional
        The newest event date that the champion learned from; None without a champion.
    """
    details: dict[str, Any] = night.details
    strains = [float(moved["strain"]) for moved in details["moved"]]
    measured = details.get("performance")
    action: Any = night.action
    return NightFacts(
        project=project,
        attempted=attempt.begun,
        finished=attempt.ended,
        due=due,
        room_seconds=attempt.room_seconds,
        failures={},
        rows=RowCounts(details["rows"] + details["labels"], details["quarantined"]),
        champion_age_days=None if champion_until is None else (night.night - champion_until).days,
        label_lag_days=(night.night - date.fromisoformat(measured["end"])).days if measured else None,
        waiting_since=waiting_since(past),
        action=action,
        drift_strain=max(strains, default=0.0),
        drift_alarms=sum(strain > 1 for strain in strains),
        performance_strain=performance_strain(measured) if measured else None,
    )


def taken_in(project: str, accepted: int, refused: int, attempt: RunTiming, due: datetime) -> NightFacts:
    """Return the facts of a night that took in and scored, where monitoring decides at other times."""
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
    answers = [entry.time for entry in record if entry.kind == "promotion" and entry.action in FINAL]
    asked = [entry.time for entry in record if entry.kind == "retraining" and entry.action == "registered"]
    return sorted(moment for moment in asked if not answers or moment > max(answers))


def performance_strain(measured: Mapping[str, Any]) -> float:
    """Return the share of the leeway used by the worse of error and bias; only a rise of the error counts.

    Examples
    --------
    Error .15 where .13 was promised and .10 is tolerated uses a fifth; bias -.03 of .06, promised 0, uses half.

    >>> loss = {"value": 0.15, "expected": 0.13, "leeway": 0.10}
    >>> performance_strain({"loss": loss, "bias": {"value": -0.03, "expected": 0.0, "leeway": 0.06}})
    0.5
    """
    loss, bias = measured["loss"], measured["bias"]
    rise = (loss["value"] - loss["expected"]) / loss["leeway"]
    return float(max(rise, abs(bias["value"] - bias["expected"]) / bias["leeway"], 0.0))


def due_after(schedule: Schedule, moment: datetime) -> datetime:
    """Return when the next night begins by the schedule, in the project's time zone.

    Examples
    --------
    >>> from datetime import UTC
    >>> due_after(Schedule(nightly="0 2 * * *", time_zone="Europe/Berlin"), datetime(2026, 1, 2, 1, tzinfo=UTC))
    datetime.datetime(2026, 1, 3, 2, 0, tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin'))
    """
    return next(CronSim(schedule.nightly, moment.astimezone(ZoneInfo(schedule.time_zone))))
