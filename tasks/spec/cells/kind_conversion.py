"""A stored column in another kind: what its values are there, and which of them have no exact value in that kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from tasks.spec.cells.cell_types import Read, booleans, categories, numbers, plain_numbers
from tasks.spec.cells.time_cells import times

if TYPE_CHECKING:
    from tasks.spec.project_spec import ProjectSpec

Kind = Literal["numbers", "booleans", "categories", "dates"]
INEXACT = "not_exact"


def kind_of(column: pd.Series) -> Kind | None:
    """Return the kind that a column is stored in; None without any value to tell by.

    >>> kind_of(pd.Series([1.5])), kind_of(pd.Series(["a"], dtype="str")), kind_of(pd.Series([None, None]))
    ('numbers', 'categories', None)
    """
    kind = column.dtype
    if pd.api.types.is_datetime64_any_dtype(kind):
        return "dates"
    if pd.api.types.is_numeric_dtype(kind):
        return "booleans" if pd.api.types.is_bool_dtype(kind) else "numbers"
    present = column.dropna()
    if present.empty:
        return None
    return "booleans" if all(isinstance(value, bool | np.bool_) for value in present) else "categories"


def converted(column: pd.Series, kind: Kind, spec: ProjectSpec) -> Read:
    """Return a stored column in another kind: its values are read as if they were delivered as text.

    Numbers of 0 and 1 are booleans, and the other way round. A number with more digits than 64 bits keep has the fault
    `not_exact`.

    Parameters
    ----------
    column : Series
        As stored, in any kind.
    kind : str
        The kind that it is to have.
    spec : ProjectSpec
        For the decimal sign, the form of times and the time zone.

    Examples
    --------
    >>> from tasks.spec import ProjectSpec
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> source = {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "price"}}
    >>> spec = ProjectSpec.model_validate(
    ...     {"project": "shop", "scope": scope, "source": source, "features": {"numbers": ["area"]}})
    >>> converted(pd.Series([98178.0, None]), "categories", spec).column.tolist()
    ['98178', nan]
    >>> read = converted(pd.Series(["007", "A12", "12345678901234567890"], dtype="str"), "numbers", spec)
    >>> read.column.tolist(), {code: rows.tolist() for code, rows in read.faults.items()}
    ([7.0, nan, nan], {'not_a_number': [False, True, False], 'not_exact': [False, False, True]})
    """
    if kind_of(column) == "booleans" and kind == "numbers":
        return Read(column.astype("boolean").astype("Float64").astype("float64"), {})
    texts = categories(column).column
    codes, distinct = pd.factorize(texts)
    by_text = _reader(kind, spec)(pd.Series([*distinct, None], dtype="str"))
    faults = {code: rows[codes] for code, rows in by_text.faults.items()}
    values = by_text.column.take(codes).set_axis(column.index)  # a missing text has the code -1, which is the last
    return Read(values, {code: rows for code, rows in faults.items() if rows.any()})


def in_kinds(frame: pd.DataFrame, kinds: Mapping[str, Kind], spec: ProjectSpec) -> pd.DataFrame:
    """Return a frame with some columns in the kinds in which a model reads them; what has no value there is missing."""
    other = [name for name, kind in kinds.items() if name in frame and kind_of(frame[name]) not in {kind, None}]
    return frame.assign(**{name: converted(frame[name], kinds[name], spec).column for name in other})


def _reader(kind: Kind, spec: ProjectSpec) -> Callable[[pd.Series], Read]:
    source = spec.source
    readers: dict[Kind, Callable[[pd.Series], Read]] = {
        "numbers": partial(_exact_numbers, spec=spec),
        "booleans": booleans,
        "categories": categories,
        "dates": partial(times, time_zone=spec.schedule.time_zone, time_format=source.time_format),
    }
    return readers[kind]


def _exact_numbers(texts: pd.Series, spec: ProjectSpec) -> Read:
    read = numbers(texts, spec.source.decimal, spec.source.thousands)
    plain = plain_numbers(texts, spec.source.decimal, spec.source.thousands)
    inexact = np.array([_is_rounded(*each) for each in zip(plain, read.column, strict=True)], dtype=bool)
    if not inexact.any():
        return read
    return Read(read.column.mask(pd.Series(inexact)), {**read.faults, INEXACT: inexact})


def _is_rounded(text: object, number: float) -> bool:
    """Return whether a decimal text with a point has more digits than its number.

    >>> _is_rounded("0.10", 0.1), _is_rounded("9007199254740993", 9007199254740992.0), _is_rounded("none", 1.5)
    (False, True, False)
    """
    try:
        return np.isfinite(number) and Decimal(str(text)) != Decimal(repr(float(number)))
    except InvalidOperation:
        return False
