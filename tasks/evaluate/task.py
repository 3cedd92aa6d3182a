"""The rim of evaluate: the gate, with its verdict on the run's log, the error analysis, and losses in service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from tasks.evaluate.analysis.error_analysis import ErrorAnalysis, error_analysis
from tasks.evaluate.evidence import Evidence
from tasks.evaluate.gate import Contest, gate
from tasks.lake import Deliveries, Filter, Lake, active_rows
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES, truth_and_answer


def examine(contest: Contest, spec: ProjectSpec) -> Evidence:
    """Return the evidence for or against the challenger."""
    evidence = gate(contest, spec)
    logger().info(line("challenger_examined", passed=evidence.passed, rows=evidence.rows, verdict=evidence.verdict))
    for reason in evidence.reasons:
        logger().info(line("gate_check", found=reason))
    return evidence


examine_task = leeway_task("evaluate")(examine)


def analyse(contest: Contest, spec: ProjectSpec) -> ErrorAnalysis:
    """Return where the challenger is wrong on the hold-out."""
    found = error_analysis(contest, spec)
    logger().info(line("errors_analysed", loss=found.loss, rows=found.rows, weak_slices=len(found.weak)))
    return found


analyse_task = leeway_task("errors")(analyse)


@dataclass(frozen=True, slots=True)
class AnsweringVersion:
    """A version that answers, the last day it learned from, and the names of its classes where there are several."""

    version: int
    trained_until: date
    classes: Sequence[str] = ()


def realised_losses(
    lake: Lake, spec: ProjectSpec, who: AnsweringVersion, known: Deliveries, night: date
) -> pd.DataFrame:
    """Return `row_id`, `event_date` and `loss` of what a version answered and has not learned from.

    Of these, the rows whose label had matured by the night, and had come.

    Parameters
    ----------
    known : Deliveries
        As they stand, read once a night.
    """
    inside: list[Filter] = [
        ("version", "=", who.version),
        ("event_date", ">", who.trained_until),
        ("event_date", "<=", spec.matured_until(night)),
    ]
    answer = "probabilities" if who.classes else "prediction"
    columns = ["row_id", "event_date", answer]
    answered = active_rows(lake, spec.project, "predictions", known, columns=columns, where=inside)
    arrived: list[Filter] = [("arrival", ">", who.trained_until), ("arrival", "<=", night)]
    labels = active_rows(lake, spec.project, "labels", known, columns=["row_id", "label", "arrival"], where=arrived)
    newest = labels.sort_values(["arrival", "label"]).drop_duplicates("row_id", keep="last")
    rows = answered.merge(newest[["row_id", "label"]], on="row_id", how="inner")
    loss = LOSSES[spec.scope.metric](*truth_and_answer(rows, who.classes))
    return rows[["row_id", "event_date"]].assign(loss=loss)
