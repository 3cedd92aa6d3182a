"""Table: the labelled rows, read once in the kinds the spec names, so that many fits can share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray, FloatArray, IntArray
from tasks.errors import DataError
from tasks.model import DatePart
from tasks.model.input_matrix import as_numbers, as_text, category_codes, date_part, days_since
from tasks.model.schema_parts import DateKind
from tasks.spec.project_spec import ProjectSpec

Classes = tuple[str, ...]
OF_A_DATE: tuple[DateKind, ...] = ("year", "month", "day_of_year", "weekday", "days")


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Rows ready to fit.

    Attributes
    ----------
    features : DataFrame
        The spec's feature columns: doubles, text for categories, dates as they are; then the parts of dates and of the
        event time.
    days : array
        Event time in days since `origin`, with its fraction.
    truth, target : array
        The label as it is (of several classes, its place among `classes`), and on the model's scale.
    origin : date
        The first event day.
    classes : tuple of str
        The names of the classes, when there are several.
    groups : array or None
        Number of each row's group, when the spec names a column of groups.
    """

    features: pd.DataFrame
    days: FloatArray
    truth: FloatArray
    target: FloatArray
    origin: date
    classes: Classes = ()
    groups: IntArray | None = None

    def day_of(self, moment: date) -> int:
        """Return a date as days since the origin."""
        return (moment - self.origin).days

    def date_of(self, day: float) -> date:
        """Return the date that lies so many days after the origin."""
        return self.origin + timedelta(days=int(day))

    def between(self, first: int, last: int) -> TrainingTable:
        """Return the rows of whole days `first` to `last`, both included."""
        return self.where((self.days >= first) & (self.days < last + 1))

    def without_groups_of(self, others: TrainingTable | None) -> TrainingTable:
        """Return the rows whose group is not among the others'; all rows where there are no groups."""
        if others is None or self.groups is None or others.groups is None:
            return self
        return self.where(~np.isin(self.groups, others.groups))

    def where(self, chosen: BoolArray) -> TrainingTable:
        """Return the chosen rows."""
        return replace(
            self,
            features=self.features[chosen],
            days=self.days[chosen],
            truth=self.truth[chosen],
            target=self.target[chosen],
            groups=None if self.groups is None else self.groups[chosen],
        )

    def __len__(self) -> int:
        return len(self.days)


def training_table(rows: pd.DataFrame, spec: ProjectSpec) -> TrainingTable:
    """Return labelled rows, typed and with their label on the model's scale.

    Raises
    ------
    DataError
        There are no rows, a column is missing, an event time or a label is missing or cannot be on the model's scale.
    """
    group = [spec.split.group] if spec.split.group else []
    needed = [*spec.features.learned, spec.source.event_time, spec.source.label.column, *group]
    missing = [column for column in needed if column not in rows.columns]
    if missing or not len(rows):
        raise DataError(
            f"found {len(rows)} rows lacking {missing}; training {spec.project!r} needs labelled rows with {needed}. "
            "Check that labels have matured and that the feature function keeps these columns."
        )
    features = feature_frame(rows, spec)
    moments = pd.to_datetime(rows[spec.source.event_time], utc=True)
    if moments.isna().any():
        raise DataError(
            f"found {int(moments.isna().sum())} rows without {spec.source.event_time!r}; expected none. "
            "Let the contract set such rows aside."
        )
    origin = moments.min().date()
    classes = class_names(rows, spec)
    truth = label_values(rows, spec, classes)
    target = np.log(truth) if spec.training.target_scale == "log" else truth
    groups = np.asarray(pd.factorize(rows[group[0]])[0], dtype=np.int64) if group else None
    return TrainingTable(features, days_since(moments, origin), truth, target, origin, classes, groups)


def feature_frame(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return the feature columns alone, as `Table.features` holds them; a column that is not there is left out."""
    texts: dict[str, Any] = {
        column: as_text(rows[column]).array for column in spec.features.categories if column in rows
    }
    plain = [column for column in (*spec.features.numbers, *spec.features.booleans) if column in rows]
    moments = {column: pd.to_datetime(rows[column]).array for column in spec.features.dates if column in rows}
    dates = {part.name: date_part(rows[part.column], part) for part in date_parts(spec) if part.column in rows}
    return pd.DataFrame({**{column: as_numbers(rows[column]) for column in plain}, **texts, **moments, **dates})


def date_parts(spec: ProjectSpec, kept: Sequence[str] | None = None) -> tuple[DatePart, ...]:
    """Return what is read from dates: the parts of the date columns that are kept (all, if None), and the event time's.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> parts = {"training": Part(event_time_parts=["hour"]), "source": Part(event_time="at")}
    >>> [part.name for part in date_parts(Part(features=Part(dates=["built"]), **parts))]
    ['built:year', 'built:month', 'built:day_of_year', 'built:weekday', 'built:days', 'at:hour']
    """
    columns = [column for column in spec.features.dates if kept is None or column in kept]
    own = tuple(DatePart(column, kind) for column in columns for kind in OF_A_DATE)
    return own + tuple(DatePart(spec.source.event_time, kind) for kind in spec.training.event_time_parts)


def input_names(column: str, spec: ProjectSpec) -> list[str]:
    """Return what a feature column is called among the inputs: itself, or the parts of a date."""
    return [f"{column}:{kind}" for kind in OF_A_DATE] if column in spec.features.dates else [column]


def class_names(rows: pd.DataFrame, spec: ProjectSpec) -> Classes:
    """Return the classes of the labels, sorted by name; empty unless there may be several."""
    if spec.training.task != "multiclass":
        return ()
    return tuple(sorted(str(label) for label in as_text(rows[spec.source.label.column]).dropna().unique()))


def label_values(rows: pd.DataFrame, spec: ProjectSpec, classes: Classes = ()) -> FloatArray:
    """Return the labels as doubles, refused when one cannot be learned from.

    Parameters
    ----------
    classes : tuple of str
        Of a task with several classes, their names: a label becomes its place among them, or their number when it is
        none of them.

    Raises
    ------
    DataError
        A label is missing, not 0 or 1 for a binary task, or not positive on a log scale.
    """
    column, task = spec.source.label.column, spec.training.task
    truth = class_indices(rows[column], classes) if task == "multiclass" else as_numbers(rows[column])
    rules = [
        ("known and finite", ~np.isnan(truth)),
        ("0 or 1 (task 'binary')", (truth == 0) | (truth == 1) | (task != "binary")),
        ("above 0 (target_scale 'log')", (truth > 0) | (spec.training.target_scale != "log")),
    ]
    for expected, held in rules:
        if not held.all():
            raise DataError(
                f"found {int((~held).sum())} of {len(truth)} labels in {column!r} that are not {expected}. "
                "Leave such rows out, or let the contract set them aside."
            )
    return truth


def class_indices(labels: pd.Series[Any], classes: Classes) -> FloatArray:
    """Return each label's place among the classes; their number for another label, NaN for a missing one.

    >>> class_indices(pd.Series(["b", "c", None, "a"]), ("a", "b")).tolist()
    [1.0, 2.0, nan, 0.0]
    """
    found = category_codes(labels, classes).copy()
    found[np.isnan(found) & ~as_text(labels).isna().to_numpy(dtype=bool)] = len(classes)
    return found


def without_holdout_groups(past: pd.DataFrame, holdout: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return the past without the groups that the hold-out has; all of it when the spec names no groups.

    The hold-out keeps its rows, and with them the mixture that service has; a model is then judged as if every group
    were new to it.
    """
    group = spec.split.group
    return past if group is None else past[~past[group].isin(holdout[group].unique())]
