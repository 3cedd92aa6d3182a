"""Reference rows of a snapshot of feature tables: what the batch joins with rows around the instants of changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.features import with_tables
from tasks.package.table_arrays import Values, as_microseconds
from tasks.serving_store.table_snapshots.table_snapshot import JoinedReference
from tasks.spec.cells.entity_keys import parts_of
from tasks.spec.cells.moments import instants
from tasks.spec.project_spec import FeatureTable, ProjectSpec

REFERENCES = 200
NEWEST = 10_000
UNKNOWN_SHARE = 0.05
SEED = 20260101


def joined_references(values: Values, spec: ProjectSpec, from_us: int) -> tuple[JoinedReference, ...]:
    """Return rows of entities that are known or not, before, at and after the instants at which values change.

    Parameters
    ----------
    values : mapping of str to DataFrame
        As for `table_arrays`.
    """
    rows, zone = _rows(values, spec, np.random.default_rng(SEED)), spec.schedule.time_zone
    frame = rows[as_microseconds(instants(rows["at"], None, zone)) >= from_us].reset_index(drop=True)
    event_time, entities = spec.source.event_time, spec.features.entities
    asked = frame.rename(columns={"at": event_time})

    def read(table: FeatureTable, _first: object, _last: object) -> pd.DataFrame:
        return values[table.name]

    joined = with_tables(asked, spec, read)
    names = [name for table in spec.features.tables for name in table.columns.all]
    keys = plain_cells(asked[[*entities, event_time]])
    return tuple(
        JoinedReference(row=row, joined=each) for row, each in zip(keys, plain_cells(joined[names]), strict=True)
    )


def plain_cells(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the typed cells of a frame as JSON has them, row by row.

    >>> plain_cells(pd.DataFrame({"x": [1.5, None], "at": pd.to_datetime(["2026-01-02", None])}))
    [{'x': 1.5, 'at': '2026-01-02T00:00:00'}, {'x': None, 'at': None}]
    """
    cells = {str(name): [_plain(value) for value in frame[name]] for name in frame}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _plain(value: Any) -> Any:
    if pd.isna(value) or (isinstance(value, float) and np.isinf(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return msgspec.to_builtins(value.to_pydatetime())
    return value.item() if isinstance(value, np.generic) else value


def _rows(values: Values, spec: ProjectSpec, rng: np.random.Generator) -> pd.DataFrame:
    """Return the keys and the times of the references: each is about a value of one of the tables."""
    parts = [_around(values[table.name], table, rng) for table in spec.features.tables]
    drawn = [_drawn(part, REFERENCES, rng) for part in parts if len(part)]
    rows = pd.concat(drawn, ignore_index=True) if drawn else parts[0]
    rows = rows.reindex(columns=[*spec.features.entities, "at"])
    for part in parts if drawn else ():  # keys of the other tables, so that a row finds values in all of them
        for name in part.columns.difference(["at"]) if len(part) else ():
            rows[name] = rows[name].where(rows[name].notna(), _drawn(part, len(rows), rng)[name].to_numpy())
    unknown: BoolArray = rng.random(len(rows)) < UNKNOWN_SHARE
    return rows.assign(**{name: rows[name].where(~unknown, "unknown to the tables") for name in spec.features.entities})


def _drawn(rows: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    return rows.iloc[rng.integers(len(rows), size=count)]


def _around(values: pd.DataFrame, table: FeatureTable, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows at, just before and just after instants at which values become known, or too old."""
    newest = values.dropna(subset=["entity", "event_time"]).sort_values(["event_time", "entity"]).tail(NEWEST)
    some = _drawn(newest, REFERENCES, rng) if len(newest) else newest
    days = [table.delay_days, *([] if table.max_age_days is None else [table.max_age_days])]
    shifts = [timedelta(days=day, microseconds=more) for day in days for more in (-1, 0, 1)] + [timedelta(days=2)]
    keys = [parts_of(str(key)) if len(table.entity) > 1 else [str(key)] for key in some["entity"]]
    columns = {name: [key[place] for key in keys] for place, name in enumerate(table.entity)}
    base = pd.DataFrame({**columns, "at": some["event_time"].astype("datetime64[us]").to_numpy()})
    return pd.concat([base.assign(at=base["at"] + shift) for shift in shifts], ignore_index=True)
