"""Label leakage: features known only after the event, which make a model perfect in tests and useless in service."""

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
ALONE = 0.99  # share explained by one feature alone
APART = 0.95  # area under the ROC curve of labels, for rows with the feature against rows without it
SELDOM = 0.1  # ratio: how often a feature is filled in rows without a label, to rows with a label
OFTEN = 0.05  # share of rows
TWO = 2
Task = Literal["regression", "binary", "multiclass"]
Kind = Literal["copy", "alone", "missingness", "filled_with_label", "corrected", "late"]


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature that is probably known only after the event: the kind of evidence, and the evidence as a sentence."""

    column: str
    kind: Kind
    why: str


@dataclass(frozen=True, slots=True)
class LeakageContext:
    """Further rows to compare the labelled rows with; each part is optional.

    Parameters
    ----------
    unlabelled : DataFrame
        Rows without a label.
    first : DataFrame
        The first version of rows that were corrected later; with `row_id`.
    tables : mapping of str to DataFrame
        The values of feature tables by the name of the table, with `event_date` and `arrival`. Values of the first day
        are not checked, because they may be a history.
    """

    unlabelled: pd.DataFrame | None = None
    first: pd.DataFrame | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def leaks(known: pd.DataFrame, spec: ProjectSpec, context: LeakageContext | None = None) -> list[Leak]:
    """Return the features that leak the label, in the order of the spec; a column can occur more than once.

    Parameters
    ----------
    known : DataFrame
        Rows with typed features, and the label under its own name.
    spec : ProjectSpec
        For the features, the label and the task.
    context : LeakageContext, optional
        Further rows to compare with.

    Examples
    --------
    >>> source = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> features = {"numbers": ["size", "tax"]}
    >>> spec = ProjectSpec.model_validate(
    ...     {"project": "houses", "scope": scope, "source": source, "features": features})
    >>> price = pd.Series([float(number) for number in range(30)])
    >>> rows = pd.DataFrame({"size": price % 7, "tax": price * 0.01, "price": price})
    >>> [(leak.column, leak.kind) for leak in leaks(rows, spec)]
    [('tax', 'copy')]
    """
    context = context or LeakageContext()
    label = _label(known, spec)
    rows = known[label.notna().to_numpy()]
    if len(rows) > SAMPLED:
        rows = rows.sample(SAMPLED, random_state=0)
    label = label.loc[rows.index]
    found = [
        Leak(name, kind, why)
        for name in dict.fromkeys(spec.features.learned)
        if name in rows
        for kind, why in _of_column(_as_numbers(rows[name]), label, spec.training.task)
    ]
    found += _filled_with_label(known[known[spec.source.label.column].notna()], context.unlabelled, spec)
    found += _corrected(known, context.first, spec)
    for table in spec.features.tables:
        if table.name in context.tables:
            found += _late(context.tables[table.name], table)
    order = {name: rank for rank, name in enumerate(spec.features.learned)}
    return sorted(found, key=lambda suspect: order[suspect.column])


def _label(known: pd.DataFrame, spec: ProjectSpec) -> pd.Series:
    """Return the label as numbers; of several classes, the code of each name."""
    values = known[spec.source.label.column]
    if spec.training.task != "multiclass":
        return pd.to_numeric(values, errors="coerce").astype("float64")
    codes, _ = pd.factorize(values, sort=True)
    return pd.Series(np.where(codes < 0, np.nan, codes), index=values.index, dtype="float64")


def _as_numbers(values: pd.Series) -> pd.Series:
    """Return a feature unchanged, but a date as days since 1970."""
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
            f"it alone explains {power:.1%} of the label, in rows that were not used for fitting",
        )
    filled = values.notna().to_numpy(bool)
    if several:
        return
    if min(filled.sum(), (~filled).sum()) >= FEWEST_ROWS:
        area = _area(label.to_numpy(np.float64), filled)
        if max(area, 1 - area) >= APART:
            higher = "1, or higher," if area > 1 - area else "0, or lower,"
            yield "missingness", f"where it is filled, the label is {higher} than where it is missing (area {area:.3f})"


def _power_alone(values: pd.Series, label: pd.Series, *, classes: bool) -> float:
    """Return the share of the label that a tree on one feature explains: R2 of ranks, or 2 AUC - 1 for classes."""
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
    """Return a feature as one column of numbers; frequent categories have codes, all others share one."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return values.astype("float64").to_numpy().reshape(-1, 1)
    counts = values.value_counts()
    codes = {value: code for code, value in enumerate(counts.index[counts >= len(truth) / FEWEST_ROWS])}
    return values.map(codes).fillna(-1).to_numpy(np.float64).reshape(-1, 1)


def _area(
    label: np.ndarray[tuple[int], np.dtype[np.float64]], filled: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> float:
    """Return the probability that a label of a filled row is above one of a missing row; ties count half."""
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
                why = f"it is filled in {share:.1%} of rows with a label, and in {without:.1%} of rows without one"
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
            changed = (before != now).fillna(value=True).to_numpy(bool) & ~(before.isna() & now.isna()).to_numpy(bool)
            if changed.mean() >= OFTEN:
                why = f"in {changed.mean():.1%} of the rows that were delivered again, its first value was different"
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
            f"its delay_days is {table.delay_days}: training sees values that were not available at prediction time"
        )
        yield from (Leak(name, "late", why) for name in table.columns.all)
