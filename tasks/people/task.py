"""Reads what people decided, compares it with what the champion answered, and audits what it decided by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from tasks.dataset.feature_assembly import feature_values
from tasks.dataset.hidden_answers import are_audited, were_hidden
from tasks.dataset.night_data import NightData
from tasks.lake import Filter, active_rows
from tasks.logs import line, logger
from tasks.people.audit import audited_rows
from tasks.people.people_comparison import compared_rows, compared_slices
from tasks.prefect_task import leeway_task
from tasks.records import AuditedRows, PersonComparison
from tasks.row_contract.feedback_columns import DECISION


def compare_with_people(data: NightData, version: int, since: date) -> PersonComparison | None:
    """Return how people decide next to a version; None where the spec has no decisions, or none is known.

    Parameters
    ----------
    version : int
        The champion.
    since : date
        Rows of later event dates count: since the version began to answer.
    """
    spec = data.spec
    if spec.decisions is None:
        return None
    rows = _answered(data, version, since).merge(
        decisions_of(data, since), on="row_id", how="inner", validate="one_to_one"
    )
    if rows.empty:
        return None
    rows = _with_labels(rows, data, since)
    hidden = were_hidden(rows, spec.automation)
    apart, seen = rows[hidden].reset_index(drop=True), rows[~hidden].reset_index(drop=True)
    shown = compared_rows(seen, spec)
    found = PersonComparison(
        version=version,
        since=min(rows["event_date"]),
        until=max(rows["event_date"]),
        are_shares=spec.training.task != "regression",
        hidden=compared_rows(apart, spec),
        slices=tuple(compared_slices(_with_slices(apart, data), spec, spec.decisions.slices)),
        shown_rows=shown.rows,
        shown_agreement=shown.agreement,
    )
    logger().info(line("people_compared", hidden=len(apart), labelled=found.hidden.labelled, shown=shown.rows))
    return found


compare_with_people_task = leeway_task("compare with people")(compare_with_people)


def audit_answers(data: NightData, version: int, since: date) -> AuditedRows | None:
    """Return what an audit of a version shows, and whether the degree of automation holds; see `audited_rows`.

    The truth of a row is its label or, where it has none yet, what a person decided without the answer.

    Returns
    -------
    AuditedRows or None
        None where the spec asks people for nothing: no audit, no blind rows, no decisions and no capacity.
    """
    spec, automation = data.spec, data.spec.automation
    if not (automation.audit_share or automation.blind_share or automation.people_per_day or spec.decisions):
        return None
    answered = _answered(data, version, since)
    audited = are_audited(answered, automation)
    drawn = _with_labels(answered[audited], data, since)
    if spec.decisions is not None:
        drawn = drawn.merge(decisions_of(data, since), on="row_id", how="left", validate="one_to_one")
        drawn["label"] = drawn["label"].where(drawn["label"].notna(), drawn[DECISION])
    newest = max(answered["event_date"], default=data.night)
    recent = (answered["event_date"] > newest - timedelta(days=spec.monitoring.window_days)).to_numpy(bool)
    left = audited | answered["deferred"].astype("boolean").fillna(value=False).to_numpy(bool)
    days = answered.loc[recent, "event_date"].nunique()
    found = audited_rows(drawn, since, spec, float((left & recent).sum() / days) if days else None)
    logger().info(line("answers_audited", drawn=found.drawn, evidence=found.evidence, known=found.known))
    return found


audit_answers_task = leeway_task("audit")(audit_answers)


def _answered(data: NightData, version: int, since: date) -> pd.DataFrame:
    answered = data.served(after=since)
    return answered[answered["version"] == version].drop_duplicates("row_id", keep="last").reset_index(drop=True)


def decisions_of(data: NightData, since: date) -> pd.DataFrame:
    """Return `row_id` and the newest `decision` of each row, of those that were made after a day, up to the night.

    A decision is made on the day of its row or later; of several at one time, the last delivered counts.
    """
    values = feature_values(data.lake, data.spec.project, data.spec.decisions_table, since, data.night)
    values = values[values[DECISION].notna()].sort_values(["event_time", "arrival_rank"], kind="stable")
    newest = values.drop_duplicates("entity", keep="last")
    return newest[["entity", DECISION]].rename(columns={"entity": "row_id"}).reset_index(drop=True)


def _with_labels(rows: pd.DataFrame, data: NightData, since: date) -> pd.DataFrame:
    """Return all rows, with the label of those that have matured."""
    matured = data.matured(rows[["row_id", "event_date"]], labels_after=since)
    return rows.merge(matured[["row_id", "label"]], on="row_id", how="left", validate="one_to_one")


def _with_slices(rows: pd.DataFrame, data: NightData) -> pd.DataFrame:
    columns = [] if data.spec.decisions is None else data.spec.decisions.slices
    if not columns or rows.empty:
        return rows
    days: list[Filter] = [("event_date", ">=", min(rows["event_date"])), ("event_date", "<=", max(rows["event_date"]))]
    known = active_rows(data.lake, data.spec.project, "rows", data.deliveries, columns=["row_id", *columns], where=days)
    return rows.merge(known.drop_duplicates("row_id", keep="last"), on="row_id", how="left", validate="one_to_one")
