"""Whether the kinds that a spec gives its columns fit what is stored of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from tasks.lake.lake import Lake
from tasks.spec.cells.kind_conversion import Kind
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.spec_sections.feature_sections import Columns

KINDS: dict[Kind, Callable[[pa.DataType], bool]] = {
    "numbers": pa.types.is_floating,
    "booleans": pa.types.is_boolean,
    "categories": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view(),
    "dates": pa.types.is_timestamp,
}


@dataclass(frozen=True, slots=True)
class KindConflict:
    """A column that a table of the lake stores in another kind than the spec gives it; `where` is the key of the spec.

    Attributes
    ----------
    stored : str
        The kind it is stored in, or its Arrow type if that is no kind.
    """

    project: str
    table: str
    where: str
    column: str
    kind: Kind
    stored: str

    @property
    def sentence(self) -> str:
        """What does not fit, and what to do."""
        return (
            f"{self.where}.{self.kind} lists {self.column!r}, which is stored as {self.stored} since the first nights "
            f"of {self.project}; `leeway migrate {self.project}` converts what is stored, or list it there again"
        )


def stored_columns(lake: Lake, project: str) -> list[str]:
    """Return the columns that rows of a project are stored with; none before its first night."""
    return list(_stored(lake, project, "rows"))


def kind_conflicts(lake: Lake, spec: ProjectSpec) -> list[KindConflict]:
    """Return the columns of features that are stored in another kind than the spec gives them now.

    A column without any stored value has every kind.
    """
    rows, values = _stored(lake, spec.project, "rows"), _stored(lake, spec.project, "features")
    named = [("rows", "features", spec.stored_features, rows)]
    named += [("features", f"features.tables[{each.name}]", each.columns, values) for each in spec.features.tables]
    return [
        KindConflict(spec.project, table, where, name, kind, _kind_of(stored[name]))
        for table, where, columns, stored in named
        for name, kind in kinds_of(columns).items()
        if name in stored and not pa.types.is_null(stored[name]) and not KINDS[kind](stored[name])
    ]


def kinds_of(columns: Columns) -> dict[str, Kind]:
    """Return the kind of each column.

    >>> kinds_of(Columns(numbers=["area"], dates=["built"]))
    {'area': 'numbers', 'built': 'dates'}
    """
    return {name: kind for kind in KINDS for name in getattr(columns, kind)}


def _stored(lake: Lake, project: str, table: str) -> dict[str, pa.DataType]:
    """Return the columns of a table in their types; none if nothing was ever written."""
    opened = lake.current(project, table)
    return {} if opened is None else {field.name: field.type for field in pa.schema(opened.schema().to_arrow())}


def _kind_of(kind: pa.DataType) -> str:
    return next((name for name, is_kind in KINDS.items() if is_kind(kind)), str(kind))
