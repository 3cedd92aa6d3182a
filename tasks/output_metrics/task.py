"""Reads the feedback of a project and measures its output metrics, of all answers and by version in a rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.dataset.feature_assembly import feature_values
from tasks.dataset.night_data import NightData
from tasks.logs import line, logger
from tasks.output_metrics.shares import BEFORE_DAYS, MOST_CHANCE, daily_shares, in_time, output_metric
from tasks.output_metrics.users_by_version import days_of, users_by_version
from tasks.prefect_task import leeway_task
from tasks.records import GuardedMetric, OutputMetric, RolloutEntry
from tasks.rollout import GuardrailTerms, RolloutTerms, guardrail_evidence
from tasks.row_contract.feedback_columns import EVENT
from tasks.spec.cells.entity_keys import row_of_event
from tasks.spec.landing_sections.feedback_section import NULL_ANSWERS

YEAR_DAYS = 365


def measure_outputs(data: NightData) -> tuple[OutputMetric, ...]:
    """Return the output metrics of a night; none where the spec has no feedback, or nothing was answered."""
    feedback, policy = data.spec.feedback, data.spec.monitoring
    if feedback is None:
        return ()
    until = data.night - timedelta(days=max(feedback.delay_days, 1))  # the day of the night is not over
    after = until - timedelta(days=policy.window_days + BEFORE_DAYS)
    answered = data.served(after=after)
    answered = answered[answered["event_date"] <= until].drop_duplicates("row_id", keep="last")
    rows = _rows_by_event(data, answered, after)
    leeways = {NULL_ANSWERS: feedback.null_answers, **feedback.events}
    alpha = min(MOST_CHANCE, policy.false_alarms_per_year / YEAR_DAYS / len(leeways))
    found = (
        output_metric(
            name,
            daily_shares(answered, rows.get(name)),
            leeway,
            until=until,
            window_days=policy.window_days,
            alpha=alpha,
        )
        for name, leeway in leeways.items()
    )
    measured = tuple(metric for metric in found if metric is not None)
    events = sum(map(len, rows.values()))
    logger().info(line("outputs_measured", events=events, metrics=len(measured), rows=len(answered)))
    return measured


def _rows_by_event(data: NightData, answered: pd.DataFrame, after: date) -> dict[str, frozenset[str]]:
    """Return the ids of the answered rows with each event of the spec that came in time."""
    feedback, parts = data.spec.feedback, len(data.spec.key_columns)
    if feedback is None:
        return {}
    values = feature_values(data.lake, data.spec.project, data.spec.feedback_table, after, data.night)
    values = values.assign(row_id=[row_of_event(entity, parts) for entity in values["entity"]])
    values = in_time(values, answered, max(feedback.delay_days, 1))
    return {event: frozenset(values.loc[values[EVENT] == event, "row_id"]) for event in feedback.events}


def compare_versions(
    data: NightData, steps: Sequence[RolloutEntry], logged: pd.DataFrame, after: date
) -> tuple[GuardedMetric, ...]:
    """Return the guardrails of a rollout as of a night: what users saw of each version, in its canary.

    A row counts from the night on by which its feedback is known, for the version that was drawn for it.

    Parameters
    ----------
    steps : sequence of RolloutEntry
        The steps of the rollout so far, oldest first.
    logged : DataFrame
        Its rows, see `logged_users`.
    after : date
        The day before the first event date of a row.
    """
    feedback, terms = data.spec.feedback, RolloutTerms.from_dict(steps[0].terms)
    delay_days = max(0 if feedback is None else feedback.delay_days, 1)
    answered = data.served(after=after).drop_duplicates("row_id", keep="last")
    users = users_by_version(logged.merge(answered[["row_id", "event_date", "deferred"]], on="row_id"), steps)
    users = users[users["event_date"] <= data.night - timedelta(days=delay_days)]
    rows = _rows_by_event(data, users, after)
    found = tuple(_guarded(users, guardrail, rows, steps[0].rollout) for guardrail in terms.guardrails)
    logger().info(line("versions_compared", guardrails=len(found), rows=len(users)))
    return found


def _guarded(
    users: pd.DataFrame, guardrail: GuardrailTerms, rows: Mapping[str, frozenset[str]], rollout: str
) -> GuardedMetric:
    is_null = guardrail.name == NULL_ANSWERS
    counted = users["deferred"].astype(bool) if is_null else users["row_id"].isin(rows.get(guardrail.name, frozenset()))
    is_lower = guardrail.worse == "lower"
    days = days_of(users, counted)
    mine, others = (np.concatenate([np.zeros(0), *(day[arm] for day in days)]) for arm in (0, 1))
    bad = [(1 - day[0], 1 - day[1]) for day in days] if is_lower else days
    evidence, harmless = guardrail_evidence(bad, guardrail.allowed)
    return GuardedMetric(
        name=guardrail.name,
        rollout=rollout,
        worse=guardrail.worse,
        allowed=guardrail.allowed,
        users=len(mine),
        champion_users=len(others),
        value=float(mine.mean()) if len(mine) else 0.0,
        champion_value=float(others.mean()) if len(others) else 0.0,
        evidence=evidence,
        harmless=harmless,
    )


measure_outputs_task = leeway_task("measure outputs")(measure_outputs)
compare_versions_task = leeway_task("compare versions")(compare_versions)
