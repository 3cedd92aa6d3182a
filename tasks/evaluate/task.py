"""The rim of evaluate: the gate, with its verdict on the run's log, the error analysis, and losses in service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from tasks.dataset.night_data import NightData
from tasks.evaluate.analysis.error_analysis import ErrorAnalysis, error_analysis
from tasks.evaluate.evidence import Evidence
from tasks.evaluate.gate import Contest, gate
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


def realised_losses(data: NightData, who: AnsweringVersion) -> pd.DataFrame:
    """Return `row_id`, `event_date` and `loss` of what a version answered and has not learned from.

    Of these, the rows with labels that had matured, and arrived, by the night.
    """
    answered = data.predictions_of(who.version, after=who.trained_until)
    rows = data.matured(answered, labels_after=who.trained_until)
    loss = LOSSES[data.spec.scope.metric](*truth_and_answer(rows, who.classes))
    return rows[["row_id", "event_date"]].assign(loss=loss)
