"""Instants and wall-clock times: one hour of autumn has every wall-clock time twice, one of spring has none.

Times are stored as the wall clock of the project's zone shows them, for the day and the reader. Where two instants show
the same, the second is marked, so that keys, joins and order rest on instants.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray

REPEATED = "repeated_hour"  # of an event time: whether it is the second instant with its wall-clock time
FIRST, LAST = pd.Timestamp("0001-01-03"), pd.Timestamp("9999-12-29")
ALWAYS_ONCE = frozenset({"UTC", "Etc/UTC", "Zulu", "Etc/GMT", "GMT", "Etc/UCT", "UCT"})


def repeats_hours(time_zone: str) -> bool:
    """Return whether a zone can have wall-clock times that occur twice.

    >>> repeats_hours("UTC"), repeats_hours("Europe/Berlin")
    (False, True)
    """
    return time_zone not in ALWAYS_ONCE


def wall_clock(moments: pd.Series, time_zone: str) -> tuple[pd.Series, BoolArray]:
    """Return instants as wall-clock times (datetime64[us]), and which of them are the second with their time.

    Examples
    --------
    Clocks in Berlin went back from 03:00 to 02:00 at 01:00 UTC:

    >>> utc = pd.to_datetime(pd.Series(["2025-10-26T00:10Z", "2025-10-26T01:10Z"]))
    >>> wall, second = wall_clock(utc, "Europe/Berlin")
    >>> [str(time) for time in wall], second.tolist()
    (['2025-10-26 02:10:00', '2025-10-26 02:10:00'], [False, True])
    """
    utc = moments.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    wall, second = utc.dt.tz_localize(None), np.zeros(len(utc), dtype=bool)
    inside = ((wall > FIRST) & (wall < LAST)).to_numpy(bool)  # a zone has no rules for the first and the last days
    if not inside.any():
        return wall, second
    wall[inside] = utc[inside].dt.tz_convert(time_zone).dt.tz_localize(None)
    if repeats_hours(time_zone):
        second[inside] = (instants(wall[inside], None, time_zone) != utc[inside]).to_numpy(bool)
    return wall, second


def instants(wall: pd.Series, second: pd.Series | BoolArray | None, time_zone: str) -> pd.Series:
    """Return the instants (UTC, datetime64[us]) of wall-clock times; a time that spring skips counts an hour later.

    Parameters
    ----------
    wall : Series
        Wall-clock times without a zone.
    second : Series or array, optional
        Which of them are the second with their time; by default, none.

    Examples
    --------
    >>> wall = pd.Series(pd.to_datetime(["2025-10-26T02:10", "2025-10-26T02:10", "2026-03-29T02:30"]))
    >>> [str(time) for time in instants(wall, np.array([False, True, False]), "Europe/Berlin")]
    ['2025-10-26 00:10:00+00:00', '2025-10-26 01:10:00+00:00', '2026-03-29 01:30:00+00:00']
    """
    if not repeats_hours(time_zone):
        return wall.astype("datetime64[us]").dt.tz_localize("UTC")
    moments = wall.astype("datetime64[us]").dt.tz_localize("UTC")
    inside = ((wall > FIRST) & (wall < LAST)).to_numpy(bool)
    given = pd.Series([False] * len(wall) if second is None else np.asarray(second))
    later = given.astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    local = (
        wall[inside]
        .astype("datetime64[us]")
        .dt.tz_localize(time_zone, ambiguous=~later[inside], nonexistent=pd.Timedelta(hours=1))
    )
    moments[inside] = local.dt.tz_convert("UTC")
    return moments
