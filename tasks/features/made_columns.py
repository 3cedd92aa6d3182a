"""The columns that a function of the project makes, in the kinds that the spec gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tasks.spec.cells.cell_types import Read, booleans, categories, numbers
from tasks.spec.cells.time_cells import times
from tasks.spec.project_spec import ProjectSpec

CELL = 40  # characters of a value that a message shows


def typed_as_made(rows: pd.DataFrame, spec: ProjectSpec) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return rows with every made column in its kind, and the message of each row with a value of another kind.

    Such a value is missing in the result. Columns that already have their kind are left as they are.

    Parameters
    ----------
    rows : DataFrame
        What the function returned; a made column that it lacks is left out.
    spec : ProjectSpec
        For `features.made` and the time zone.

    Returns
    -------
    DataFrame
        The rows.
    dict of int to str
        The first fault of each row with any, by position.
    """
    typed, failures = {}, dict[int, str]()
    for name, (is_kind, read) in _kinds(spec).items():
        if name not in rows or is_kind(rows[name]):
            continue
        values = read(rows[name])
        typed[name] = values.column
        for code, wrong in values.faults.items():
            for place in wrong.nonzero()[0].tolist():
                shown = repr(rows[name].iloc[place])[:CELL]
                failures.setdefault(place, f"makes {shown} of {name!r}: {code.replace('_', ' ')}")
    return (rows.assign(**typed) if typed else rows), failures


def with_room_for_missing(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return rows with whole numbers and booleans of made columns in types that can also be missing.

    Without it a category 7 is `7.0` as soon as the function fails on another row.

    Examples
    --------
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> source = {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "price"}}
    >>> features = {"function": "features:add", "made": {"categories": ["zone"], "booleans": ["new"]}}
    >>> spec = ProjectSpec.model_validate(
    ...     {"project": "houses", "scope": scope, "source": source, "features": features})
    >>> made = with_room_for_missing(pd.DataFrame({"zone": [7], "new": [True]}), spec)
    >>> made.reindex([0, 1]).to_numpy().tolist()
    [['7', True], [nan, <NA>]]
    """
    made = spec.features.made
    types = {
        **dict.fromkeys(made.numbers, "float64"),
        **dict.fromkeys(made.booleans, "boolean"),
        **dict.fromkeys(made.categories, "str"),
    }
    return rows.astype({name: kind for name, kind in types.items() if name in rows and is_whole(rows[name])})


def is_whole(column: pd.Series) -> bool:
    """Return whether a column has whole numbers or booleans, to which a missing value would give another type."""
    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub"


def _kinds(spec: ProjectSpec) -> dict[str, tuple[Callable[[pd.Series], bool], Callable[[pd.Series], Read]]]:
    made, zone = spec.features.made, spec.schedule.time_zone
    return {
        **dict.fromkeys(made.numbers, (_is_real, numbers)),
        **dict.fromkeys(made.booleans, (_is_boolean, booleans)),
        **dict.fromkeys(made.categories, (_is_text, categories)),
        **dict.fromkeys(made.dates, (pd.api.types.is_datetime64_any_dtype, lambda column: times(column, zone))),
    }


def _is_real(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)


def _is_boolean(column: pd.Series) -> bool:
    return pd.api.types.is_bool_dtype(column) and column.dtype != object


def _is_text(column: pd.Series) -> bool:
    """Return whether values can be counted as they are: only a column of Python objects may hold lists."""
    return column.dtype != object
