"""From a delivered frame to a typed one, by the kinds that the spec gives its columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from tasks.arrays import BoolArray
from tasks.spec.cells.cell_types import Read, any_fault, booleans, categories
from tasks.spec.cells.moments import REPEATED, repeats_hours
from tasks.spec.cells.time_cells import times
from tasks.spec.landing_sections.files_of_rows import FUNCTION_FAILED
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.typing.row_ids import row_ids
from tasks.validate.typing.text_columns import by_value, moments, numbers


@dataclass(frozen=True, slots=True)
class Typed:
    """Typed rows and the faults of their values.

    `frame` has `row_id` and the columns of the spec; `faults` has one boolean column a reason code, only for the codes
    that occur. Both have the rows of the delivery, in its order, numbered from 0.
    """

    frame: pd.DataFrame
    faults: pd.DataFrame

    @property
    def clean(self) -> BoolArray:
        """The rows without any fault."""
        return ~any_fault(self.faults)


def repeated_ids(row_ids: pd.Series) -> BoolArray:
    """Return which row ids an earlier row of the same frame has; a missing id repeats none.

    Examples
    --------
    >>> repeated_ids(pd.Series(["a", None, "a", None])).tolist()
    [False, False, True, False]
    """
    return (row_ids.duplicated() & row_ids.notna()).to_numpy(bool)


def typed(frame: pd.DataFrame, spec: ProjectSpec, repeated: Callable[[pd.Series], BoolArray] = repeated_ids) -> Typed:
    """Return a delivery of rows with every column in the kind that the spec gives it.

    Numbers become float64, booleans pandas' boolean, categories and ids text, the event time and dates datetime64[us]
    as wall-clock time of `schedule.time_zone`, a label that is delivered with the rows float64, or text where it names
    one of several classes. Where clocks can go back, `repeated_hour` marks the second of two equal event times. A value
    that cannot be read is missing in the frame and named in the faults, as `code:column`. Rows without an id or an
    event time are faults as well, and so are rows with the id of an earlier row (`duplicate_id`), and those without a
    weight above 0 where the spec names a column of weights.

    Parameters
    ----------
    frame : DataFrame
        As delivered, with every column of the spec; others are left out.
    spec : ProjectSpec
        For the columns, their kinds and the time zone.
    repeated : callable, optional
        Returns which row ids an earlier row has; by default, a row of the same frame.

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
    frame, event_time = frame.reset_index(drop=True), spec.source.event_time
    reads, features = {name: read(frame[name]) for name, read in _kinds(spec).items()}, spec.stored_features
    # An id column that is a number or a date as well is read again: in a row id it is text.
    not_text = {*features.numbers, *features.booleans, *features.dates, spec.source.label.column}
    ids = row_ids(frame, spec, {name: reads[name] for name in spec.key_columns if name not in not_text})
    # Not copied into one block: they are evaluated and written as columns.
    values = pd.DataFrame({"row_id": ids.names, **{name: read.column for name, read in reads.items()}}, copy=False)
    if repeats_hours(spec.schedule.time_zone):
        values[REPEATED] = reads[event_time].second
    unread = {f"{code}:{name}": rows for name, read in reads.items() for code, rows in read.faults.items()}
    faults = {**ids.faults, **unread, **_file_faults(frame, spec)}
    if event_time not in spec.key_columns:
        without_time = values[event_time].isna().to_numpy()
        faults[f"missing_time:{event_time}"] = without_time & ~faults.get(f"not_a_time:{event_time}", ~without_time)
    if (weight := spec.scope.weight) is not None:
        faults |= _weight_faults(weight, values[weight], reads[weight].bad)
    faults["duplicate_id"] = repeated(ids.names)
    return Typed(values, pd.DataFrame({code: rows for code, rows in faults.items() if rows.any()}, index=frame.index))


def label_values(column: pd.Series, spec: ProjectSpec, written_as: Files | None = None) -> Read:
    """Return a label column as float64; in a binary task, true and its other spellings are 1, and false is 0.

    In a multiclass task it is the name of the class, as text. `written_as` has the decimal sign of the files; by
    default they are those with the labels.
    """
    if spec.training.task == "multiclass":
        return categories(column)
    if spec.training.task == "regression":
        files = written_as or (spec.source if spec.source.label.uri is None else spec.source.label)
        return numbers(column, files.decimal, files.thousands)
    read = by_value(booleans, column)
    return Read(read.column.astype("Float64").astype("float64"), read.faults)


def _kinds(spec: ProjectSpec) -> dict[str, Callable[[pd.Series], Read]]:
    """Return the reader of each column of the spec: ids, entities, event time, features, consent, weight, label."""
    source, features = spec.source, spec.stored_features
    read = partial(times, time_zone=spec.schedule.time_zone, time_format=source.time_format)
    read_times = partial(by_value, read) if source.time_format else partial(moments, read=read)
    texts = [*source.id, *spec.features.entities, *spec.group_columns, *spec.file_columns]
    kinds: dict[str, Callable[[pd.Series], Read]] = dict.fromkeys(texts, _texts)
    kinds[source.event_time] = read_times
    kinds |= dict.fromkeys(features.numbers, partial(numbers, decimal=source.decimal, thousands=source.thousands))
    kinds |= dict.fromkeys(features.booleans, partial(by_value, booleans))
    kinds |= dict.fromkeys(features.categories, _texts)
    kinds |= dict.fromkeys(features.dates, read_times)
    if spec.privacy.consent is not None:
        kinds[spec.privacy.consent] = partial(by_value, booleans)
    if spec.scope.weight is not None:
        kinds[spec.scope.weight] = partial(numbers, decimal=source.decimal, thousands=source.thousands)
    if source.label.uri is None:
        kinds[source.label.column] = partial(label_values, spec=spec)
    return kinds


def _weight_faults(column: str, weights: pd.Series, unread: BoolArray) -> dict[str, BoolArray]:
    """Return which rows have no weight, or none above 0, by the code of the fault."""
    missing = weights.isna().to_numpy() & ~unread
    return {f"missing_weight:{column}": missing, f"weight_not_positive:{column}": (weights <= 0).to_numpy()}


def _file_faults(frame: pd.DataFrame, spec: ProjectSpec) -> dict[str, BoolArray]:
    """Return which rows name a file that cannot be used, by the code of the fault."""
    files = spec.source.files
    if files is None or files.fault_column not in frame:
        return {}
    said = frame[files.fault_column].astype("str").str.partition(": ")[0]
    codes = {str(code): f"{code}:{files.column}" for code in said.dropna().unique()}
    if FUNCTION_FAILED in codes:
        codes[FUNCTION_FAILED] = FUNCTION_FAILED
    return {code: said.eq(rule).to_numpy(bool, na_value=False) for rule, code in codes.items()}


def _texts(column: pd.Series) -> Read:
    return by_value(categories, column)
