"""Features that are only known after the event: a model that learns from them is right in every test, and of no use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from tasks.spec.infer.label_leaks import leak
from tasks.spec.project_spec import FeatureTable, ProjectSpec

FEWEST_ROWS = 20
SAMPLED = 4_000
ALONE = 0.99  # of what there is to explain, by one feature alone
APART = 0.95  # area under the ROC curve, of the labels where a feature is filled against those where it is not
SELDOM = 0.1  # times as often filled in rows without a label as in those with one
OFTEN = 0.05  # share of rows
TWO = 2
Task = Literal["regression", "binary", "multiclass"]
Kind = Literal["copy", "alone", "missingness", "filled_with_label", "corrected", "late"]


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature that is suspected to be known only after the event, how that was found, and why in a sentence."""

    column: str
    kind: Kind
    why: str


@dataclass(frozen=True, slots=True)
class LeakageContext:
    """What else there is to compare known rows with; each part is looked at when it is given.

    Parameters
    ----------
    unlabelled : DataFrame
        Rows that have no label yet.
    first : DataFrame
        Rows as they were first delivered, for those that were corrected since; with `row_id`.
    tables : mapping of str to DataFrame
        The values of feature tables by the table's name, with `event_date` and `arrival`. What came on the first day is
        not judged, for it may be a history.
    """

    unlabelled: pd.DataFrame | None = None
    first: pd.DataFrame | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def leaks(known: pd.DataFrame, spec: ProjectSpec, beside: LeakageContext | None = None) -> list[Leak]:
    """Return the features that give the label away, in the order of the spec; a column may be named more than once.

    Parameters
    ----------
    known : DataFrame
        Rows with their features, typed, and the label by its own name.
    spec : ProjectSpec
        For the features, the label and the task.
    beside : Beside, optional
        What else there is to compare with.

    Examples
    --------
    >>> source = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> features = {"numbers": ["size", "tax"]}
    >>> spec = ProjectSpec.model_validate(
    ...     {"project": "houses", "scope": scope, "source": source, "features": features})
    >>> price = pd.Series([float(number) for number in range(30)])
    >>> rows = pd.DataFrame({"size": price % 7, "tax": price * 0.01, "price": price})
    >>> [(each.column, each.kind) for each in leaks(rows, spec)]
    [('tax', 'copy')]
    """
    beside = beside or LeakageContext()
    label = _label(known, spec)
    rows = known[label.notna().to_numpy()]
    if len(rows) > SAMPLED:
        rows = rows.sample(SAMPLED, random_state=0)
    label = label.loc[rows.index]
    found = [
        Leak(name, kind, why)
        for name in dict.fromkeys(spec.features.learned)
        if name in rows
        for kind, why in _of_column(_plain(rows[name]), label, spec.training.task)
    ]
    found += _filled_with_label(known[known[spec.source.label.column].notna()], beside.unlabelled, spec)
    found += _corrected(known, beside.first, spec)
    for table in spec.features.tables:
        if table.name in beside.tables:
            found += _late(beside.tables[table.name], table)
    order = {name: place for place, name in enumerate(spec.features.learned)}
    return sorted(found, key=lambda each: order[each.column])


def _label(known: pd.DataFrame, spec: ProjectSpec) -> pd.Series:
    """Return the label as numbers; of several classes, each name's code."""
    given = known[spec.source.label.column]
    if spec.training.task != "multiclass":
        return pd.to_numeric(given, errors="coerce").astype("float64")
    codes, _ = pd.factorize(given, sort=True)
    return pd.Series(np.where(codes < 0, np.nan, codes), index=given.index, dtype="float64")


def _plain(values: pd.Series) -> pd.Series:
    """Return a feature as it is, a date as its days since 1970."""
    if not pd.api.types.is_datetime64_any_dtype(values):
        return values
    return (values - pd.Timestamp(0)) / pd.Timedelta(days=1)


def _of_column(values: pd.Series, label: pd.Series, task: Task) -> Iterator[tuple[Kind, str]]:
    binary, several = task == "binary", task == "multiclass"
    ordered = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
    # The codes of several classes have no order that a number could be compared with.
    if not (several and ordered) and (why := leak(values, label, binary=binary)):
        yield "copy", why
    elif (power := _power_alone(values, label, classes=binary or several)) >= ALONE:
        yield (
            "alone",
            f"it alone tells {power:.1%} of what there is to tell about the label, in rows it was not fitted on",
        )
    filled = values.notna().to_numpy(bool)
    if several:
        return
    if min(filled.sum(), (~filled).sum()) >= FEWEST_ROWS:
        area = _area(label.to_numpy(np.float64), filled)
        if max(area, 1 - area) >= APART:
            higher = "1, or higher," if area > 1 - area else "0, or lower,"
            yield "missingness", f"where it is filled the label is {higher} than where it is not (area {area:.3f})"


def _power_alone(values: pd.Series, label: pd.Series, *, classes: bool) -> float:
    """Return the share of the label's ranks, or of the way from chance to certainty, that one feature's tree tells."""
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    known = values.notna() & label.notna()
    truth = label[known].to_numpy(np.float64)
    counts = np.unique(truth, return_counts=True)[1]
    if known.sum() < 3 * FEWEST_ROWS or len(counts) == 1 or (classes and counts.min() < FEWEST_ROWS):
        return 0.0
    column = _ranked(values[known], truth)
    if classes:
        tree = DecisionTreeClassifier(min_samples_leaf=5, max_leaf_nodes=256, random_state=0)
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        scoring = "roc_auc" if len(counts) == TWO else "roc_auc_ovr"
        return 2 * float(cross_val_score(tree, column, truth, cv=folds, scoring=scoring).mean()) - 1
    tree = DecisionTreeRegressor(min_samples_leaf=5, max_leaf_nodes=256, random_state=0)
    ranks = pd.Series(truth).rank().to_numpy()
    return float(cross_val_score(tree, column, ranks, cv=KFold(3, shuffle=True, random_state=0), scoring="r2").mean())


def _ranked(values: pd.Series, truth: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray:
    """Return a feature as numbers in one column; categories that repeat as codes, the others as one."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return values.astype("float64").to_numpy().reshape(-1, 1)
    counts = values.value_counts()
    codes = {value: code for code, value in enumerate(counts.index[counts >= len(truth) / FEWEST_ROWS])}
    return values.map(codes).fillna(-1).to_numpy(np.float64).reshape(-1, 1)


def _area(
    label: np.ndarray[tuple[int], np.dtype[np.float64]], filled: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> float:
    """Return the chance that a label where the feature is filled is above one where it is not; ties count half."""
    ranks = pd.Series(label).rank().to_numpy()
    ones, zeros = int(filled.sum()), int((~filled).sum())
    return float((ranks[filled].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _filled_with_label(labelled: pd.DataFrame, unlabelled: pd.DataFrame | None, spec: ProjectSpec) -> Iterator[Leak]:
    if unlabelled is None or min(len(unlabelled), len(labelled)) < FEWEST_ROWS:
        return
    for name in dict.fromkeys(spec.features.learned):
        if name in labelled and name in unlabelled:
            share, without = float(labelled[name].notna().mean()), float(unlabelled[name].notna().mean())
            if share >= OFTEN and without <= SELDOM * share:
                why = (
                    f"it is filled in {share:.1%} of the rows with a label, and in {without:.1%} of those still without"
                )
                yield Leak(name, "filled_with_label", why)


def _corrected(known: pd.DataFrame, first: pd.DataFrame | None, spec: ProjectSpec) -> Iterator[Leak]:
    if first is None or "row_id" not in known or "row_id" not in first:
        return
    both = first.drop_duplicates("row_id").merge(known, on="row_id", suffixes=(" first", " now"))
    if len(both) < FEWEST_ROWS:
        return
    for name in dict.fromkeys(spec.features.learned):
        if name in known and name in first:
            before, now = both[f"{name} first"], both[f"{name} now"]
            other = (before != now).fillna(value=True).to_numpy(bool) & ~(before.isna() & now.isna()).to_numpy(bool)
            if other.mean() >= OFTEN:
                why = f"in {other.mean():.1%} of the rows that were delivered again it had another value at first"
                yield Leak(name, "corrected", why)


def _late(values: pd.DataFrame, table: FeatureTable) -> Iterator[Leak]:
    known = values.dropna(subset=["event_date", "arrival"])
    known = known[known["arrival"] > known["arrival"].min()]
    if len(known) < FEWEST_ROWS:
        return
    moments = pd.to_datetime(known["arrival"]) - pd.to_datetime(known["event_date"])
    lags = moments.dt.days.to_numpy(np.float64)
    if float((lags > table.delay_days).mean()) > OFTEN:
        usual = int(np.quantile(lags, 1 - OFTEN))
        why = (
            f"values of feature table {table.name!r} arrive up to {usual} days after their time (95 % of them), but "
            f"its delay_days is {table.delay_days}: training sees what no row could have seen"
        )
        yield from (Leak(name, "late", why) for name in table.columns.all)
