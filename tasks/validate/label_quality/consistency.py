"""What is odd about the labels: rows that agree and are labelled differently, jumps, likely wrong ones, thin slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from tasks.spec.project_spec import ProjectSpec
from tasks.validate.label_quality.duplicate_rows import Disagreement, near_duplicates, same_inputs
from tasks.validate.label_quality.label_distribution import Jump, Slice, jumps, shares, slices, spread
from tasks.validate.label_quality.label_errors import Suspects, likely_wrong

SAMPLED = 4_000
FEWEST_IN_A_SLICE = 30
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Relabelled:
    """Rows with more than one label over time: how many, and those whose labels differ."""

    rows: int
    rows_apart: int


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What was found in the labels of some rows.

    Parameters
    ----------
    rows, labelled : int
        Rows looked at, and those with a label.
    sampled : int
        Rows that nearest neighbours and likely wrong labels were sought in: at most 4,000, drawn at random.
    balance : dict
        Shares of the classes, or quantiles of the label.
    same, near : Disagreement
        Rows with the same features, and with nearly the same.
    relabelled : Relabelled
        Rows that the ledger has several labels for.
    moved : tuple of Jump
        Periods whose mean label (on the training scale) jumped.
    wrong : Suspects
        Labels that are likely wrong.
    slices : tuple of Slice
        Rows and mean label of each value of the gate's slices, the categories and the booleans.
    notes : tuple of str
        What could not be looked at, and why.
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
        """The slices with fewer than 30 labelled rows: what a model learns of them, and its gate sees, is chance."""
        return tuple(each for each in self.slices if each.rows < FEWEST_IN_A_SLICE)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON; days as text."""
        plain = asdict(self)
        for each in plain["moved"]:
            each["start"] = each["start"].isoformat()
        return plain


def label_report(known: pd.DataFrame, spec: ProjectSpec, ledger: pd.DataFrame | None = None) -> LabelReport:
    """Return what is odd about the labels of some rows; odd data is noted, never an error.

    Parameters
    ----------
    known : DataFrame
        Rows with their features and the label by its own name; `row_id` and `event_date` where they are known.
    spec : ProjectSpec
        For the features, the label, its scale, the slices and what may be shown.
    ledger : DataFrame, optional
        Every label that arrived (`row_id`, `label`), to find rows that were labelled more than once.

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
    several = spec.training.task == "multiclass" and column in known
    label = _codes(known[column]) if several else _numbers(known, column, notes)
    rows = known[label.notna().to_numpy()].reset_index(drop=True)
    label = label.dropna().reset_index(drop=True)
    names = rows["row_id"].astype("str") if "row_id" in rows else pd.Series([str(n) for n in range(len(rows))])
    log = spec.training.target_scale == "log"
    scaled = np.log(label.where(label > 0)) if log else label
    features = rows[[name for name in dict.fromkeys(spec.features.learned) if name in rows]]
    few = _sample(len(rows))
    some, some_label, some_names = features.iloc[few], label.iloc[few], names.iloc[few]

    def tried(what: str, work: Callable[[], T], otherwise: T) -> T:
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whatever the data holds, the rest of the report is still worth having
            notes.append(f"{what}: {' '.join(str(error).split())[:200] or type(error).__name__}")
            return otherwise

    if several:
        notes.append("jumps over time and likely wrong labels, which are sought for numbers and for two classes")
    level = (label == label.mode().min()).astype("float64") if several else label  # the commonest class, or not
    none, sliced, apart = Disagreement(0, 0, 0, 0), _sliced(rows, spec), 1.0 if several else None
    least, period = spec.privacy.min_category_count, spec.monitoring.period_days
    return LabelReport(
        rows=len(known),
        labelled=len(rows),
        sampled=len(few),
        balance=tried("balance", lambda: shares(rows[column]) if several else spread(label, binary=binary), {}),
        same=tried("same inputs", lambda: same_inputs(features, label, names, apart), none),
        near=tried("near duplicates", lambda: near_duplicates(some, some_label, some_names, apart), none),
        relabelled=tried("relabelled rows", lambda: _relabelled(ledger), Relabelled(0, 0)),
        moved=() if several else tuple(tried("jumps", lambda: _jumps(rows, scaled, period), [])),
        wrong=Suspects(0, 0)
        if several
        else tried(
            "likely wrong labels",
            lambda: likely_wrong(some, some_label, some_names, binary=binary, log=log),
            Suspects(0, 0),
        ),
        slices=tuple(tried("slices", lambda: slices(rows, level, sliced, least), [])),
        notes=tuple(notes),
    )


def _codes(names: pd.Series) -> pd.Series:
    """Return several classes as numbers, in the order of their names; missing stays missing."""
    found, _ = pd.factorize(names, sort=True)
    return pd.Series(np.where(found < 0, np.nan, found), index=names.index, dtype="float64")


def _numbers(known: pd.DataFrame, column: str, notes: list[str]) -> pd.Series:
    if column not in known:
        notes.append(f"there is no column {column!r}: nothing is labelled")
        return pd.Series(np.nan, index=known.index)
    values = pd.to_numeric(known[column], errors="coerce").astype("float64")
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
    again = ledger[ledger.duplicated("row_id", keep=False)]
    labels = again.groupby("row_id")["label"]
    differing = labels.max() > labels.min()
    return Relabelled(len(differing), int(differing.sum()))
