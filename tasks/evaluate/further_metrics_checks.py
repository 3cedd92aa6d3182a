"""The further metrics of a spec at the gate: of both models, and as guardrails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tasks.evaluate.checks import Check
from tasks.evaluate.comparison_set import ComparisonSet, ScoredRows, class_truth, truth_for
from tasks.inference import decision_threshold
from tasks.metrics import AnsweredRows, Comparing, Measuring, compared_metrics
from tasks.model import Predictor
from tasks.records import MetricComparison
from tasks.render.values import number
from tasks.rollout.answer_change import aligned
from tasks.spec.project_spec import ProjectSpec


def metric_comparisons(
    compared: ComparisonSet, scored: ScoredRows, spec: ProjectSpec, confidence: float
) -> tuple[MetricComparison, ...]:
    """Return every further metric of the challenger, and of the champion where there is one."""
    champion = compared.champion
    if champion is not None and spec.training.task == "multiclass":
        rows = Comparing(*rows_of_all_classes(compared.challenger, champion, scored, spec), scored.groups)
    else:
        mine = answered_rows(compared.challenger, "challenger", scored, spec)
        rows = Comparing(mine, answered_rows(champion, "champion", scored, spec) if champion else None, scored.groups)
    return compared_metrics(rows, Measuring(spec, confidence, compared.folder or Path()))


def answered_rows(model: Predictor, name: str, scored: ScoredRows, spec: ProjectSpec) -> AnsweredRows:
    """Return the rows of the comparison as a model answers them."""
    prediction = scored.predictions[name]
    truth = scored.truth if name == "challenger" else truth_for(model, scored.rows, spec)
    if model.schema.task == "regression":
        return AnsweredRows(truth, prediction, prediction, scored.days, scored.weights)
    decided = AnsweredRows.decided(truth, prediction, scored.days, threshold=decision_threshold(model.schema))
    return replace(decided, weights=scored.weights)


def rows_of_all_classes(
    challenger: Predictor, champion: Predictor, scored: ScoredRows, spec: ProjectSpec
) -> tuple[AnsweredRows, AnsweredRows]:
    """Return the rows as the challenger and the champion answer them, both with the classes of either, by name.

    A mean over classes is then about the same ones of both; a class that a model does not know has a probability of 0.
    """
    mine, theirs = challenger.schema.class_names, champion.schema.class_names
    old, new = aligned((scored.predictions["champion"], theirs), (scored.predictions["challenger"], mine))
    found = tuple(dict.fromkeys([*theirs, *mine]))
    order = sorted(range(len(found)), key=found.__getitem__)
    truth = class_truth(scored.rows[spec.source.label.column], tuple(found[index] for index in order))
    after, before = (AnsweredRows.decided(truth, answer[:, order], scored.days) for answer in (new, old))
    return replace(after, weights=scored.weights), replace(before, weights=scored.weights)


def guardrails(comparisons: Sequence[MetricComparison], confidence: float, *, has_champion: bool) -> Iterator[Check]:
    """Yield a check for each guardrail: that the challenger is surely not worse than the champion by more than allowed.

    A challenger has to pass all of them, so the chance that one with a worse metric passes is not larger for their
    number (an intersection-union test: R. Berger 1982, Technometrics 24(4)). Without a champion there is none; a
    metric of either model that is not known does not hold.
    """
    for found in comparisons if has_champion else ():
        if found.max_loss is not None:
            yield Check(found.is_held, f"{_found(found, confidence)}; expected worse by at most {found.max_loss:.4g}")


def _found(found: MetricComparison, confidence: float) -> str:
    """Return what was found of a metric.

    >>> from tasks.records import MeasuredMetric
    >>> auc = MeasuredMetric("roc_auc", higher_is_better=True, value=0.75)
    >>> _found(MetricComparison(auc, 0.8, -0.05, -0.07, -0.03), 0.95)
    'found roc_auc 0.75, 0.8 of the champion (at 95 % worse by at most 0.07)'
    """
    mine = f"found {found.name} {number(found.challenger.value)}"
    mine += f" ({found.challenger.fault})" if found.challenger.fault else ""
    worst = found.worst_loss
    sure = "without an interval" if worst is None else f"at {100 * confidence:.4g} % worse by at most {worst:.4g}"
    return f"{mine}, {number(found.champion)} of the champion ({sure})"
