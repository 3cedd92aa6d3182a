"""The training table: the labelled rows, typed once by the spec, so that many fits share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray, FloatArray, IntArray
from tasks.errors import DataError
from tasks.inference.schema_parts import DateKind
from tasks.model import DatePart
from tasks.model.input_matrix import as_numbers, as_text, category_codes, date_part, days_since
from tasks.spec.project_spec import ProjectSpec

Classes = tuple[str, ...]
OF_A_DATE: tuple[DateKind, ...] = ("year", "month", "day_of_year", "weekday", "days")


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Labelled rows, ready to fit.

    Attributes
    ----------
    features : DataFrame
        Feature columns of the spec: doubles, text for categories, dates as they are; then the parts of dates and of the
        event time.
    days : array
        Event time in days since `origin`, with fractions.
    truth, target : array
        The label (for several classes, its index in `classes`), and the label on the scale of the model.
    origin : date
        The first event day.
    classes : tuple of str
        Names of several classes, else empty.
    groups : array or None
        Number of the group of each row, if the spec names a group column.
    weights : array or None
        How much each row counts, if the spec names a column of weights.
    """

    features: pd.DataFrame
    days: FloatArray
    truth: FloatArray
    target: FloatArray
    origin: date
    classes: Classes = ()
    groups: IntArray | None = None
    weights: FloatArray | None = None

    def day_of(self, moment: date) -> int:
        """Return a date as days since the origin."""
        return (moment - self.origin).days

    def date_of(self, day: float) -> date:
        """Return the date `day` days after the origin."""
        return self.origin + timedelta(days=int(day))

    def between(self, first: int, last: int) -> TrainingTable:
        """Return the rows of days `first` to `last`, inclusive."""
        return self.where((self.days >= first) & (self.days < last + 1))

    def without_groups_of(self, others: TrainingTable | None) -> TrainingTable:
        """Return the rows of groups that the others do not have; all rows without groups."""
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
            weights=None if self.weights is None else self.weights[chosen],
        )

    def of_own_classes(self) -> TrainingTable:
        """Return the same rows with no class but their own; unchanged unless there are several."""
        if not self.classes:
            return self
        present, truth = np.unique(self.truth, return_inverse=True)
        classes = tuple(self.classes[int(place)] for place in present)
        return replace(self, truth=truth.astype(np.float64), target=truth.astype(np.float64), classes=classes)

    def __len__(self) -> int:
        return len(self.days)


def training_table(rows: pd.DataFrame, spec: ProjectSpec) -> TrainingTable:
    """Return labelled rows, typed and with their label on the scale of the model.

    Raises
    ------
    DataError
        There are no rows; a column, event time or label is missing; or a label does not fit the scale of the model.
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
            "Let the contract quarantine such rows."
        )
    origin = moments.min().date()
    classes = class_names(rows, spec)
    truth = label_values(rows, spec, classes)
    target = np.log(truth) if spec.training.target_scale == "log" else truth
    groups = np.asarray(pd.factorize(rows[group[0]])[0], dtype=np.int64) if group else None
    weights = row_weights(rows, spec)
    return TrainingTable(features, days_since(moments, origin), truth, target, origin, classes, groups, weights)


def row_weights(rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray | None:
    """Return how much each row counts; None where the spec names no column of weights.

    Raises
    ------
    DataError
        A weight is missing or not above 0.
    """
    column = spec.scope.weight
    if column is None:
        return None
    weights = as_numbers(rows[column]) if column in rows else np.full(len(rows), np.nan)
    if not (wrong := ~(np.isfinite(weights) & (weights > 0))).any():
        return weights
    raise DataError(
        f"found {int(wrong.sum())} of {len(rows)} rows without a number above 0 in {column!r}, the column of "
        "scope.weight. Keep the column in the feature function, or deliver these rows again with it."
    )


def feature_frame(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return the feature columns as in `TrainingTable.features`; a missing column is left out."""
    texts: dict[str, Any] = {
        column: as_text(rows[column]).array for column in spec.features.categories if column in rows
    }
    numeric = [column for column in (*spec.features.numbers, *spec.features.booleans) if column in rows]
    moments = {column: pd.to_datetime(rows[column]).array for column in spec.features.dates if column in rows}
    dates = {part.name: date_part(rows[part.column], part) for part in date_parts(spec) if part.column in rows}
    return pd.DataFrame({**{column: as_numbers(rows[column]) for column in numeric}, **texts, **moments, **dates})


def date_parts(spec: ProjectSpec, kept: Sequence[str] | None = None) -> tuple[DatePart, ...]:
    """Return the parts of the kept date columns (all, if None), and those of the event time.

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
    """Return the input names of a feature column: its name, or the parts of a date."""
    return [f"{column}:{kind}" for kind in OF_A_DATE] if column in spec.features.dates else [column]


def class_names(rows: pd.DataFrame, spec: ProjectSpec) -> Classes:
    """Return the sorted classes of the labels; empty unless the task is multiclass."""
    if spec.training.task != "multiclass":
        return ()
    return tuple(sorted(str(label) for label in as_text(rows[spec.source.label.column]).dropna().unique()))


def in_classes(probabilities: FloatArray, names: Classes, classes: Classes) -> FloatArray:
    """Return the probabilities of some classes as those of others, among which they are; the rest has 0.

    >>> in_classes(np.array([[0.25, 0.75]]), ("a", "c"), ("a", "b", "c")).tolist()
    [[0.25, 0.0, 0.75]]
    """
    if names == classes:
        return probabilities
    spread = np.zeros((len(probabilities), len(classes)))
    spread[:, [classes.index(name) for name in names]] = probabilities
    return spread


def label_values(rows: pd.DataFrame, spec: ProjectSpec, classes: Classes = ()) -> FloatArray:
    """Return the labels as doubles; raise an error when one cannot be used.

    Parameters
    ----------
    classes : tuple of str
        Names of several classes: a label becomes its index, or their number if it is unknown.

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
    for expected, is_valid in rules:
        if not is_valid.all():
            raise DataError(
                f"found {int((~is_valid).sum())} of {len(truth)} labels in {column!r} that are not {expected}. "
                "Leave such rows out, or let the contract quarantine them."
            )
    return truth


def class_indices(labels: pd.Series[Any], classes: Classes) -> FloatArray:
    """Return the index of each label in the classes; their number for an unknown label, NaN for a missing one.

    >>> class_indices(pd.Series(["b", "c", None, "a"]), ("a", "b")).tolist()
    [1.0, 2.0, nan, 0.0]
    """
    indices = category_codes(labels, classes).copy()
    indices[np.isnan(indices) & ~as_text(labels).isna().to_numpy(dtype=bool)] = len(classes)
    return indices


def without_holdout_groups(past: pd.DataFrame, holdout: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return the past without the groups of the hold-out; all rows when the spec names no groups.

    The hold-out keeps its rows and the distribution of service; the model is then evaluated on new groups only.
    """
    group = spec.split.group
    return past if group is None else past[~past[group].isin(holdout[group].unique())]
