"""Labels and the rows they belong to, as known on a night."""

from __future__ import annotations

from datetime import date

import pandas as pd

from tasks.lake import Deliveries


def newest_labels(labels: pd.DataFrame, *, after: date | None = None, until: date | None = None) -> pd.DataFrame:
    """Return the newest label of each row.

    The newest arrival counts: the latest day, then the latest delivery of that day. The lake returns rows in no
    particular order, but the same night must give the same numbers to the last digit, so labels of one delivery for one
    row, which the contract refuses, would be ordered by their value.

    Parameters
    ----------
    labels : DataFrame
        `row_id`, `label`, `arrival` (date), `arrival_rank` (the order of deliveries, see `ranked`), and possibly more
        columns.
    after, until : date, optional
        Only labels that arrived after the first day, and up to and including the last.

    Returns
    -------
    DataFrame
        One row per `row_id`, ordered by arrival.

    Examples
    --------
    >>> arrivals = [date(2026, 1, 2), date(2026, 1, 1), date(2026, 1, 2)]
    >>> labels = pd.DataFrame(
    ...     {"row_id": "a", "label": [7.0, 9.0, 2.0], "arrival": arrivals, "arrival_rank": [1, 0, 2]})
    >>> newest_labels(labels)["label"].tolist(), newest_labels(labels, until=date(2026, 1, 1))["label"].tolist()
    ([2.0], [9.0])
    >>> newest_labels(labels, after=date(2026, 1, 2))["label"].tolist()
    []
    """
    if until is not None:
        labels = labels[labels["arrival"] <= until]
    newest = labels.sort_values(["arrival", "arrival_rank", "label"]).drop_duplicates("row_id", keep="last")
    return newest if after is None else newest[newest["arrival"] > after]


def ranked(labels: pd.DataFrame, known: Deliveries) -> pd.DataFrame:
    """Return labels with the order in which their deliveries arrived, `arrival_rank`, by their `batch_id`."""
    return labels.assign(arrival_rank=known.arrival_ranks(labels["batch_id"]))


def with_labels(rows: pd.DataFrame, newest: pd.DataFrame, column: str = "label") -> pd.DataFrame:
    """Return the rows that have a label, with it, in the order of `rows`.

    Parameters
    ----------
    rows : DataFrame
        With `row_id`.
    newest : DataFrame
        `row_id` and `label`, one row per id: see `newest_labels`.
    column : str
        Name of the label in the result; a column of that name in `rows` is replaced.

    Examples
    --------
    >>> rows = pd.DataFrame({"row_id": ["a", "b"], "prediction": [0.5, 0.7]})
    >>> with_labels(rows, pd.DataFrame({"row_id": ["b"], "label": [1.0]})).values.tolist()
    [['b', 0.7, 1.0]]
    """
    named = newest[["row_id", "label"]].rename(columns={"label": column})
    if named.empty:
        rows = rows.iloc[:0]  # a join looks at every id, also where there is nothing to find
    return rows.drop(columns=column, errors="ignore").merge(named, on="row_id", how="inner", validate="many_to_one")


def labelled(rows: pd.DataFrame, labels: pd.DataFrame, night: date, column: str = "label") -> pd.DataFrame:
    """Join rows with the labels that had arrived by a night.

    Parameters
    ----------
    rows : DataFrame
        With `row_id`; one row per id.
    labels : DataFrame
        `row_id`, `label`, `arrival` (date) and `arrival_rank`.
    night : date
        Labels that arrived later are not known yet.
    column : str
        Name of the label in the result; a column of that name in `rows` is replaced.

    Returns
    -------
    DataFrame
        The rows that have a label, with it, in the order of `rows`.

    Examples
    --------
    >>> rows = pd.DataFrame({"row_id": ["a", "b"]})
    >>> arrivals = [date(2026, 1, 1), date(2026, 2, 1)]
    >>> labels = pd.DataFrame({"row_id": ["a", "b"], "label": [1.0, 2.0], "arrival": arrivals, "arrival_rank": [0, 1]})
    >>> labelled(rows, labels, date(2026, 1, 15))[["row_id", "label"]].values.tolist()
    [['a', 1.0]]
    """
    return with_labels(rows, newest_labels(labels, until=night), column)


def matured(rows: pd.DataFrame, until: date, after: date | None = None) -> pd.DataFrame:
    """Return the rows with an event date later than `after` and not later than `until`, oldest first.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_date": [date(2026, 1, 3), date(2026, 1, 1), date(2026, 1, 2)]})
    >>> [str(day) for day in matured(rows, date(2026, 1, 2), date(2026, 1, 1))["event_date"]]
    ['2026-01-02']
    """
    inside = rows["event_date"] <= until
    if after is not None:
        inside &= rows["event_date"] > after
    return rows[inside].sort_values(["event_date", "row_id"] if "row_id" in rows else "event_date", kind="stable")
