"""Reads the feedback of a project and measures its output metrics."""

from __future__ import annotations

from datetime import timedelta

from tasks.dataset.feature_assembly import feature_values
from tasks.dataset.night_data import NightData
from tasks.logs import line, logger
from tasks.output_metrics.shares import BEFORE_DAYS, MOST_CHANCE, daily_shares, in_time, output_metric
from tasks.prefect_task import leeway_task
from tasks.records import OutputMetric
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
    values = feature_values(data.lake, data.spec.project, data.spec.feedback_table, after, data.night)
    parts = len(data.spec.key_columns)
    values = values.assign(row_id=[row_of_event(entity, parts) for entity in values["entity"]])
    values = in_time(values, answered, max(feedback.delay_days, 1))
    rows = {event: frozenset(values.loc[values[EVENT] == event, "row_id"]) for event in feedback.events}
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
    logger().info(line("outputs_measured", events=len(values), metrics=len(measured), rows=len(answered)))
    return measured


measure_outputs_task = leeway_task("measure outputs")(measure_outputs)
