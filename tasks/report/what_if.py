"""How far a night was from an alarm: the nearest limit and the distance to it, or what forbade a retraining."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from tasks.records import (
    DriftStatistic,
    EnoughRows,
    Entry,
    MayRetrain,
    NightEntry,
    Obstacle,
    ObstacleKind,
    WorthRetraining,
    retrainings_of,
)
from tasks.render.values import counted
from tasks.spec import ProjectSpec

MONTH_DAYS = 30


def how_far(night: NightEntry, spec: ProjectSpec, record: Sequence[Entry] = ()) -> tuple[str, ...]:
    """Return, in sentences, what was missing for another decision.

    Parameters
    ----------
    record : sequence of Entry
        The whole record; with it a hold names the day on which back-off and budget end.
    """
    if night.action == "retrain":
        return ("a retraining was started",)
    if night.action == "quarantine":
        return (f"it needs a corrected delivery, or `leeway release {spec.project} BATCH`",)
    if not night.moved and night.performance is None:
        return _to_judge(night, spec)
    forbidden = _obstacles(night, spec, record)
    if forbidden:
        return forbidden
    if night.action == "ask":
        return (f"a person has to look; if the rows are right: `leeway run retrain {spec.project}`",)
    return tuple(text for text in (_nearest_column(night), *_nearest_error(night, spec)) if text)


def _to_judge(night: NightEntry, spec: ProjectSpec) -> tuple[str, ...]:
    """Return what a night that judged nothing lacked."""
    rows = night.answer(EnoughRows)
    if night.champion is None:
        return (f"there is no champion: `leeway run retrain {spec.project}`, then approve it",)
    if rows is None or rows.rows >= rows.min_rows:
        return ()
    more = counted(rows.min_rows - rows.rows, "more row")
    return (f"{more} since the champion's training: there were {rows.rows} of {rows.min_rows}",)


def _nearest_column(night: NightEntry) -> str:
    """Return the statistic nearest its leeway, or, past it, the one that is furthest."""
    if not night.moved:
        return ""
    worst = max(night.moved, key=lambda moved: moved.strain)
    if worst.strain > 1:
        return f"{worst.column} is past its leeway ({worst.strain:.1f} x); drift alone does not retrain, an error must"
    return f"{worst.column} used {worst.strain:.0%} of its leeway; another {distance_left(worst)} is an alarm"


def distance_left(moved: DriftStatistic) -> str:
    """Return how much of a leeway is left, in the statistic's unit.

    >>> from tasks.records import Statistic
    >>> distance_left(DriftStatistic("bathrooms", Statistic.LEVEL, 0.17, 0.25))
    '0.08 sd (level)'
    >>> distance_left(DriftStatistic("age", Statistic.NULLS, 0.01, 0.02))
    '1.0 % of rows (nulls)'
    """
    left, unit = moved.leeway - moved.distance, moved.statistic.unit
    amount = f"{100 * left:.1f} % {unit}" if unit.startswith("of") else f"{left:.2g} {unit}".rstrip()
    return f"{amount} ({moved.statistic})"


def _nearest_error(night: NightEntry, spec: ProjectSpec) -> tuple[str, ...]:
    if night.performance is None:
        first = night.night + timedelta(days=spec.source.label.delay_days)
        return (f"labels are missing: the error of tonight's rows is known from {first} at the earliest",)
    error, worth = night.performance.loss, night.answer(WorthRetraining)
    if error.value <= error.tolerated:
        gap = error.tolerated - error.value
        return (f"the error is {error.value:.4g}; another {gap:.3g} reaches the limit of {error.tolerated:.4g}",)
    if worth is not None and worth.expected_loss is not None and worth.expected_loss <= worth.training_cost:
        gap, cost = worth.training_cost - worth.expected_loss, worth.training_cost
        return (f"another {gap:,.0f} of expected loss in {MONTH_DAYS} days: a retraining costs {cost:,.0f}",)
    return (f"the error {error.value:.4g} is past the limit of {error.tolerated:.4g}, but chance may still explain it",)


def _obstacles(night: NightEntry, spec: ProjectSpec, record: Sequence[Entry]) -> tuple[str, ...]:
    """Return what forbade a retraining that was wanted, each with the day or the number that ends it."""
    may = night.answer(MayRetrain)
    if night.action != "hold" or may is None or not may.wanted:
        return ()
    return tuple(_ends(obstacle, may, night, spec, record) for obstacle in may.obstacles)


def _ends(obstacle: Obstacle, may: MayRetrain, night: NightEntry, spec: ProjectSpec, record: Sequence[Entry]) -> str:
    refused, registered = (_days(record, action, night.night) for action in ("refused", "registered"))
    policy, since, least = spec.monitoring, may.days_since_retraining, spec.gate.min_rows
    match obstacle.kind:
        case ObstacleKind.COOLDOWN if since is not None:
            return f"cooldown until {night.night + timedelta(days=policy.cooldown_days - since)} at the latest"
        case ObstacleKind.BACK_OFF if refused:
            return f"back-off until {refused[-1] + timedelta(days=policy.backoff_days)} at the latest"
        case ObstacleKind.BUDGET:
            return _budget_ends(registered, night.night, spec) or obstacle.sentence
        case ObstacleKind.FRESH_ROWS:
            more = counted(least - may.fresh_rows, "more labelled row")
            return f"{more}: there are {may.fresh_rows} of {least}"
        case ObstacleKind.WAITING:
            return f"an answer is needed: {obstacle.sentence}"
        case _:
            return obstacle.sentence


def _days(record: Sequence[Entry], action: str, until: date) -> list[date]:
    done = (entry for entry in retrainings_of(record) if entry.action == action)
    return sorted(entry.night for entry in done if entry.night <= until)


def _budget_ends(registered: Sequence[date], night: date, spec: ProjectSpec) -> str:
    """Return when enough of the retrainings that count are older than 30 days."""
    counting = [day for day in registered if day > night - timedelta(days=MONTH_DAYS)]
    allowed = spec.monitoring.retrainings_per_month
    if allowed == 0:
        return "the budget is 0: monitoring.retrainings_per_month"
    if len(counting) < allowed:
        return ""
    return f"the budget allows the next on {counting[len(counting) - allowed] + timedelta(days=MONTH_DAYS)}"
