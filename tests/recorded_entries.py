"""Entries of the decision record for tests, made as the product makes them: decided by the policy, and written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from tasks.decide import Situation, decide
from tasks.records import (
    Bounded,
    DriftStatistic,
    Entry,
    NightEntry,
    Performance,
    PromotionEntry,
    ReleaseEntry,
    RetrainingEntry,
    RollbackEntry,
    RolloutAction,
    RolloutEntry,
    Statistic,
)
from tasks.records.entry_codec import from_row, to_row
from tasks.rollout import RolloutTerms
from tasks.spec import ProjectSpec

FIRST = date(2026, 2, 1)
LEEWAY = 0.25
TYPES: dict[str, type[Entry]] = {
    each.kind: each for each in (RetrainingEntry, PromotionEntry, RollbackEntry, ReleaseEntry)
}
SPEC = ProjectSpec.model_validate({
    "project": "mine",
    "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y", "delay_days": 14}},
    "features": {"numbers": ["a"]},
    "gate": {"min_rows": 200},
})  # fmt: skip
E = TypeVar("E", bound=Entry)


def recorded(entry: E) -> E:
    """Return an entry as it is read after it was written."""
    read = from_row(to_row(entry))
    assert isinstance(read, type(entry))
    return read


def moved(column: str, strain: float, statistic: Statistic = Statistic.LEVEL, **more: Any) -> DriftStatistic:
    """Return a column that used a share of its leeway of 0.25."""
    return DriftStatistic(column, statistic, strain * LEEWAY, LEEWAY, **more)


def performance(loss: float, bias: float = 0.0) -> Performance:
    """Return an error of which 1.0 was promised and 0.1 more is tolerated, and a bias of which 0.25 is."""
    return Performance(
        start=date(2026, 1, 4),
        end=date(2026, 1, 18),
        rows=120,
        loss=Bounded(loss, loss - 0.1, loss + 0.1, 1.0, 0.1),
        bias=Bounded(bias, bias - 0.1, bias + 0.1, 0.0, 0.25),
    )


def moment(day: int, hour: int = 0) -> datetime:
    """Return an hour, `day` days after the first of February 2026."""
    return datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC) + timedelta(hours=hour)


def decided_night(day: int = 0, spec: ProjectSpec = SPEC, **facts: Any) -> NightEntry:
    """Return the record of a night, decided from facts: fields of its situation, and those of its entry.

    `suspicions` are those of the situation, `recorded_suspicions` those that only the record has.
    """
    usual = {"champion": 1, "window_rows": 300, "window_days": 7, "fresh_rows": 900, "rows_in_30_days": 900}
    of_situation = Situation.__dataclass_fields__.keys()
    night = moment(day).date()
    situation = Situation(spec.project, night, **(usual | {k: v for k, v in facts.items() if k in of_situation}))
    decision = decide(situation, spec)
    fields: dict[str, Any] = {
        "name": f"n{day}",
        "night": night,
        "time": moment(day),
        "action": decision.action,
        "drift": decision.kind,
        "reason": decision.reason,
        "champion": situation.champion,
        "waiting": situation.waiting,
        "answers": decision.answers,
        "moved": situation.moved,
        "surprises": situation.surprises,
        "rows": 10,
        "labels": 5,
        "rows_quarantined": 1,
        "suspicions": facts.pop("recorded_suspicions", ()),
    }
    return recorded(NightEntry(**(fields | {k: v for k, v in facts.items() if k not in of_situation})))


def event_entry(kind: str, action: str, day: int = 0, subject: str = "version 2", reason: str = "it won") -> Entry:
    """Return the record of something else that was done, at noon of a day."""
    more: dict[str, Any] = {"action": action, "subject": subject, "reason": reason, "actor": "ana"}
    noon = moment(day, hour=12)
    return recorded(TYPES[kind](name=f"{kind} {action} {day}", night=noon.date(), time=noon, **more))


def started_rollout(candidate: str, champion: str, terms: RolloutTerms, now: datetime) -> RolloutEntry:
    """Return the first step of a rollout of version 2, by the digests of both versions."""
    return RolloutEntry(
        name=f"2/{candidate[:12]}/0",
        night=now.date(),
        time=now,
        action="started",
        subject="version 2",
        reason="approved",
        digest=candidate,
        champion_digest=champion,
        terms=terms.to_dict(),
    )


def rollout_entries(*actions: RolloutAction, reason: str = "", **more: Any) -> list[RolloutEntry]:
    """Return the steps of a rollout of version 2 against version 1, one a day; digests are "1" and "2"."""
    numbered = [("started", 0, {}), *((action, stage, more) for stage, action in enumerate(actions, start=1))]
    return [
        recorded(
            RolloutEntry(
                name=f"2/2/{stage}",
                night=moment(stage).date(),
                time=moment(stage, hour=13),
                action=action,
                reason=reason,
                subject="version 2",
                digest="2",
                champion_digest="1",
                stage=stage,
                **given,
            )
        )
        for action, stage, given in numbered
    ]
