"""Consistency of labels: equal rows with different labels, jumps over time, likely errors, and thin slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from tasks.spec.project_spec import ProjectSpec
from tasks.validate.label_quality.duplicate_rows import Disagreement, near_duplicates, same_inputs
from tasks.validate.label_quality.label_distribution import Jump, Slice, jumps, shares, slices, spread
from tasks.validate.label_quality.label_errors import Suspects, likely_wrong

SAMPLED = 4_000
FEWEST_IN_A_SLICE = 30
WEEK = 7  # days, so that weekdays cancel
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Relabelled:
    """The number of rows with more than one label over time, and of those with labels that differ."""

    rows: int
    rows_apart: int


@dataclass(frozen=True, slots=True)
class LabelReport:
    """The results of all checks on the labels of some rows.

    Parameters
    ----------
    rows, labelled : int
        All rows, and those with a label.
    sampled : int
        Rows that were searched for nearest neighbours and likely wrong labels: a random sample of at most 4,000.
    balance : dict
        Shares of the classes, or quantiles of the label.
    same, near : Disagreement
        Rows with equal features, and with nearly equal ones.
    relabelled : Relabelled
        Rows with several labels in the ledger.
    moved : tuple of Jump
        Periods with a jump of the mean label, on the training scale.
    wrong : Suspects
        Labels that are likely wrong.
    slices : tuple of Slice
        Rows and mean label of each value of the gate's slices, the categories and the booleans.
    notes : tuple of str
        The checks that could not be done, and why.
    """

    rows: int
    labelled: int
    sampled: int
    balance: dict[str, float]
    same: Disagreement
    near: Disagreement
    relabelled: Relabelled
    moved: tuple[Jump, ...]
    wrong: Suspects
    slices: tuple[Slice, ...]
    notes: tuple[str, ...] = ()

    @property
    def thin(self) -> tuple[Slice, ...]:
        """The slices with fewer than 30 labelled rows, too few to learn from or to evaluate."""
        return tuple(part for part in self.slices if part.rows < FEWEST_IN_A_SLICE)

    def without_rows(self) -> LabelReport:
        """Return the same report with counts only: no id and no label of a row."""
        return replace(
            self,
            same=replace(self.same, examples=()),
            near=replace(self.near, examples=()),
            wrong=replace(self.wrong, listed=()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values for JSON, with days as text."""
        values = asdict(self)
        for jump in values["moved"]:
            jump["start"] = jump["start"].isoformat()
        return values


def label_report(labelled: pd.DataFrame, spec: ProjectSpec, ledger: pd.DataFrame | None = None) -> LabelReport:
    """Return the results of all checks on the labels of some rows; inconsistent data never raises an error.

    Parameters
    ----------
    labelled : DataFrame
        Rows with their features and the label by its own name; `row_id` and `event_date` are optional.
    spec : ProjectSpec
        For the features, the label, its scale, the slices and the privacy rules.
    ledger : DataFrame, optional
        All labels that arrived (`row_id`, `label`), to find rows with more than one label.

    Examples
    --------
    >>> source = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> spec = ProjectSpec.model_validate(
    ...     {"project": "houses", "scope": scope, "source": source, "features": {"numbers": ["rooms"]}})
    >>> report = label_report(pd.DataFrame({"rooms": [3.0, 3.0, 4.0], "price": [100.0, 900.0, 500.0]}), spec)
    >>> report.labelled, report.same.rows_apart
    (3, 2)
    """
    notes: list[str] = []
    column, binary = spec.source.label.column, spec.training.task == "binary"
    several = spec.training.task == "multiclass" and column in labelled
    label = _codes(labelled[column]) if several else _numbers(labelled, column, notes)
    rows = labelled[label.notna().to_numpy()].reset_index(drop=True)
    label = label.dropna().reset_index(drop=True)
    names = rows["row_id"].astype("str") if "row_id" in rows else pd.Series([str(n) for n in range(len(rows))])
    log = spec.training.target_scale == "log"
    scaled = np.log(label.where(label > 0)) if log else label
    features = rows[[name for name in dict.fromkeys(spec.features.learned) if name in rows]]
    sample = _sample(len(rows))
    sampled, sampled_label, sampled_names = features.iloc[sample], label.iloc[sample], names.iloc[sample]

    attempted = partial(_attempted, notes)
    if several:
        notes.append("jumps over time and likely wrong labels are checked for numbers and for two classes only")
    level = (label == label.mode().min()).astype("float64") if several else label  # the most frequent class, or another
    none, sliced, apart = Disagreement(0, 0, 0, 0), _sliced(rows, spec), 1.0 if several else None
    least, period = spec.privacy.min_category_count, max(spec.monitoring.period_days, WEEK)
    report = LabelReport(
        rows=len(labelled),
        labelled=len(rows),
        sampled=len(sample),
        balance=attempted("balance", lambda: shares(rows[column]) if several else spread(label, binary=binary), {}),
        same=attempted("same inputs", lambda: same_inputs(features, label, names, apart), none),
        near=attempted("near duplicates", lambda: near_duplicates(sampled, sampled_label, sampled_names, apart), none),
        relabelled=attempted("relabelled rows", lambda: _relabelled(ledger), Relabelled(0, 0)),
        moved=() if several else tuple(attempted("jumps", lambda: _jumps(rows, scaled, period), [])),
        wrong=Suspects(0, 0)
        if several
        else attempted(
            "likely wrong labels",
            lambda: likely_wrong(sampled, sampled_label, sampled_names, binary=binary, log=log),
            Suspects(0, 0),
        ),
        slices=tuple(attempted("slices", lambda: slices(rows, level, sliced, least), [])),
        notes=tuple(notes),
    )
    return report.without_rows() if spec.privacy.is_set else report


def _attempted(notes: list[str], check: str, work: Callable[[], T], default: T) -> T:
    """Return the result of a check; where it fails, the default, and a note that says why."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - a check that fails on unusual data must not hide the others
        notes.append(f"{check}: {' '.join(str(error).split())[:200] or type(error).__name__}")
        return default


def _codes(names: pd.Series) -> pd.Series:
    """Return several classes as numbers, in the order of their names; missing stays missing."""
    codes, _ = pd.factorize(names, sort=True)
    return pd.Series(np.where(codes < 0, np.nan, codes), index=names.index, dtype="float64")


def _numbers(rows: pd.DataFrame, column: str, notes: list[str]) -> pd.Series:
    if column not in rows:
        notes.append(f"there is no column {column!r}, so no row has a label")
        return pd.Series(np.nan, index=rows.index)
    values = pd.to_numeric(rows[column], errors="coerce").astype("float64")
    return values.where(np.isfinite(values))


def _sample(rows: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if rows <= SAMPLED:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, SAMPLED, replace=False))


def _sliced(rows: pd.DataFrame, spec: ProjectSpec) -> list[str]:
    names = [*spec.gate.slices, *spec.features.booleans, *spec.features.categories]
    return [name for name in dict.fromkeys(names) if name in rows]


def _jumps(rows: pd.DataFrame, scaled: pd.Series, period_days: int) -> list[Jump]:
    if "event_date" not in rows:
        return []
    dated = rows["event_date"].notna() & scaled.notna()
    return jumps(rows.loc[dated, "event_date"], scaled[dated], period_days) if dated.any() else []


def _relabelled(ledger: pd.DataFrame | None) -> Relabelled:
    if ledger is None or ledger.empty:
        return Relabelled(0, 0)
    relabelled = ledger[ledger.duplicated("row_id", keep=False)]
    labels = relabelled.groupby("row_id")["label"]
    differing = labels.max() > labels.min()
    return Relabelled(len(differing), int(differing.sum()))
