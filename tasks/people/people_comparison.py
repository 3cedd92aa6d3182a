"""People's decisions next to the model's answers, for all rows and by slice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.dataset.row_errors import decided, errors
from tasks.records import ComparedRows, SureMean
from tasks.spec import ProjectSpec
from tasks.statistics import mean_interval_at_every_look

CONFIDENCE = 0.95
MOST_SLICES = 20


def compared_rows(
    rows: pd.DataFrame, spec: ProjectSpec, where: str = "", confidence: float = CONFIDENCE
) -> ComparedRows:
    """Return how people and the model decided some rows.

    Where they differ and the truth is known, the one who was right, or nearer to it, is counted; rows on which both
    are equally wrong count for neither.

    Parameters
    ----------
    rows : DataFrame
        `decision`, what a person decided; `prediction` and `confidence` (of several classes `predicted_class`), what
        the model answered; `label`, missing where the truth is not known yet; and `event_date`.
    where : str
        The slice in words.
    confidence : float
        Of each interval, at every look.

    Examples
    --------
    A person and the model on four rows of one day: both right, only the model, only the person, not known yet.

    >>> from types import SimpleNamespace as Part
    >>> spec = Part(training=Part(task="regression"), scope=Part(metric="mean_absolute_error"),
    ...     decisions=Part(tolerance=1.0))
    >>> rows = pd.DataFrame({"decision": [5.0, 9.0, 5.0, 5.0], "prediction": [5.0, 5.0, 9.0, 6.0], "confidence": 0.0,
    ...     "label": [5.0, 5.0, 5.0, None], "event_date": 1})
    >>> found = compared_rows(rows, spec)
    >>> found.rows, found.agreement.value, found.labelled, found.one_right, found.model_right.value
    (4, 0.5, 3, 2, 0.5)
    >>> found.person_error is None  # numbers of four rows have no interval yet
    True
    """
    model, days = decided(rows, spec), rows["event_date"].to_numpy()
    agree = _agree(rows["decision"], model, spec)
    known = rows["label"].notna().to_numpy()
    truth = rows.loc[known, "label"]
    of_person, of_model = errors(rows.loc[known, "decision"], truth, spec), errors(model[known], truth, spec)
    finite = np.isfinite(of_person) & np.isfinite(of_model)
    of_person, of_model, known_days = of_person[finite], of_model[finite], days[known][finite]
    apart, are_shares = of_person != of_model, spec.training.task != "regression"
    return ComparedRows(
        where=where,
        rows=len(rows),
        agreement=sure_mean(agree, days, confidence, are_shares=True),
        labelled=int(finite.sum()),
        person_error=sure_mean(of_person, known_days, confidence, are_shares=are_shares),
        model_error=sure_mean(of_model, known_days, confidence, are_shares=are_shares),
        one_right=int(apart.sum()),
        model_right=sure_mean(
            (of_model < of_person)[apart].astype(np.float64), known_days[apart], confidence, are_shares=True
        ),
    )


def compared_slices(rows: pd.DataFrame, spec: ProjectSpec, columns: Sequence[str]) -> list[ComparedRows]:
    """Return the comparison for each value of some columns, the most frequent first; all intervals hold together."""
    cut = sorted(_cut(rows, columns, spec.privacy.min_category_count), key=lambda part: (-len(part[1]), part[0]))
    shown = cut[:MOST_SLICES]
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(shown))
    return [compared_rows(part, spec, where, confidence) for where, part in shown]


def _cut(rows: pd.DataFrame, columns: Sequence[str], fewest: int) -> Iterator[tuple[str, pd.DataFrame]]:
    for column in columns:
        for value, part in rows.groupby(column, observed=True):
            if len(part) >= fewest:  # rarer values could name a person
                yield f"{column} = {value}", part


def _agree(person: pd.Series, model: pd.Series, spec: ProjectSpec) -> FloatArray:
    """Return 1 for the rows with the same decision: equal classes, or numbers within the tolerance."""
    if spec.training.task == "multiclass":
        return np.asarray(person.astype("str").to_numpy() == model.to_numpy(), dtype=np.float64)
    allowed = spec.decisions.tolerance if spec.training.task == "regression" and spec.decisions is not None else 0.0
    gap = np.abs(person.to_numpy(np.float64) - model.to_numpy(np.float64))
    return np.asarray(gap <= allowed, dtype=np.float64)


def sure_mean(
    values: FloatArray, days: np.ndarray, confidence: float = CONFIDENCE, *, are_shares: bool
) -> SureMean | None:
    """Return a mean with its interval at every look; None of fewer than two values, or too few for an interval."""
    if len(values) < 2:  # noqa: PLR2004 - one value has no spread
        return None
    found = mean_interval_at_every_look(values, days, confidence, are_shares=are_shares)
    return SureMean(*map(float, found)) if math.isfinite(found.low) else None
