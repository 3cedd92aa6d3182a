"""From a delivered frame to a typed one, by the kinds the spec gives its columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from tasks.arrays import BoolArray
from tasks.spec.cells.cell_types import Read, any_fault, booleans, categories, times
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.typing.row_ids import row_ids
from tasks.validate.typing.text_columns import by_value, numbers


@dataclass(frozen=True, slots=True)
class Typed:
    """Typed rows beside what could not be read in them.

    `frame` has `row_id` and the columns of the spec; `faults` has one boolean column a reason code, only for the codes
    that occur. Both have the rows of the delivery, in its order, numbered from 0.
    """

    frame: pd.DataFrame
    faults: pd.DataFrame

    @property
    def clean(self) -> BoolArray:
        """The rows without any fault."""
        return ~any_fault(self.faults)


def repeats(names: pd.Series) -> BoolArray:
    """Return which row ids an earlier row of the same frame has; a missing id repeats none.

    Examples
    --------
    >>> repeats(pd.Series(["a", None, "a", None])).tolist()
    [False, False, True, False]
    """
    return (names.duplicated() & names.notna()).to_numpy(bool)


def typed(frame: pd.DataFrame, spec: ProjectSpec, again: Callable[[pd.Series], BoolArray] = repeats) -> Typed:
    """Return a delivery of rows with every column in the kind the spec gives it.

    Numbers become float64, booleans pandas' boolean, categories and ids text, the event time and dates datetime64[us]
    as wall-clock time of `schedule.time_zone`, a label that comes with the rows float64, or text where it names one of
    several classes. A value that cannot be read is missing in the frame and named in the faults, as `code:column`. Rows
    without an id or an event time are faults as well, and so are rows whose id an earlier row of the delivery has
    (`duplicate_id`).

    Parameters
    ----------
    frame : DataFrame
        As delivered, with every column of the spec; others are left out.
    spec : ProjectSpec
        For the columns, their kinds and the time zone.
    again : callable, optional
        Says which row ids came before; by default within the frame.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price", "uri": "prices"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> rows = pd.DataFrame({"id": ["7", "8", "7"], "sold": "2026-01-02", "rooms": ["3", "many", "4"]})
    >>> result = typed(rows, ProjectSpec.model_validate(named))
    >>> result.frame["rooms"].tolist(), list(result.faults), result.clean.tolist()
    ([3.0, nan, 4.0], ['not_a_number:rooms', 'duplicate_id'], [True, False, False])
    """
    plain, moment = frame.reset_index(drop=True), spec.source.event_time
    reads, features = {name: read(plain[name]) for name, read in _kinds(spec).items()}, spec.features.own
    # An id that is a number as well, or a date, is read again: in a name it is text.
    other = {*features.numbers, *features.booleans, *features.dates, spec.source.label.column}
    ids = row_ids(plain, spec, {name: reads[name] for name in spec.source.id if name not in other})
    # Not copied together into one block: as columns they are asked about and laid down.
    values = pd.DataFrame({"row_id": ids.names, **{name: read.column for name, read in reads.items()}}, copy=False)
    unread = {f"{code}:{name}": rows for name, read in reads.items() for code, rows in read.faults.items()}
    found = {**ids.faults, **unread}
    if moment not in spec.source.id:
        timeless = values[moment].isna().to_numpy()
        found[f"missing_time:{moment}"] = timeless & ~found.get(f"not_a_time:{moment}", ~timeless)
    found["duplicate_id"] = again(ids.names)
    return Typed(values, pd.DataFrame({code: rows for code, rows in found.items() if rows.any()}, index=plain.index))


def label_values(column: pd.Series, spec: ProjectSpec) -> Read:
    """Return a label column as float64; of a binary task, true and its other spellings are 1 and false is 0.

    One of several classes is its name, as text.
    """
    if spec.training.task == "multiclass":
        return categories(column)
    if spec.training.task == "regression":
        files = spec.source if spec.source.label.uri is None else spec.source.label
        return numbers(column, files.decimal)
    read = by_value(booleans, column)
    return Read(read.column.astype("Float64").astype("float64"), read.faults)


def _kinds(spec: ProjectSpec) -> dict[str, Callable[[pd.Series], Read]]:
    """Return how each column of the spec is read: ids, entities, event time, features, label."""
    source, features = spec.source, spec.features.own
    moments = partial(by_value, partial(times, time_zone=spec.schedule.time_zone))
    kinds: dict[str, Callable[[pd.Series], Read]] = dict.fromkeys([*source.id, *spec.features.entities], _texts)
    kinds[source.event_time] = moments
    kinds |= dict.fromkeys(features.numbers, partial(numbers, decimal=source.decimal))
    kinds |= dict.fromkeys(features.booleans, partial(by_value, booleans))
    kinds |= dict.fromkeys(features.categories, _texts)
    kinds |= dict.fromkeys(features.dates, moments)
    if source.label.uri is None:
        kinds[source.label.column] = partial(label_values, spec=spec)
    return kinds


def _texts(column: pd.Series) -> Read:
    return by_value(categories, column)
