"""Which labels belong to which rows, as they were known on a night."""

from __future__ import annotations

from datetime import date

import pandas as pd


def labelled(rows: pd.DataFrame, labels: pd.DataFrame, night: date, column: str = "label") -> pd.DataFrame:
    """Join rows with the labels that had arrived by a night.

    Parameters
    ----------
    rows : DataFrame
        With `row_id`; one row each.
    labels : DataFrame
        `row_id`, `label`, `arrival` (date). When a row has several, the newest arrival up to the night counts, and of
        those of one day the largest, whatever order they come in.
    night : date
        Labels that arrived later are not known yet.
    column : str
        What the label is called in the result; a column of that name in `rows` is replaced.

    Returns
    -------
    DataFrame
        The rows that have a label, with it; in the order of `rows`.

    Examples
    --------
    >>> rows = pd.DataFrame({"row_id": ["a", "b"]})
    >>> arrivals = [date(2026, 1, 1), date(2026, 2, 1)]
    >>> labels = pd.DataFrame({"row_id": ["a", "b"], "label": [1.0, 2.0], "arrival": arrivals})
    >>> labelled(rows, labels, date(2026, 1, 15))[["row_id", "label"]].values.tolist()
    [['a', 1.0]]
    """
    known = labels.loc[labels["arrival"] <= night, ["row_id", "label", "arrival"]]
    newest = known.sort_values(["arrival", "label"]).drop_duplicates("row_id", keep="last")
    named = newest[["row_id", "label"]].rename(columns={"label": column})
    return rows.drop(columns=column, errors="ignore").merge(named, on="row_id", how="inner", validate="many_to_one")


def matured(rows: pd.DataFrame, until: date, after: date | None = None) -> pd.DataFrame:
    """Return the rows whose event date lies after `after` and not past `until`, oldest first.

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
