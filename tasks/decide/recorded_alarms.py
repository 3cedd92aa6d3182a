"""What earlier nights say about tonight's alarms: since when they last, and what a person has called drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from tasks.records import DriftStatistic, NightEntry, SuspicionState


def alarmed_since(nights: Sequence[NightEntry], champion: int | None) -> dict[str, date]:
    """Return the columns past their leeway on the newest night, each with the first night of this run of alarms.

    Parameters
    ----------
    nights : sequence of NightEntry
        Earlier nights, oldest first.
    champion : int or None
        The version that serves: nights of another one were measured against another reference.
    """
    since: dict[str, date] = {}
    lasting: set[str] | None = None
    for night in reversed(nights):
        if night.champion != champion:
            break
        past = {one.column for one in (*night.moved, *night.surprises) if one.strain > 1}
        lasting = past if lasting is None else lasting & past
        if not lasting:
            break
        since |= dict.fromkeys(lasting, night.night)
    return since


def with_expected_drift(
    moved: Sequence[DriftStatistic],
    nights: Sequence[NightEntry],
    states: Sequence[SuspicionState],
    champion: int | None,
) -> tuple[DriftStatistic, ...]:
    """Return statistics with a leeway that is wider by what a person has called drift.

    A column that was called drift is expected where it was on the night of the answer; from there it has its leeway
    again. A later champion has learned from it.

    Parameters
    ----------
    nights : sequence of NightEntry
        Earlier nights, oldest first.
    states : sequence of SuspicionState
        The suspicions before the night.
    """
    expected: dict[tuple[str, str, int, str], float] = {}
    for state in states:
        if state.answer == "drift" and state.answered is not None:
            then = [night for night in nights if night.night <= state.answered and night.champion == champion]
            known = (one for one in (then[-1].moved if then else ()) if one.column in state.columns and not one.creep)
            expected |= {(one.column, one.statistic, one.direction, one.where): one.distance for one in known}
    if not expected:
        return tuple(moved)
    return tuple(
        replace(one, leeway=one.leeway + expected.get((one.column, one.statistic, one.direction, one.where), 0.0))
        for one in moved
    )
