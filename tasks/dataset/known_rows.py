"""The rows that a training may use on a night: accepted, with their features and the labels that had arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from tasks.dataset.event_days import days_of
from tasks.dataset.feature_assembly import assemble
from tasks.dataset.label_join import labelled, matured, ranked
from tasks.errors import DataError
from tasks.lake import Lake, active_rows, deliveries
from tasks.spec import ProjectSpec

Span: TypeAlias = tuple[date, date]


@dataclass(frozen=True)
class KnownRows:
    """What is known on a night.

    `labelled` are the accepted rows with a matured label that had arrived, with their features, oldest first; without
    those on which the project's feature function fails. `rows` has `row_id` and `event_date` of all accepted rows,
    neither of them with rows under suspicion or without consent, and `ledger` all labels that had arrived. So many rows
    are `without_consent`.
    """

    labelled: pd.DataFrame
    rows: pd.DataFrame
    ledger: pd.DataFrame
    without_consent: int = 0


def known_rows(lake: Lake, spec: ProjectSpec, folder: Path, night: date, suspected: Sequence[Span] = ()) -> KnownRows:
    """Return what is known on a night.

    Parameters
    ----------
    folder : Path
        The project's folder, in which its own modules are.
    suspected : sequence of (date, date)
        First and last event dates of rows under suspicion: no model learns from them.

    Raises
    ------
    DataError
        When there are fewer rows than the spec's `training.min_rows`.
    """
    delivered = deliveries(lake, spec.project)
    columns = ["row_id", "label", "arrival", "batch_id"]
    labels = ranked(active_rows(lake, spec.project, "labels", delivered, columns=columns), delivered)
    trusted = trusted_rows(active_rows(lake, spec.project, "rows", delivered), suspected)
    rows = consented_rows(trusted, spec)
    known = training_rows(rows, labels, night, spec)
    features = assemble(known, spec, lake, folder)
    return KnownRows(
        features.rows[features.passing],
        rows[["row_id", "event_date"]],
        labels[labels["arrival"] <= night],
        len(trusted) - len(rows),
    )


def training_rows(rows: pd.DataFrame, labels: pd.DataFrame, night: date, spec: ProjectSpec) -> pd.DataFrame:
    """Return the rows with a matured label that had arrived by a night, oldest first.

    Parameters
    ----------
    rows : DataFrame
        The accepted rows, one per `row_id`, with `event_date`.
    labels : DataFrame
        `row_id`, `label`, `arrival` and `arrival_rank`.

    Raises
    ------
    DataError
        When there are fewer rows than the spec's `training.min_rows`.
    """
    known = labelled(weighted_rows(rows, spec), labels, night, spec.source.label.column)
    if len(known) < spec.training.min_rows:
        raise DataError(
            f"{spec.project} has {len(known)} labelled rows on {night}; training.min_rows is "
            f"{spec.training.min_rows}. Take in more (`leeway run nightly {spec.project}`) or lower it"
        )
    return matured(known, spec.matured_until(night))


def consented_rows(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return the rows that may be learned from and shown: with consent, where the spec names a column for it.

    A missing value is no consent, and so is a row that was stored before the spec named the column.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> rows = pd.DataFrame({"row_id": ["a", "b", "c"], "agreed": pd.array([True, False, None], dtype="boolean")})
    >>> consented_rows(rows, Part(privacy=Part(consent="agreed")))["row_id"].tolist()
    ['a']
    >>> len(consented_rows(rows, Part(privacy=Part(consent=None)))), len(
    ...     consented_rows(rows, Part(privacy=Part(consent="new"))))
    (3, 0)
    """
    consent = spec.privacy.consent
    if consent is None:
        return rows
    if consent not in rows:
        return rows.iloc[:0]
    return rows[rows[consent].astype("boolean").fillna(value=False).to_numpy(bool)]


def weighted_rows(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return the rows with a weight, where the spec names a column of weights; all rows where it names none.

    The contract refuses a row without one: only rows that were stored before the spec named the column lack it.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> rows = pd.DataFrame({"row_id": ["a", "b"], "amount": [2.0, None]})
    >>> weighted_rows(rows, Part(scope=Part(weight="amount")))["row_id"].tolist()
    ['a']
    >>> [len(weighted_rows(rows, Part(scope=Part(weight=name)))) for name in (None, "new")]
    [2, 0]
    """
    column = spec.scope.weight
    if column is None:
        return rows
    return rows[rows[column].notna()] if column in rows else rows.iloc[:0]


def trusted_rows(rows: pd.DataFrame, suspected: Sequence[Span]) -> pd.DataFrame:
    """Return the rows of all event dates but those under suspicion, first and last days included.

    >>> rows = pd.DataFrame({"event_date": [date(2026, 1, day) for day in (1, 2, 3, 4)]})
    >>> trusted_rows(rows, [(date(2026, 1, 2), date(2026, 1, 3))]).index.tolist()
    [0, 3]
    """
    if not suspected:
        return rows
    days, found = days_of(rows["event_date"]), np.zeros(len(rows), dtype=bool)
    for first, last in suspected:
        found |= (days >= np.datetime64(first)) & (days <= np.datetime64(last))
    return rows[~found]
