"""The rim of evaluate: the gate, with its verdict on the run's log."""

from __future__ import annotations

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
