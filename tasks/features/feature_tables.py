"""Feature tables: the values of an entity as they were known at the time of a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd

from tasks.spec.cells.entity_keys import entity_names
from tasks.spec.cells.moments import REPEATED, instants
from tasks.spec.project_spec import FeatureTable, ProjectSpec

KEYS = ["entity", "event_time"]
ARRIVED = ("arrival", "arrival_rank", "revision", "batch_id")
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
        rows = as_of(rows, read(table, first, last), table, spec.source.event_time, spec.schedule.time_zone)
    return rows


def as_of(
    rows: pd.DataFrame, values: pd.DataFrame, table: FeatureTable, event_time: str, time_zone: str = "UTC"
) -> pd.DataFrame:
    """Return rows with a table's columns as they were known at each row's time; missing where none was.

    A value is known `delay_days` after its event time, that moment included; the newest known value is used. A value
    older than `max_age_days` is missing. Of several values of one entity and time, the last that arrived is used; of
    those of one delivery, which the contract refuses, the largest.
    Times are compared as instants; days are those of the wall clock, also where one has 23 or 25 hours.

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
    time_zone : str
        The zone of the wall-clock times.

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
    wall = rows[event_time].reset_index(drop=True).astype("datetime64[us]")
    at = instants(wall, rows.get(REPEATED), time_zone)
    left = pd.DataFrame({"entity": entity_names(rows.reset_index(drop=True), table.entity), "at": at}).dropna()
    joined = pd.merge_asof(
        left.sort_values("at", kind="stable").reset_index(names="position"),
        known_values(values, table, time_zone),
        left_on="at",
        right_on="known_from",
        by="entity",
    ).set_index("position")
    if table.max_age_days is not None:
        old = wall.loc[joined.index] - joined["event_time"] > timedelta(days=table.max_age_days)
        joined = joined[~old]
    columns = joined[table.columns.all].reindex(pd.RangeIndex(len(rows)))
    typed = {name: _typed(columns[name], name, table).set_axis(rows.index) for name in table.columns.all}
    return rows.drop(columns=table.columns.all, errors="ignore").assign(**typed)


def latest_values(values: pd.DataFrame, table: FeatureTable, time_zone: str = "UTC") -> pd.DataFrame:
    """Return the newest values of each entity, for the look-up of a prediction service.

    Parameters
    ----------
    values : DataFrame
        As for `as_of`.
    time_zone : str
        The zone of the wall-clock times.

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
    """
    newest = known_values(values, table, time_zone).drop(columns="known_from")
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


def known_values(values: pd.DataFrame, table: FeatureTable, time_zone: str) -> pd.DataFrame:
    """Return values in the order of `known_from`, from when on they are known; of an entity and instant, the last.

    With a delay, both instants of a wall-clock time that occurs twice are known from one instant on: the second counts.
    """
    known = values.dropna(subset=KEYS)
    wall, entities = known["event_time"].astype("datetime64[us]"), known["entity"].astype("str")
    second = None if REPEATED not in known else known[REPEATED].astype("boolean").fillna(value=False)
    known_from = instants(wall + timedelta(days=table.delay_days), None if table.delay_days else second, time_zone)
    known = known.assign(event_time=wall, entity=entities, known_from=known_from)
    known = known if second is None else known.assign(**{REPEATED: second})
    # The lake returns rows in no particular order, so what is left equal is decided by the values themselves.
    order = ["known_from", "event_time", *(name for name in (REPEATED, *ARRIVED) if name in known), *table.columns.all]
    newest = known.sort_values(order, kind="stable").drop_duplicates(
        ["entity", "event_time", "known_from"], keep="last"
    )
    return newest[[*KEYS, "known_from", *table.columns.all]]


def _typed(column: pd.Series, name: str, table: FeatureTable) -> pd.Series:
    """Return a column with the type of the spec, which missing values have changed."""
    if name in table.columns.booleans:
        return column.astype("boolean")
    if name in table.columns.dates:
        return column.astype("datetime64[us]")
    return column.astype("float64" if name in table.columns.numbers else "str")
