"""Whether the kinds that a spec gives its columns fit what is stored of them."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from tasks.lake.lake import Lake
from tasks.spec.project_spec import ProjectSpec

KINDS: dict[str, Callable[[pa.DataType], bool]] = {
    "numbers": pa.types.is_floating,
    "booleans": pa.types.is_boolean,
    "categories": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view(),
    "dates": pa.types.is_timestamp,
}


def stored_columns(lake: Lake, project: str) -> list[str]:
    """Return the columns that rows of a project are stored with; none before its first night."""
    opened = lake.current(project, "rows")
    return [] if opened is None else [field.name for field in opened.schema().fields]


def kind_conflicts(lake: Lake, spec: ProjectSpec) -> list[str]:
    """Return the feature columns that are stored in another kind than the spec gives them now, a sentence each.

    A column without any stored value has every kind.
    """
    opened = lake.current(spec.project, "rows")
    if opened is None:
        return []
    stored = {field.name: field.type for field in pa.schema(opened.schema().to_arrow())}
    own = spec.stored_features
    wanted = {name: kind for kind in KINDS for name in getattr(own, kind)}
    return [
        f"features.{kind} lists {name!r}, which is stored as {_kind_of(stored[name])} since the first nights of "
        f"{spec.project}; list it there again, deliver it under another name, or begin a project under another name"
        for name, kind in wanted.items()
        if name in stored and not pa.types.is_null(stored[name]) and not KINDS[kind](stored[name])
    ]


def _kind_of(kind: pa.DataType) -> str:
    return next((name for name, is_kind in KINDS.items() if is_kind(kind)), str(kind))
