"""Contradictions: keys of a spec that are valid by themselves but do not fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.row_contract.feedback_columns import DECISION, EVENT, TIME
from tasks.spec.field_types import BINARY_METRICS, IMPORT_PATH, QUANTILE_METRICS, REGRESSION_METRICS
from tasks.spec.landing_sections.feedback_section import NULL_ANSWERS
from tasks.spec.reading.column_contradictions import LABEL, keys_of, of_features, of_label, of_tables
from tasks.spec.reading.database_contradictions import Found, Loc, landing_addresses, of_answer_table, of_databases
from tasks.spec.reading.file_contradictions import of_files
from tasks.spec.reading.metric_contradictions import of_fairness, of_intervals, of_metrics, of_weight
from tasks.spec.spec_sections.online_section import is_shared

if TYPE_CHECKING:
    from tasks.spec.project_spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Keys that do not fit together, the most important first, and a sentence that explains why."""

    keys: tuple[Loc, ...]
    text: str


def contradictions(spec: ProjectSpec) -> list[Contradiction]:
    """Return every contradiction of a spec with valid keys; the list is empty for a valid spec."""
    pairs = [
        *of_features(spec),
        *of_tables(spec),
        *of_label(spec),
        *_of_training(spec),
        *of_metrics(spec),
        *of_weight(spec),
        *of_fairness(spec),
        *_of_privacy(spec),
        *_of_operation(spec),
        *_of_serving(spec),
        *_of_feedback(spec),
        *_of_decisions(spec),
        *of_databases(spec),
        *of_files(spec),
        *of_answer_table(spec),
        *_of_rollout(spec),
        *_of_upstream(spec),
    ]
    return [Contradiction(tuple(keys), text) for keys, text in pairs]


def _of_training(spec: ProjectSpec) -> Found:
    training, metric = spec.training, spec.scope.metric
    task: Loc = ("training", "task")
    yield from _of_baseline(spec)
    if spec.training.task != "binary" and spec.scope.false_positive_cost is not None:
        yield (
            [("scope", "false_positive_cost"), task],
            f"scope.false_positive_cost chooses a threshold between two classes; training.task is {training.task!r}",
        )
    if (spec.scope.false_positive_cost is None) != (spec.scope.false_negative_cost is None):
        yield (
            [("scope", "false_positive_cost"), ("scope", "false_negative_cost")],
            "of scope.false_positive_cost and scope.false_negative_cost only one is given; a threshold weighs both",
        )
    known = REGRESSION_METRICS if training.task == "regression" else BINARY_METRICS
    if metric not in known:
        yield (
            [("scope", "metric"), task],
            f"scope.metric {metric!r} does not fit training.task {training.task!r}; known for it: {', '.join(known)}",
        )
    if training.task != "regression" and training.target_scale == "log":
        yield (
            [("training", "target_scale"), task],
            f"training.target_scale 'log' fits only task 'regression', not {training.task!r}; use 'identity'",
        )
    yield from of_intervals(spec)
    if "recency" in training.time_treatments and not training.half_lives_days:
        yield (
            [("training", "half_lives_days"), ("training", "time_treatments")],
            "training.time_treatments has 'recency' but half_lives_days is empty; name at least one half-life in days",
        )


def _of_baseline(spec: ProjectSpec) -> Found:
    rule, where = spec.scope.baseline, ("scope", "baseline")
    several, of_quantile = spec.training.task != "regression", spec.scope.metric in QUANTILE_METRICS
    known = ["mean", "median", "last_value", *(["majority"] if several else []), *(["quantile"] if of_quantile else [])]
    if rule not in {*known, *spec.features.columns} and not IMPORT_PATH.fullmatch(rule):
        yield (
            [where, ("features",)],
            f"scope.baseline is {rule!r}; expected one of {', '.join(known)}, a feature column or 'module:function'",
        )


def _of_privacy(spec: ProjectSpec) -> Found:
    source, features = spec.source, spec.features
    needed = {*source.id, source.event_time, source.label.column, *features.learned, *features.entities}
    unhashable = {*features.numbers, *features.booleans, *features.dates, source.event_time, source.label.column}
    weighed: list[Loc] = [("source",), ("features",)]
    consent = spec.privacy.consent
    if consent in {*needed, *spec.privacy.drop, *spec.privacy.pseudonymise}:
        text = (
            f"privacy.consent names {consent!r}, which is also an id, a time, the label, a hidden column or a feature "
            "(training would know it only as true); name a column with true or false of its own"
        )
        yield [("privacy", "consent"), *weighed], text
    for name, key in keys_of(spec.privacy.drop, "privacy", "drop"):
        if name in needed:
            yield (
                [key, *weighed],
                f"privacy.drop names {name!r}, which the id, the event time, the label or the features need",
            )
    for name, key in keys_of(spec.privacy.pseudonymise, "privacy", "pseudonymise"):
        if name in unhashable:
            yield (
                [key, *weighed],
                f"privacy.pseudonymise names {name!r}; only ids and categories can be hashed and still be used",
            )


def _of_upstream(spec: ProjectSpec) -> Found:
    names = [upstream.project for upstream in spec.upstream]
    for index, name in enumerate(names):
        key: Loc = ("upstream", index, "project")
        if name == spec.project:
            yield (
                [key, ("project",)],
                f"upstream names {name!r}, this project itself; name the projects it depends on",
            )
        elif name in names[:index]:
            yield [key, ("upstream", names.index(name), "project")], f"upstream names {name!r} twice; once is enough"


def _of_operation(spec: ProjectSpec) -> Found:
    cooldown_days, delay_days = spec.monitoring.cooldown_days, spec.source.label.delay_days
    for name, key in keys_of(spec.gate.slices, "gate", "slices"):
        if name not in spec.features.columns:
            yield (
                [key, ("features",)],
                f"gate.slices names {name!r}, which is not a feature; list it there or take it out",
            )
    if cooldown_days < delay_days:
        text = (
            f"monitoring.cooldown_days {cooldown_days} is below source.label.delay_days {delay_days}; "
            "a new model could not have been judged before it is replaced: set it to at least the delay"
        )
        yield (
            [("monitoring", "cooldown_days"), ("source", "label", "delay_days")],
            text,
        )
    if spec.compute.address is not None and spec.compute.backend != "dask":
        yield (
            [("compute", "address"), ("compute", "backend")],
            "compute.address is a Dask scheduler, but compute.backend is 'threads'; set backend: dask",
        )


def _of_serving(spec: ProjectSpec) -> Found:
    """Find a landing zone that shares files with that of the prediction log."""
    if spec.serving.feedback and spec.feedback is None:
        text = "serving.feedback takes events, but there is no feedback section that names them; add it"
        yield [("serving", "feedback"), ("feedback",)], text
    if spec.serving.decisions and spec.decisions is None:
        text = "serving.decisions takes what people decided, but there is no decisions section; add it"
        yield [("serving", "decisions"), ("decisions",)], text
    if not (spec.serving.log or spec.serving.labels or spec.serving.feedback or spec.serving.decisions):
        return
    if spec.serving.labels and spec.source.label.uri is None:
        text = "serving.labels takes labels apart from their rows, but source.label.uri is not set; name it"
        yield [("serving", "labels"), LABEL], text
    if spec.serving.labels and spec.source.label.time_format is not None:
        text = "serving.labels takes times in ISO 8601, but source.label.time_format is set; leave one of them out"
        yield [("serving", "labels"), ("source", "label", "time_format")], text
    for uri, key, _ in landing_addresses(spec):
        if is_shared(spec.serving.uri, uri):
            text = (
                f"serving.uri {spec.serving.uri!r} and {uri!r} are one landing zone, or one is in the other; "
                "give the prediction log a folder of its own"
            )
            yield [("serving", "uri"), key], text


def _of_feedback(spec: ProjectSpec) -> Found:
    """Find columns of feedback with two meanings, and events that an output metric of our own has the name of."""
    if spec.feedback is None:
        return
    for name in {EVENT, TIME} & set(spec.key_columns):
        text = f"feedback has a column {name!r} of its own, which is also part of the id; rename the column of the id"
        yield [("feedback",), ("source", "id")], text
    if NULL_ANSWERS in spec.feedback.events:
        text = f"{NULL_ANSWERS!r} is measured without events; take it out, and set feedback.null_answers"
        yield [("feedback", "events"), ("feedback", "null_answers")], text


def _of_decisions(spec: ProjectSpec) -> Found:
    """Find columns of decisions with two meanings, and slices by what is no category and no boolean of the rows."""
    if spec.decisions is None:
        return
    for name in {DECISION, TIME} & set(spec.key_columns):
        text = f"decisions have a column {name!r} of their own, which is also part of the id; rename that of the id"
        yield [("decisions",), ("source", "id")], text
    for index, table in enumerate(spec.features.tables):
        if DECISION in table.columns.all:
            text = f"decisions are kept in a column {DECISION!r}, which feature table {table.name!r} has too; rename it"
            yield [("decisions",), ("features", "tables", index, "columns")], text
    known = [*spec.features.own.categories, *spec.features.own.booleans]
    for index, name in enumerate(spec.decisions.slices):
        if name not in known:
            text = f"decisions.slices has {name!r}; expected a category or a boolean of the rows: {known}"
            yield [("decisions", "slices", index), ("features",)], text


def _of_rollout(spec: ProjectSpec) -> Found:
    """Find an entity that requests do not have as a text, and what keeps a project from being served."""
    entity, key = spec.rollout.entity, ("rollout", "entity")
    known = [*spec.source.id, *spec.features.own.categories, *spec.features.entities]
    if entity is not None and (entity not in known or entity in spec.privacy.drop):
        text = f"rollout.entity is {entity!r}; expected a column of source.id or of features.categories: {known}"
        yield [key, ("features",)], text
    unserved: dict[Loc, object] = {
        ("features", "function"): spec.row_function,
        ("features", "tables"): spec.features.tables,
        ("source", "time_format"): spec.source.time_format,
        ("privacy", "pseudonymise"): spec.privacy.pseudonymise,
    }
    for where, value in unserved.items():
        if spec.rollout.strategy != "at_once" and value:
            name = ".".join(map(str, where))
            text = f"rollout.strategy is {spec.rollout.strategy!r}, but projects with {name} are not served yet"
            yield [("rollout", "strategy"), where], f"{text}; set strategy: at_once"
    if spec.rollout.guardrails:
        yield from _of_guardrails(spec)


def _of_guardrails(spec: ProjectSpec) -> Found:
    """Find guardrails on what is not measured, and rollouts in which never both versions answer."""
    rollout, where = spec.rollout, ("rollout", "guardrails")
    known = [*(spec.feedback.events if spec.feedback else []), NULL_ANSWERS]
    for name, guardrail in rollout.guardrails.items():
        if name not in known:
            text = f"rollout.guardrails has {name!r}; expected an event of feedback.events or {NULL_ANSWERS!r}: {known}"
            yield [(*where, name), ("feedback", "events")], text
        if (guardrail.may_rise is None) == (guardrail.may_fall is None):
            text = f"rollout.guardrails.{name} needs one of may_rise and may_fall: the direction in which it is worse"
            yield [(*where, name)], text
    if rollout.strategy != "canary" or rollout.shares_from == 1:
        text = (
            "rollout.guardrails compare users of both versions, which only answer at the same time in a canary; set "
            "strategy: canary with shares_from below 1, or take the guardrails out"
        )
        yield [where, ("rollout", "strategy"), ("rollout", "shares_from")], text
    if not spec.serving.log:
        text = "rollout.guardrails rest on the prediction log, which says which version answered; set serving.log: true"
        yield [where, ("serving", "log")], text
