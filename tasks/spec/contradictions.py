"""Contradictions: keys that are each well-formed and cannot both be meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.spec.parts import BINARY_METRICS, REGRESSION_METRICS

if TYPE_CHECKING:
    from tasks.spec.models import ProjectSpec

Loc = tuple[str | int, ...]
LABEL: Loc = ("source", "label", "column")
EVENT_TIME: Loc = ("source", "event_time")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What cannot both be meant: the keys that were weighed, the one to look at first, and the sentence."""

    keys: tuple[Loc, ...]
    text: str


def contradictions(spec: ProjectSpec) -> list[Contradiction]:
    """Return every contradiction of a spec whose keys are each well-formed; an empty list is a usable spec."""
    found = [
        *_of_features(spec),
        *_of_label(spec),
        *_of_training(spec),
        *_of_privacy(spec),
        *_of_operation(spec),
    ]
    return [Contradiction(tuple(keys), text) for keys, text in found]


Found = Iterator[tuple[list[Loc], str]]


def feature_places(spec: ProjectSpec) -> list[tuple[str, Loc]]:
    """Return each feature column with its place in the file, in the order of the file's three lists."""
    lists = {
        "numbers": spec.features.numbers,
        "booleans": spec.features.booleans,
        "categories": spec.features.categories,
    }
    return [place for kind, names in lists.items() for place in _places(names, "features", kind)]


def _places(names: Sequence[str], *parent: str) -> list[tuple[str, Loc]]:
    return [(name, (*parent, index)) for index, name in enumerate(names)]


def _twice(places: list[tuple[str, Loc]]) -> Iterator[tuple[str, Loc, Loc]]:
    first: dict[str, Loc] = {}
    for name, place in places:
        if name in first:
            yield name, place, first[name]
        first.setdefault(name, place)


def _of_features(spec: ProjectSpec) -> Found:
    places = feature_places(spec)
    if not places:
        yield [("features",)], "no feature is named; list at least one under numbers, booleans or categories"
    for name, place, before in _twice(places):
        yield (
            [place, before],
            f"feature {name!r} is named twice; a column is a number, a boolean or a category, once",
        )
    for name, place in places:
        if name == spec.source.label.column:
            yield (
                [place, LABEL],
                f"the label {name!r} is also a feature; a model would only copy it: take it out of features",
            )
        if name == spec.source.event_time:
            yield (
                [place, EVENT_TIME],
                f"event_time {name!r} is also a feature; take it out, and use training.time_treatments: [event_time]",
            )


def _of_label(spec: ProjectSpec) -> Found:
    label = spec.source.label.column
    ids = _places(spec.source.id, "source", "id")
    for name, place, before in _twice(ids):
        yield [place, before], f"id column {name!r} is named twice; once is enough"
    if label == spec.source.event_time:
        yield [LABEL, EVENT_TIME], f"the label {label!r} is also event_time; a row needs both, in two columns"
    if label in spec.source.id:
        yield (
            [LABEL, ("source", "id")],
            f"the label {label!r} is also part of source.id; an id must be known before the label",
        )


def _of_training(spec: ProjectSpec) -> Found:
    training, metric = spec.training, spec.scope.metric
    task: Loc = ("training", "task")
    known = REGRESSION_METRICS if training.task == "regression" else BINARY_METRICS
    if metric not in known:
        yield (
            [("scope", "metric"), task],
            f"scope.metric {metric!r} does not fit training.task {training.task!r}; known for it: {', '.join(known)}",
        )
    if training.task == "binary" and training.target_scale == "log":
        yield (
            [("training", "target_scale"), task],
            "training.target_scale 'log' does not fit task 'binary'; use 'identity', or the task is 'regression'",
        )
    if "recency" in training.time_treatments and not training.half_lives_days:
        yield (
            [("training", "half_lives_days"), ("training", "time_treatments")],
            "training.time_treatments has 'recency' but half_lives_days is empty; name at least one half-life in days",
        )


def _of_privacy(spec: ProjectSpec) -> Found:
    source, features = spec.source, spec.features
    needed = {*source.id, source.event_time, source.label.column, *features.columns}
    unhashable = {*features.numbers, *features.booleans, source.event_time, source.label.column}
    weighed: list[Loc] = [("source",), ("features",)]
    for name, place in _places(spec.privacy.drop, "privacy", "drop"):
        if name in needed:
            yield (
                [place, *weighed],
                f"privacy.drop names {name!r}, which the id, the event time, the label or the features need",
            )
    for name, place in _places(spec.privacy.pseudonymise, "privacy", "pseudonymise"):
        if name in unhashable:
            yield (
                [place, *weighed],
                f"privacy.pseudonymise names {name!r}; only ids and categories can be hashed and still be used",
            )


def _of_operation(spec: ProjectSpec) -> Found:
    cooldown_days, delay_days = spec.monitoring.cooldown_days, spec.source.label.delay_days
    for name, place in _places(spec.gate.slices, "gate", "slices"):
        if name not in spec.features.columns:
            yield (
                [place, ("features",)],
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
