"""The rim of evaluate: the gate, with its verdict on the run's log, and the error analysis."""

from __future__ import annotations

from tasks.evaluate.errors import ErrorAnalysis, error_analysis
from tasks.evaluate.evidence import Evidence
from tasks.evaluate.gate import Contest, gate
from tasks.logs import line, logger
from tasks.rim import room
from tasks.spec import ProjectSpec


@room("evaluate")
def examine(contest: Contest, spec: ProjectSpec) -> Evidence:
    """Return the evidence for or against the challenger."""
    evidence = gate(contest, spec)
    logger().info(line("challenger_examined", passed=evidence.passed, rows=evidence.rows, verdict=evidence.verdict))
    for reason in evidence.reasons:
        logger().info(line("gate_check", found=reason))
    return evidence


@room("errors")
def analyse(contest: Contest, spec: ProjectSpec) -> ErrorAnalysis:
    """Return where the challenger is wrong on the hold-out."""
    found = error_analysis(contest, spec)
    logger().info(line("errors_analysed", loss=found.loss, rows=found.rows, weak_slices=len(found.weak)))
    return found
