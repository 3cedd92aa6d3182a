"""The coverage of a challenger's prediction intervals on the hold-out, of which neither it nor they know anything."""

from __future__ import annotations

from tasks.evaluate.comparison_set import ComparisonSet, score_rows
from tasks.inference.prediction_interval import interval_bounds
from tasks.metrics import BoundedAnswers, measured_coverage
from tasks.model.input_matrix import input_matrix
from tasks.records import IntervalCoverage
from tasks.spec.project_spec import ProjectSpec


def holdout_coverage(compared: ComparisonSet, spec: ProjectSpec) -> IntervalCoverage | None:
    """Return the share of labels inside their intervals; None without intervals, or where the hold-out was learned."""
    model = compared.challenger
    if model.schema.interval is None or compared.crossed is not None:
        return None
    scored = score_rows(compared, spec)
    inputs = input_matrix(scored.rows, model.schema)
    bounds = interval_bounds(model.score_matrix(inputs), inputs, model.schema)
    if bounds is None:
        return None
    return measured_coverage(
        BoundedAnswers(scored.truth, *bounds, scored.days, scored.weights),
        model.schema.interval.share,
        leeway=spec.monitoring.coverage_leeway,
        confidence=spec.gate.confidence,
        alpha=1 - spec.gate.confidence,
    )
