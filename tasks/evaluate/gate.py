"""The gate: what a challenger must show on rows newer than both models before a person is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.evaluate.change_promise import change_promise
from tasks.evaluate.checks import (
    Check,
    at_most,
    beats_baseline,
    enough_labels,
    enough_rows,
    no_slice_worse,
    wins,
)
from tasks.evaluate.comparison_set import ComparisonSet, ScoredRows, score_rows
from tasks.evaluate.cost import latency_ms, memory_mb
from tasks.evaluate.evidence import Evidence
from tasks.evaluate.further_metrics_checks import guardrails, metric_comparisons
from tasks.evaluate.group_checks import gap_comparisons, no_group_apart
from tasks.evaluate.loss_comparison import Comparison, Outcome, compare
from tasks.evaluate.slice_checks import SliceResult, slice_results
from tasks.model import TOLERANCE
from tasks.records import GapComparison, MetricComparison
from tasks.rollout import ChangePromise
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import confidence_after, weighted_values

__all__ = ["ComparisonSet", "gate"]


@dataclass(frozen=True, slots=True)
class _Measurements:
    """All measurements; `confidence` is that of the main comparison, `labelled` the share of rows with a label."""

    scored: ScoredRows
    confidence: float
    labelled: float
    main: Comparison
    baseline: Comparison
    champion_baseline: Comparison | None
    slices: tuple[SliceResult, ...]
    latency_ms: float
    memory_mb: float
    change: ChangePromise | None
    metrics: tuple[MetricComparison, ...]
    fairness: tuple[GapComparison, ...]


def gate(compared: ComparisonSet, spec: ProjectSpec) -> Evidence:
    """Return the evidence for or against a challenger.

    The challenger is compared with the champion by rows, with intervals over whole event days; without a champion, with
    the baseline. It passes with a clear win, when it also clearly beats the baseline (on average is enough where the
    champion does not clearly beat it either), no slice of the spec is clearly worse, every guardrail holds, no group
    differs too much from the others, and parity, latency, size and memory are within their limits. A value that is not
    a number never passes. A failed check makes the verdict "refused", unless the challenger is clearly worse. Each
    earlier decision on the same rows raises the confidence (`confidence_after`).

    Parameters
    ----------
    compared : ComparisonSet
        The models and the hold-out.
    spec : ProjectSpec
        The metric, and `gate` with its limits.

    Raises
    ------
    DataError
        The hold-out lacks a column.
    """
    measured = _measure(compared, spec)
    policy = spec.gate
    enough = enough_rows(measured.scored, policy)
    win = wins(measured.main, compared.rival, measured.confidence, compared.uses)
    others = [
        enough,
        enough_labels(measured.labelled, policy),
        beats_baseline(measured.baseline, measured.champion_baseline, spec),
        no_slice_worse(measured.slices, policy),
        *guardrails(measured.metrics, measured.confidence, has_champion=compared.champion is not None),
        *no_group_apart(measured.fairness, spec.fairness),
        at_most("a parity difference (exported against trained model) of", compared.parity, TOLERANCE, ""),
        at_most("a time for a single row of", measured.latency_ms, policy.max_latency_ms, " ms"),
        at_most("a model size of", compared.challenger.size_mb, policy.max_size_mb, " MB"),
        at_most("a loaded model's memory of", measured.memory_mb, policy.max_memory_mb, " MB"),
    ]
    verdict = _verdict(measured.main.outcome, others, enough=enough)
    return _evidence(compared, measured, verdict, sorted([win, *others], key=lambda check: check.rank), spec)


def _measure(compared: ComparisonSet, spec: ProjectSpec) -> _Measurements:
    rows, policy = score_rows(compared, spec), spec.gate
    losses = {name: weighted_values(each, rows.weights) for name, each in rows.losses.items()}
    confidence = confidence_after(policy.confidence, compared.uses)
    confidence = 1 - (1 - confidence) / compared.candidates

    def against(rival: str, min_gain: float, confidence: float, model: str = "challenger") -> Comparison:
        return compare(
            losses[model], losses[rival], rows.days, min_gain=min_gain, confidence=confidence, groups=rows.groups
        )

    pair = (rows.losses["challenger"], rows.losses.get("champion", rows.losses["baseline"]))
    count = len(rows.rows)
    return _Measurements(
        scored=rows,
        confidence=confidence,
        labelled=count / (count + compared.awaiting) if count else 0.0,
        main=against(compared.rival, policy.min_gain, confidence),
        baseline=against("baseline", 0.0, policy.confidence),
        champion_baseline=against("baseline", 0.0, policy.confidence, "champion") if compared.champion else None,
        slices=slice_results(rows.rows, pair, (rows.days, rows.weights), spec) if compared.champion else (),
        latency_ms=latency_ms(compared.challenger, rows.rows) if count else math.nan,
        memory_mb=memory_mb(compared.challenger, rows.rows) if count else math.nan,
        change=change_promise(compared, rows),
        metrics=metric_comparisons(compared, rows, spec, confidence),
        fairness=gap_comparisons(compared, rows, spec),
    )


def _verdict(outcome: Outcome, others: list[Check], *, enough: Check) -> Outcome:
    if outcome == "worse" and enough.held:
        return "worse"
    return outcome if all(check.held for check in others) else "refused"


def _evidence(
    compared: ComparisonSet, measured: _Measurements, verdict: Outcome, checks: list[Check], spec: ProjectSpec
) -> Evidence:
    metric, main, has_champion = spec.scope.metric, measured.main, compared.champion is not None
    start, end = measured.scored.period
    return Evidence(
        verdict=verdict,
        passed=verdict == "clear_win",
        metric=metric,
        rows=len(measured.scored.rows),
        start=start,
        end=end,
        challenger_loss=main.challenger_loss,
        challenger_low=main.challenger_low,
        challenger_high=main.challenger_high,
        challenger_bias=measured.scored.bias("challenger"),
        champion_loss=main.other_loss if has_champion else None,
        champion_bias=measured.scored.bias("champion") if has_champion else None,
        difference=main.difference,
        difference_low=main.low,
        difference_high=main.high,
        baseline_loss=measured.baseline.other_loss,
        slices=measured.slices,
        latency_ms=measured.latency_ms,
        size_mb=compared.challenger.size_mb,
        parity=compared.parity,
        reasons=tuple(check.said for check in checks),
        confidence=measured.confidence,
        uses=compared.uses,
        memory_mb=measured.memory_mb,
        labelled=measured.labelled,
        change=measured.change,
        metrics=measured.metrics,
        fairness=measured.fairness,
        weight=spec.scope.weight,
        effective_rows=None if spec.scope.weight is None else measured.scored.effective_rows,
    )
