"""The tasks of evaluate: the gate with its verdict in the log of the run, the error analysis, losses in service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pandas as pd

from tasks.dataset.night_source import NightSource
from tasks.evaluate.analysis.error_analysis import ErrorAnalysis, error_analysis
from tasks.evaluate.evidence import Evidence
from tasks.evaluate.gate import ComparisonSet, gate
from tasks.evaluate.holdout_coverage import holdout_coverage
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES, truth_and_prediction


def examine(compared: ComparisonSet, spec: ProjectSpec) -> Evidence:
    """Return the evidence for or against the challenger."""
    evidence = gate(compared, spec)
    logger().info(line("challenger_examined", passed=evidence.passed, rows=evidence.rows, verdict=evidence.verdict))
    for reason in evidence.reasons:
        logger().info(line("gate_check", found=reason))
    return evidence


examine_task = leeway_task("evaluate")(examine)


def analyse(compared: ComparisonSet, spec: ProjectSpec) -> ErrorAnalysis:
    """Return where the errors of the challenger are, on the hold-out."""
    analysis = error_analysis(compared, spec)
    logger().info(line("errors_analysed", loss=analysis.loss, rows=analysis.rows, weak_slices=len(analysis.weak)))
    return analysis


analyse_task = leeway_task("errors")(analyse)


def examine_intervals(compared: ComparisonSet, spec: ProjectSpec) -> dict[str, Any] | None:
    """Return the coverage of the challenger's intervals on the hold-out as plain values; None without intervals."""
    found = holdout_coverage(compared, spec)
    if found is None:
        return None
    logger().info(line("intervals_examined", coverage=found.value, promised=found.share, rows=found.rows))
    return asdict(found)


@dataclass(frozen=True, slots=True)
class AnsweringVersion:
    """A version that predicts, its last training day, and the names of its classes where there are several."""

    version: int
    trained_until: date
    classes: Sequence[str] = ()


def realised_losses(data: NightSource, who: AnsweringVersion) -> pd.DataFrame:
    """Return `row_id`, `event_date`, `loss` and any `weight` of rows that a version predicted after its training.

    Only rows with labels that were matured, and had arrived, by the night.
    """
    answered = data.predictions_of(who.version, after=who.trained_until)
    rows = data.matured(answered, labels_after=who.trained_until)
    loss = LOSSES[data.spec.scope.metric](*truth_and_prediction(rows, who.classes))
    return rows[["row_id", "event_date", *(["weight"] if "weight" in rows else [])]].assign(loss=loss)
