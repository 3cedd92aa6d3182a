"""Contradictions between columns: features, the tables that they come from, ids, the event time and the label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tasks.spec.reading.database_contradictions import Found, Loc

if TYPE_CHECKING:
    from tasks.spec.project_spec import ProjectSpec
    from tasks.spec.spec_sections.feature_sections import Columns


LABEL: Loc = ("source", "label", "column")
EVENT_TIME: Loc = ("source", "event_time")


def _feature_keys_of(spec: ProjectSpec) -> list[tuple[str, Loc]]:
    """Return each feature column with its key in the file: those of the rows, of the tables, and of the function."""
    features = spec.features
    blocks: list[tuple[Loc, Columns]] = [
        (("features",), features.own),
        *((("features", "tables", index, "columns"), table.columns) for index, table in enumerate(features.tables)),
        (("features", "made"), features.made),
    ]
    return [
        key
        for where, block in blocks
        for kind, names in (
            ("numbers", block.numbers),
            ("booleans", block.booleans),
            ("categories", block.categories),
            ("dates", block.dates),
        )
        for key in keys_of(names, *where, kind)
    ]


def keys_of(names: Sequence[str], *parent: str | int) -> list[tuple[str, Loc]]:
    """Return each name of a list in the file, with its key.

    >>> keys_of(["a"], "source", "id")
    [('a', ('source', 'id', 0))]
    """
    return [(name, (*parent, index)) for index, name in enumerate(names)]


def _twice(keys: list[tuple[str, Loc]]) -> Iterator[tuple[str, Loc, Loc]]:
    first: dict[str, Loc] = {}
    for name, key in keys:
        if name in first:
            yield name, key, first[name]
        first.setdefault(name, key)


def of_features(spec: ProjectSpec) -> Found:
    """Find a spec without features, and features that are named twice or have another purpose too."""
    keys = _feature_keys_of(spec)
    if not keys:
        yield [("features",)], "no feature is named; list at least one under numbers, booleans, categories or dates"
    for name, key, before in _twice(keys):
        yield (
            [key, before],
            f"feature {name!r} is named twice; a column is a number, a boolean, a category or a date, once",
        )
    for name, key in keys:
        if name == spec.source.label.column:
            yield (
                [key, LABEL],
                f"the label {name!r} is also a feature; a model would only copy it: take it out of features",
            )
        if name == spec.source.event_time:
            yield (
                [key, EVENT_TIME],
                f"event_time {name!r} is also a feature; take it out, and use training.time_treatments: [event_time]",
            )


def of_tables(spec: ProjectSpec) -> Found:
    """Find feature tables without a name, columns or rows of their own, and made columns that nothing makes."""
    features, label = spec.features, spec.source.label.column
    made: Loc = ("features", "made")
    if features.made.all and features.function is None:
        yield (
            [made],
            f"features.made lists {features.made.all}, but there is no features.function to make them; name it",
        )
    if features.online_function is not None and spec.row_function is None:
        yield (
            [("features", "online_function")],
            "features.online_function is features.function for one row, and rows have no function; name it too",
        )
    names = [(table.name, ("features", "tables", index, "name")) for index, table in enumerate(features.tables)]
    for name, key, before in _twice([(name, tuple(key)) for name, key in names]):
        yield [key, before], f"feature table {name!r} is named twice; give each its own name"
    for index, table in enumerate(features.tables):
        where: Loc = ("features", "tables", index)
        if not table.columns.all:
            yield (
                [(*where, "columns")],
                f"feature table {table.name!r} lists no columns; name those that become features",
            )
        for name in table.entity:
            if name in {label, *table.columns.all, *features.made.all}:
                text = (
                    f"entity column {name!r} of feature table {table.name!r} is the label or comes from a table "
                    "itself; rows are joined by columns they are delivered with"
                )
                yield [(*where, "entity")], text
        if table.max_age_days is not None and table.max_age_days < table.delay_days:
            text = (
                f"max_age_days {table.max_age_days} of feature table {table.name!r} is below its delay_days "
                f"{table.delay_days}; every value would be too old once it is known"
            )
            yield [(*where, "max_age_days"), (*where, "delay_days")], text


def of_label(spec: ProjectSpec) -> Found:
    """Find a label that is also an id or the event time, and ids that are named twice."""
    label = spec.source.label.column
    ids = keys_of(spec.source.id, "source", "id")
    for name, key, before in _twice(ids):
        yield [key, before], f"id column {name!r} is named twice; once is enough"
    if label == spec.source.event_time:
        yield [LABEL, EVENT_TIME], f"the label {label!r} is also event_time; a row needs both, in two columns"
    if label in spec.source.id:
        yield (
            [LABEL, ("source", "id")],
            f"the label {label!r} is also part of source.id; an id must be known before the label",
        )
