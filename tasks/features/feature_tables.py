"""Feature tables: the values of an entity as they were known at the time of a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pandas as pd

from tasks.spec.cells.entity_keys import entity_names
from tasks.spec.project_spec import FeatureTable, ProjectSpec

KEYS = ["entity", "event_time"]
ARRIVED = ("arrival", "revision", "batch_id")  # the last one orders two deliveries of the same day
Read = Callable[[FeatureTable, date | None, date], pd.DataFrame]


def with_tables(rows: pd.DataFrame, spec: ProjectSpec, read: Read) -> pd.DataFrame:
    """Return rows with the columns of every feature table, as of each row's event time.

    Parameters
    ----------
    rows : DataFrame
        With the event time and the entity columns.
    spec : ProjectSpec
        For the tables.
    read : callable
        Returns the values of a table between two event dates, both included; None is the first date.
    """
    for table in spec.features.tables:
        first, last = days_needed(rows, table, spec.source.event_time)
        rows = as_of(rows, read(table, first, last), table, spec.source.event_time)
    return rows


def as_of(rows: pd.DataFrame, values: pd.DataFrame, table: FeatureTable, event_time: str) -> pd.DataFrame:
    """Return rows with a table's columns as they were known at each row's time; missing where none was.

    A value is known `delay_days` after its event time, that moment included; the newest known value is used. A value
    older than `max_age_days` is missing. Of several values of one entity and time, the last that arrived is used.

    Parameters
    ----------
    rows : DataFrame
        With `event_time` and the entity columns.
    values : DataFrame
        `entity`, `event_time`, the columns of the table, and `arrival` if available; in any order.
    table : FeatureTable
        The section of the spec about the table.
    event_time : str
        The column of `rows` with the event time.

    Examples
    --------
    The balance is 100 from the 1st on and 200 from the 3rd on. The row of the 3rd sees 200, the row of the 2nd sees
    100, and the row before the first value sees none:

    >>> table = FeatureTable(name="accounts", uri="accounts", entity=["account"], event_time="day",
    ...                      columns={"numbers": ["balance"]})
    >>> values = pd.DataFrame({"entity": ["a", "a"], "balance": [200.0, 100.0],
    ...                        "event_time": pd.to_datetime(["2026-01-03", "2026-01-01"])})
    >>> rows = pd.DataFrame({"account": "a", "time": pd.to_datetime(["2026-01-03", "2026-01-02", "2025-12-31"])})
    >>> as_of(rows, values, table, "time")["balance"].tolist()
    [200.0, 100.0, nan]
    >>> late = table.model_copy(update={"delay_days": 1})
    >>> as_of(rows, values, late, "time")["balance"].tolist()
    [100.0, 100.0, nan]
    """
    delay = timedelta(days=table.delay_days)
    at = rows[event_time].reset_index(drop=True).astype("datetime64[us]") - delay
    left = pd.DataFrame({"entity": entity_names(rows.reset_index(drop=True), table.entity), "at": at}).dropna()
    oldest = None if table.max_age_days is None else pd.Timedelta(days=table.max_age_days) - delay
    joined = pd.merge_asof(
        left.sort_values("at", kind="stable").reset_index(names="position"),
        _newest(values, table).rename(columns={"event_time": "known_from"}),
        left_on="at",
        right_on="known_from",
        by="entity",
        tolerance=oldest,
    ).set_index("position")
    columns = joined[table.columns.all].reindex(pd.RangeIndex(len(rows)))
    typed = {name: _typed(columns[name], name, table).set_axis(rows.index) for name in table.columns.all}
    return rows.drop(columns=table.columns.all, errors="ignore").assign(**typed)


def latest_values(values: pd.DataFrame, table: FeatureTable, moment: datetime | None = None) -> pd.DataFrame:
    """Return the newest values of each entity, for the look-up of a prediction service.

    Parameters
    ----------
    values : DataFrame
        As for `as_of`.
    moment : datetime, optional
        Only values known then, in the wall-clock time of the project: the values that a row of that moment gets.

    Returns
    -------
    DataFrame
        `entity`, `event_time` and the columns of the table, one row per entity, in the order of entities.

    Examples
    --------
    >>> table = FeatureTable(name="accounts", uri="accounts", entity=["account"], event_time="day",
    ...                      columns={"numbers": ["balance"]})
    >>> values = pd.DataFrame({"entity": ["a", "b", "a"], "balance": [1.0, 2.0, 3.0],
    ...                        "event_time": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-09"])})
    >>> latest_values(values, table)[["entity", "balance"]].values.tolist()
    [['a', 3.0], ['b', 2.0]]
    >>> latest_values(values, table, datetime(2026, 1, 5))["balance"].tolist()
    [1.0, 2.0]
    """
    newest = _newest(values, table)
    if moment is not None:
        at = pd.Timestamp(moment) - timedelta(days=table.delay_days)
        newest = newest[newest["event_time"] <= at]
        if table.max_age_days is not None:
            newest = newest[newest["event_time"] >= pd.Timestamp(moment) - timedelta(days=table.max_age_days)]
    latest = newest.drop_duplicates("entity", keep="last").sort_values("entity", ignore_index=True)
    return latest.assign(**{name: _typed(latest[name], name, table) for name in table.columns.all})


def days_needed(rows: pd.DataFrame, table: FeatureTable, event_time: str) -> tuple[date | None, date]:
    """Return the first (None: any) and the last event date of the values that some rows can see.

    Examples
    --------
    >>> table = FeatureTable(name="accounts", uri="accounts", entity=["account"], event_time="day",
    ...                      columns={"numbers": ["balance"]}, max_age_days=10, delay_days=1)
    >>> rows = pd.DataFrame({"time": pd.to_datetime(["2026-01-20", "2026-01-25"])})
    >>> [str(day) for day in days_needed(rows, table, "time")]
    ['2026-01-10', '2026-01-24']
    """
    moments = rows[event_time].dropna()
    if moments.empty:
        return date.max, date.min
    last = (moments.max() - timedelta(days=table.delay_days)).date()
    if table.max_age_days is None:
        return None, last
    return (moments.min() - timedelta(days=table.max_age_days)).date(), last


def _newest(values: pd.DataFrame, table: FeatureTable) -> pd.DataFrame:
    """Return values in the order of time; of each entity and time, only the value that arrived last."""
    order = ["event_time", *(name for name in ARRIVED if name in values)]
    newest = values.dropna(subset=KEYS).sort_values(order, kind="stable").drop_duplicates(KEYS, keep="last")
    moments, entities = newest["event_time"].astype("datetime64[us]"), newest["entity"].astype("str")
    return newest[[*KEYS, *table.columns.all]].assign(event_time=moments, entity=entities)


def _typed(column: pd.Series, name: str, table: FeatureTable) -> pd.Series:
    """Return a column with the type of the spec, which missing values have changed."""
    if name in table.columns.booleans:
        return column.astype("boolean")
    if name in table.columns.dates:
        return column.astype("datetime64[us]")
    return column.astype("float64" if name in table.columns.numbers else "str")
