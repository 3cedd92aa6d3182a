"""What a champion reads that its spec no longer names: read until a version without it is champion."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pandas as pd

from tasks.errors import SpecError
from tasks.inference.schema import ModelSchema
from tasks.spec.cells.kind_conversion import Kind, in_kinds
from tasks.spec.project_spec import ProjectSpec


def with_inputs_of(spec: ProjectSpec, schema: ModelSchema, delivered: Callable[[], Collection[str]]) -> ProjectSpec:
    """Return the spec of a night: with the columns that the champion reads, also those taken out of `features` since.

    A model that lost an input would answer as if the value was missing in every row. So what it reads is delivered,
    checked and watched until a version that was trained without it is champion. What it reads in another kind than the
    spec gives it now is converted for it: see `ProjectSpec.read_as`.

    Parameters
    ----------
    spec : ProjectSpec
        The spec as it is now.
    schema : ModelSchema
        The champion's.
    delivered : callable
        Returns the columns that rows were stored with so far; called only if the spec lacks one.

    Raises
    ------
    SpecError
        When the champion reads a column that deliveries never had, or that the spec keeps out of the lake.

    Examples
    --------
    >>> spec = ProjectSpec.model_validate({
    ...     "project": "shop", "scope": {"owner": "me", "objective": "sell", "metric": "mean_absolute_error"},
    ...     "source": {"uri": "in", "id": ["id"], "event_time": "day", "label": {"column": "price"}},
    ...     "features": {"numbers": ["area"]}, "training": {"task": "regression"}})
    >>> schema = ModelSchema("shop", "regression", "mean_absolute_error", "day", numbers=("area", "rooms"))
    >>> with_inputs_of(spec, schema, lambda: ["area", "rooms"]).features.numbers
    ['area', 'rooms']
    """
    features = spec.features
    read = {
        "own_numbers": (features.numbers, schema.numbers),
        "own_booleans": (features.booleans, schema.booleans),
        "own_categories": (features.categories, tuple(schema.categories)),
        "own_dates": (features.dates, _dates(schema)),
    }
    named = {name for names, _ in read.values() for name in names}
    missing = {kind: [name for name in wanted if name not in named] for kind, (_, wanted) in read.items()}
    reads_event_time = schema.time is not None or schema.event_time in {part.column for part in schema.dates}
    if reads_event_time and schema.event_time != spec.source.event_time:
        found = f"reads the event time in {schema.event_time!r}; source.event_time is {spec.source.event_time!r}"
        raise SpecError([_retrain(found, spec)])
    if others := _other_kinds(spec, schema):
        spec = spec.reading(others)
    if not any(missing.values()):
        return spec
    stored = delivered()
    faults = [fault for names in missing.values() for name in names if (fault := _unreadable(name, spec, stored))]
    if faults:
        raise SpecError(faults)
    kept = {kind: [*getattr(features, kind), *names] for kind, names in missing.items()}
    return spec.model_copy(update={"features": features.model_copy(update=kept)})


def read_by(spec: ProjectSpec, schema: ModelSchema) -> ProjectSpec:
    """Return the spec with the kinds in which a model reads columns that the spec gives another kind: `read_as`."""
    return spec.reading(_other_kinds(spec, schema))


def rows_read_by(rows: pd.DataFrame, spec: ProjectSpec, schema: ModelSchema) -> pd.DataFrame:
    """Return rows with the columns that a model reads in another kind than the spec gives them converted for it."""
    return in_kinds(rows, read_by(spec, schema).read_as, spec)


def _other_kinds(spec: ProjectSpec, schema: ModelSchema) -> dict[str, Kind]:
    features = spec.features
    read: dict[Kind, tuple[list[str], tuple[str, ...]]] = {
        "numbers": (features.numbers, schema.numbers),
        "booleans": (features.booleans, schema.booleans),
        "categories": (features.categories, tuple(schema.categories)),
        "dates": (features.dates, _dates(schema)),
    }
    pairs = ((name, kind) for kind, (named, names) in read.items() for name in names if name not in named)
    return {name: kind for name, kind in pairs if name in features.learned}


def _dates(schema: ModelSchema) -> tuple[str, ...]:
    """Return the date columns that a champion reads; the event time, of which it may read parts, is no feature."""
    return tuple(dict.fromkeys(part.column for part in schema.dates if part.column != schema.event_time))


def _unreadable(name: str, spec: ProjectSpec, stored: Collection[str]) -> str:
    """Return why a column cannot be read for the champion; empty if it can."""
    source = spec.source
    if spec.privacy.is_set:
        why = "which the spec no longer names, and `privacy` keeps such columns out of the lake"
    elif name in {source.label.column, source.event_time, *source.id}:
        why = "which is the label, the event time or an id now"
    elif name not in stored:
        why = "which deliveries never had, and which the spec no longer makes by a function or a feature table"
    else:
        return ""
    return _retrain(f"reads {name!r}, {why}", spec)


def _retrain(found: str, spec: ProjectSpec) -> str:
    return (
        f"the champion {found}. Train and approve a version of the spec as it is now (`leeway run retrain "
        f"{spec.project}`), or undo the change"
    )
