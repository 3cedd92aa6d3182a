"""Once the error is past its leeway: what may be broken rather than changed, so that no model learns from it unasked.

It is asked of the rows by which the error was measured, and of the newest: where labels are late, a fault may be mended
before it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.dataset.event_days import days_of
from tasks.drift import Suspicion
from tasks.monitor.drift_monitor import DriftMonitor, InputDrift
from tasks.monitor.harm_checks.converted_part import converted_part
from tasks.monitor.harm_checks.exact_offset import is_offset
from tasks.monitor.harm_checks.label_faults import WEEK, LabelLook, label_fault, regime_start
from tasks.monitor.harm_checks.sudden_columns import SuddenMove, sudden_move
from tasks.monitor.harm_checks.unmoved_labels import jump, stayed
from tasks.profiles import TableProfile, sum_profiles
from tasks.records import Performance, SuspicionState
from tasks.statistics import truth_and_prediction

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class KnownSince:
    """What is known since the champion's training.

    Parameters
    ----------
    accepted : mapping of date to TableProfile
        Accepted rows by event date.
    labelled : DataFrame
        `event_date`, `prediction` (of several classes `probabilities`) and `label`.
    classes : tuple of str
        The names of several classes.
    """

    accepted: Mapping[date, TableProfile]
    labelled: pd.DataFrame
    classes: tuple[str, ...] = ()


def harm_suspicions(
    monitor: DriftMonitor, seen: InputDrift, known: KnownSince, found: Performance, look: LabelLook
) -> Iterator[Suspicion]:
    """Yield what may be broken behind an error past its leeway: one column alone, several with the predictions, labels.

    A change of the world moves many columns, or brings values that are new. One column that moves alone, at once and
    among known values, may as well be a source that broke: an offset, a part in another unit. Several, or new values,
    are likelier broken where each moved by one offset, and the predictions moved with them and the labels did not.
    Where shapes or shares changed too, as with new habits, lamps or microphones, the world is likelier to have changed.

    Parameters
    ----------
    seen : InputDrift
        The newest window.
    found : Performance
        The error, past its leeway.
    look : LabelLook
        What labels are looked at by.
    """
    moves = [move for move in _moves(monitor, seen, known.accepted, found) if move is not None]
    # A span of few days may not show yet what moved with a column, or which values are new.
    others = frozenset[str]().union(*(move.days for move in moves))
    beyond = frozenset[str]().union(*(move.beyond for move in moves))
    for move in moves:
        suspected = _suspected(move, beyond, known, alone=move.alone and len(others) == 1)
        if suspected is not None:
            yield suspected
            break
    else:
        part = converted_part(monitor, known.accepted, regime_start(found), found.end)
        if part is not None:
            yield part
    if (fault := label_fault(known.labelled, look, found)) is not None:
        yield fault


def still_in_doubt(
    found: Iterable[Suspicion], suspected: Iterable[SuspicionState], back: Mapping[str, date]
) -> list[Suspicion]:
    """Return what was found but for suspicions that end tonight: it is of their rows, which stay in doubt.

    Parameters
    ----------
    found : iterable of Suspicion
        What `harm_suspicions` found; it looks at rows of weeks ago.
    suspected : iterable of SuspicionState
        The suspicions before the night.
    back : mapping of str to date
        Those that end tonight, by name.

    Examples
    --------
    >>> day = date(2026, 1, 5)
    >>> state, again = SuspicionState("shock", ("temp",), day, day), Suspicion("shock", ("temp",), "")
    >>> len(still_in_doubt([again], [state], {})), len(still_in_doubt([again], [state], {state.name: day}))
    (1, 0)
    """
    over = [state for state in suspected if state.name in back]
    return [one for one in found if not any(state.explains(one) for state in over)]


def _moves(
    monitor: DriftMonitor, seen: InputDrift, accepted: Mapping[date, TableProfile], found: Performance
) -> Iterator[SuddenMove | None]:
    """Yield what moved at once: in the newest window, the first week of the error's new regime, and the cohort.

    In a cohort of weeks a fault of few days is diluted; the error left its promise on the first of them.
    """
    yield sudden_move(monitor.reference, accepted, seen.moved)
    since = regime_start(found)
    for first, last in ((since, min(since + WEEK - ONE_DAY, found.end)), (found.start, found.end)):
        until = {day: rows for day, rows in accepted.items() if day <= last}
        span = [rows for day, rows in until.items() if day >= first]
        if span:
            yield sudden_move(monitor.reference, until, monitor.moved_in(first, sum_profiles(span)))


def _suspected(move: SuddenMove, beyond: frozenset[str], known: KnownSince, *, alone: bool) -> Suspicion | None:
    since, names = min(move.days.values()), tuple(move.days)
    if alone and not beyond & set(names):
        return Suspicion("shock", names, f"it moved alone and at once around {since}, and the error rose", since=since)
    if not all(is_offset(known.accepted, name, day) for name, day in move.days.items()):
        return None
    if not _labels_stayed(known, since):
        return None
    words = f"moved at once around {since}, and the predictions and the error with it, while the labels are as before"
    return Suspicion("shock", names, words, since=since)


def _labels_stayed(known: KnownSince, since: date) -> bool:
    """Return whether the predictions have moved since a day and the labels have not; of the class that moved most."""
    truth, answer = truth_and_prediction(known.labelled, known.classes)
    days = days_of(known.labelled["event_date"]).astype(np.int64)
    first = int(np.datetime64(since, "D").astype(np.int64))
    columns = (
        [((truth == place).astype(np.float64), answer[:, place]) for place in range(answer.shape[1])]
        if answer.ndim > 1
        else [(truth, answer)]
    )
    jumps = ((jump(labels, days, first), jump(answers, days, first)) for labels, answers in columns)
    pairs = [(labels, answers) for labels, answers in jumps if labels is not None and answers is not None]
    return any(
        stayed(labels, answers)
        for labels, answers in sorted(pairs, key=lambda pair: -abs(pair[1].size) / max(pair[1].error, 1e-12))[:1]
    )
