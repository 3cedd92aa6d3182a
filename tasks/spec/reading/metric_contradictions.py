"""Contradictions of a spec about what is measured of the answers, of weights of rows, and of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.spec.quality_sections.further_metric import OF_TASK, names_for
from tasks.spec.reading.database_contradictions import Found, Loc

DECIDED = ("selection_rate", "true_positive_rate", "false_positive_rate")

if TYPE_CHECKING:
    from tasks.spec.project_spec import ProjectSpec


def of_metrics(spec: ProjectSpec) -> Found:
    """Find metrics that do not fit the task, and those that are named twice."""
    task, names = spec.training.task, [metric.name for metric in spec.metrics]
    for index, metric in enumerate(spec.metrics):
        if not metric.is_own and task not in OF_TASK[metric.use]:
            text = f"metric {metric.use!r} does not fit training.task {task!r}; known for it: {names_for(task)}"
            yield [("metrics", index, "use"), ("training", "task")], text
        if metric.name in names[:index]:
            first = names.index(metric.name)
            text = f"metrics names {metric.name!r} twice; once is enough"
            yield [("metrics", index, "use"), ("metrics", first, "use")], text


def of_weight(spec: ProjectSpec) -> Found:
    """Find a column of weights with another purpose, and what cannot be weighted."""
    name, key, features = spec.scope.weight, ("scope", "weight"), spec.features
    if name is None:
        return
    purposes = {*spec.source.id, spec.source.event_time, spec.source.label.column, spec.privacy.consent}
    others = {*purposes, *features.learned, *features.entities, *spec.fairness.groups, *spec.file_columns}
    if name in {*others, spec.split.group, *spec.privacy.drop, *spec.privacy.pseudonymise}:
        text = f"scope.weight names {name!r}, which has another purpose, or is a feature or hidden"
        yield [key], f"{text}; name a column of its own, with numbers above 0"
    if spec.serving.log:
        text = f"scope.weight names {name!r}, which requests to the prediction service do not have, so that no model "
        yield [key, ("serving", "log")], f"{text}could learn from rows of serving.log; deliver the rows instead"
    for index, metric in enumerate(spec.metrics):
        if metric.is_own:
            text = f"metric {metric.use!r} is a function of the project, which gets no weights of rows"
            yield [("metrics", index, "use"), key], f"{text}; leave out scope.weight, or the metric"


def of_intervals(spec: ProjectSpec) -> Found:
    """Find intervals of classes, and slices of intervals that are none."""
    training, by = spec.training, ("training", "interval_by")
    if training.interval is not None and training.task != "regression":
        text = f"training.interval is about numbers; training.task is {training.task!r}, with probabilities instead"
        yield [("training", "interval"), ("training", "task")], text
    if training.interval_by is None:
        return
    if training.interval is None:
        yield [by], "training.interval_by is set, but training.interval is not; say which share is to be inside"
    if training.interval_by not in spec.features.categories:
        text = f"training.interval_by names {training.interval_by!r}; expected one of the categories of the features"
        yield [by, ("features",)], text


def of_fairness(spec: ProjectSpec) -> Found:
    """Find columns that define no groups, and limits of what is not measured."""
    yield from _of_groups(spec)
    for measure in DECIDED:
        if spec.fairness.limits.of(measure) is not None and spec.training.task != "binary":
            text = f"fairness.limits.{measure} is about two classes; training.task is {spec.training.task!r}"
            yield [("fairness", "limits", measure), ("training", "task")], text
    if spec.fairness.limits.model_dump(exclude_none=True) and not spec.fairness.groups:
        yield [("fairness", "limits")], "fairness.limits is set, but fairness.groups names no column; name one"


def _of_groups(spec: ProjectSpec) -> Found:
    features, privacy, source = spec.features, spec.privacy, spec.source
    purposes = {*source.id, source.event_time, source.label.column, privacy.consent}
    hidden = {*privacy.drop, *privacy.pseudonymise}
    for index, name in enumerate(spec.fairness.groups):
        key: Loc = ("fairness", "groups", index)
        if name in {*features.numbers, *features.dates}:
            text = f"fairness.groups names {name!r}, a number or a date; deliver a category of its bands, and name that"
            yield [key, ("features",)], text
        if name in purposes:
            yield [key, ("source",)], f"fairness.groups names {name!r}, an id, a time, the label or the consent"
        if name == spec.split.group:
            text = f"fairness.groups names {name!r}, the entities of split.group; name what they have in common"
            yield [key, ("split", "group")], text
        if name in hidden:
            text = f"fairness.groups names {name!r}, which privacy hides, so its groups could not be shown"
            yield [key, ("privacy",)], text
        if name in spec.group_columns and spec.serving.log:
            text = f"fairness.groups names {name!r}, which requests to the prediction service do not have; with "
            yield [key, ("serving", "log")], f"{text}serving.log, name features only"
        if name in spec.fairness.groups[:index]:
            yield [key], f"fairness.groups names {name!r} twice; once is enough"
