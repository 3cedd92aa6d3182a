"""The arrays of a snapshot of feature tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import IntArray
from tasks.features import known_values
from tasks.row_contract.table_values import DAY_US, NO_CODE, key_hash
from tasks.spec.project_spec import FeatureTable, ProjectSpec

HISTORY_DAYS = 31
"""A request may be of so long before the newest values."""
ALWAYS_US = -(2**62)
Arrays = dict[str, npt.NDArray[Any]]
Values = Mapping[str, pd.DataFrame]


def first_instant(values: Values, spec: ProjectSpec, moment: datetime) -> int:
    """Return the instant from which on a snapshot has all that was known, in microseconds since 1970.

    It is some days before the newest value of any table, of those that are known at `moment`.
    """
    tables = spec.features.tables
    newest = [known_values(values[table.name], table, spec.schedule.time_zone)["known_from"].max() for table in tables]
    known = [min(pd.Timestamp(each), pd.Timestamp(moment)) for each in newest if not pd.isna(each)]
    return int(max(known).timestamp()) * 1_000_000 - HISTORY_DAYS * DAY_US if known else ALWAYS_US


def table_arrays(values: Values, spec: ProjectSpec, from_us: int) -> Arrays:
    """Return the arrays of all tables: see `tasks.row_contract.table_values`.

    Of each entity, there are the values that are known after the first instant, and the last one before.

    Parameters
    ----------
    values : mapping of str to DataFrame
        The values of each table, as for `tasks.features.as_of`.
    from_us : int
        See `first_instant`.
    """
    zone = spec.schedule.time_zone
    return {
        f"{table.name}/{name}": array
        for table in spec.features.tables
        for name, array in _arrays_of(_kept(known_values(values[table.name], table, zone), from_us), table).items()
    }


def _kept(known: pd.DataFrame, from_us: int) -> pd.DataFrame:
    before = as_microseconds(known["known_from"]) <= from_us
    last = pd.Series(False, known.index)  # noqa: FBT003 - the value of each row
    last[before] = ~known[before].duplicated("entity", keep="last")
    return known[~before | last.to_numpy(bool)]


def _arrays_of(known: pd.DataFrame, table: FeatureTable) -> Arrays:
    codes, entities = pd.factorize(known["entity"])
    keys = [str(entity).encode("utf-8", "surrogatepass") for entity in entities]
    hashes = np.array([key_hash(key) for key in keys], dtype=np.uint64)
    order = sorted(range(len(keys)), key=lambda place: (int(hashes[place]), keys[place]))
    rank = np.empty(len(keys), dtype=np.int64)
    rank[order] = np.arange(len(keys))
    ranks: IntArray = rank[codes]
    rows = known.iloc[np.argsort(ranks, kind="stable")]
    blob, key_starts = _joined([keys[place] for place in order])
    return {
        "hashes": hashes[order],
        "keys": blob,
        "key_starts": key_starts,
        "starts": np.concatenate([[0], np.cumsum(np.bincount(ranks, minlength=len(keys)))]).astype(np.int64),
        "known_from": as_microseconds(rows["known_from"]),
        "event_time": as_microseconds(rows["event_time"]),
        **_columns(rows, table),
    }


def _columns(rows: pd.DataFrame, table: FeatureTable) -> Arrays:
    columns = table.columns
    arrays: Arrays = {f"columns/{name}": rows[name].to_numpy(np.float64) for name in columns.numbers}
    for name in columns.booleans:
        typed = rows[name].astype("boolean")
        arrays[f"columns/{name}"] = typed.astype("Int8").fillna(NO_CODE).to_numpy(np.int8)
    for name in columns.dates:
        arrays[f"columns/{name}"] = as_microseconds(rows[name].astype("datetime64[us]"))
    for name in columns.categories:
        codes, texts = pd.factorize(rows[name].astype("str"))
        arrays[f"columns/{name}"] = codes.astype(np.int32)
        joined = _joined([str(text).encode("utf-8", "surrogatepass") for text in texts])
        arrays[f"texts/{name}"], arrays[f"text_starts/{name}"] = joined
    return arrays


def _joined(texts: list[bytes]) -> tuple[npt.NDArray[np.uint8], IntArray]:
    """Return texts as one array, and where each begins and the last ends."""
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    return np.frombuffer(b"".join(texts), dtype=np.uint8), starts


def as_microseconds(moments: pd.Series) -> IntArray:
    """Return times as microseconds since 1970; one that is missing is the smallest number."""
    plain = moments.dt.tz_convert("UTC").dt.tz_localize(None) if moments.dt.tz is not None else moments
    return plain.to_numpy("datetime64[us]").view(np.int64)
