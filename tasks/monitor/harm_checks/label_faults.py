"""Labels that look broken: in another unit, stuck, renamed, exchanged, or far outside of what they were.

Broken labels raise the error as a change of the world does, and a model that learns from them is wrong. They are looked
at once the error is past its leeway: that is no test of its own on quiet nights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.dataset.event_days import days_of, numbered
from tasks.drift import Suspicion, faults_of_columns, is_back
from tasks.drift.faults.rare_values import rare_strain
from tasks.drift.faults.unit_change import GREAT, distributions_differ, weighted_values
from tasks.monitor.harm_checks.label_evidence import HALF, exchange_factor, is_restored
from tasks.monitor.window import newest_window
from tasks.profiles import NumberProfile, TableProfile, fit_ruler, profile
from tasks.records import DriftStatistic, Performance, Statistic, SuspicionState
from tasks.statistics import LOSSES

WEEK = timedelta(days=7)
KNOWN = timedelta(weeks=8)  # enough rows, and no older than need be
NEEDLESS = 0.05  # chance that two classes are called exchanged in any of the spans, where they are not
OF_TWO_CLASSES = frozenset({"log_loss", "brier_score", "error_rate"})
NOT_OF_LABELS = frozenset({"null_burst", "empty_column", "missing_slice"})  # a label that is missing is not known yet


@dataclass(frozen=True, slots=True)
class LabelLook:
    """What labels are looked at by.

    Parameters
    ----------
    column, metric : str
        The names of the label, and of the project's metric.
    fewest : int
        Rows that are needed to know how labels were, or are again.
    alpha : float
        Chance that values beyond the range of those before are called more than chance, on one night.
    is_private : bool
        Whether what is found must name no value of a label.
    """

    column: str
    metric: str
    fewest: int
    alpha: float
    is_private: bool = False


def label_fault(labelled: pd.DataFrame, look: LabelLook, found: Performance) -> Suspicion | None:
    """Return in which way the labels since an error has left its promise look broken; None if they do not.

    All days since then are looked at, and each for itself, because a fault of few days is diluted: those of the newest
    cohort and of the first week.

    Parameters
    ----------
    labelled : DataFrame
        `event_date`, `label` and `prediction` since the champion's training.
    found : Performance
        The error, past its leeway.
    """
    days = days_of(labelled["event_date"])
    since = regime_start(found)
    before = _between(labelled, days, since - KNOWN, since - timedelta(days=1))
    if len(before) < max(look.fewest, 1):
        return None
    singles = {*_dates(found.start, found.end), *_dates(since, min(since + WEEK, found.end))}
    spans = [(since, found.end), *((day, day) for day in sorted(singles) if day >= since)]
    usual, labels = _Labels(look.column, before), labelled["label"]
    regime = (days >= np.datetime64(since)) & (days <= np.datetime64(found.end))
    for first, last in spans:
        inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
        fault = usual.fault(_known(labels[inside]), look.alpha / len(spans))
        if fault is not None and usual.numbers and not _explains(fault, labelled[regime], look, found):
            fault = None
        if fault is not None and not usual.numbers and (first, last) != (since, found.end):
            others = _known(labels[regime & ~inside])
            fault = _also_of(others, _known(labels[inside]), fault, look)
        if fault is None and look.metric in OF_TWO_CLASSES:
            strength = math.log(len(spans) / NEEDLESS)
            fault = _exchanged(labelled[inside], labelled[days < np.datetime64(since)], look, strength)
        if fault is not None:
            return replace(_without_values(fault) if look.is_private else fault, since=since)
    return None


def _explains(fault: Suspicion, regime: pd.DataFrame, look: LabelLook, found: Performance) -> bool:
    """Return whether a fault explains the error; of another unit by a small factor, that is seen with the predictions.

    Labels alone cannot tell a small factor from a change of the world.
    """
    factor = float(fault.numbers.get("factor", GREAT))
    is_whole = fault.kind == "unit_change" and fault.numbers.get("share") == 1
    if not is_whole or not 1 / GREAT < factor < GREAT:
        return True
    return is_restored(factor, regime, look.metric, found.bias)


def _also_of(others: pd.Series[float], labels: pd.Series[float], fault: Suspicion, look: LabelLook) -> Suspicion | None:
    """Return a fault of one day's classes, but None if they are as on the other days since: those have changed too."""
    if len(others) < max(look.fewest, 1):
        return fault
    return fault if _Labels(look.column, others).fault(labels, look.alpha) is not None else None


def _without_values(found: Suspicion) -> Suspicion:
    """Return a fault of labels that names none of them.

    >>> _without_values(Suspicion("stuck", ("plan",), "every row is 'a'", {"share": 1.0, "value": "a"})).sentence
    'stuck in plan (labels are not as they were)'
    """
    return replace(found, evidence="labels are not as they were", numbers={"share": found.numbers.get("share", 1.0)})


def regime_start(found: Performance) -> date:
    """Return the first day since an error has left its promise.

    >>> from tasks.records import Bounded
    >>> far = Bounded(2.0, 1.9, 2.1, expected=1.0, leeway=0.1)
    >>> regime_start(Performance(date(2026, 1, 1), date(2026, 1, 28), 90, far, far, regime_days=3)).day
    26
    """
    return found.end - timedelta(days=max((found.regime_days or 1) - 1, 0))


def labels_back(labelled: pd.DataFrame, look: LabelLook, suspected: Iterable[SuspicionState]) -> dict[str, date]:
    """Return the suspicions of the label that ended with its newest days, by name, with the last day in doubt."""
    over: dict[str, date] = {}
    mine = [state for state in suspected if state.open and state.columns == (look.column,)]
    if labelled.empty or not mine:
        return over
    days = days_of(labelled["event_date"])
    _, rows, named = numbered(days)
    counts = list(zip(named.astype(object), rows.tolist(), strict=True))
    for state in mine:
        newest = newest_window(counts, days=1, min_rows=max(look.fewest, 1), after=state.since)
        if newest is None:
            continue
        last = newest.start - timedelta(days=1)
        good = _between(labelled, days, state.since - KNOWN, state.since - timedelta(days=1))
        bad, now = (_between(labelled, days, *span) for span in ((state.since, last), (newest.start, newest.end)))
        if not min(map(len, (good, bad, now))):
            continue
        usual = _Labels(look.column, good, pd.concat([good, bad]))
        columns = [usual.profile(part).columns[look.column] for part in (good, bad, now)]
        if is_back(columns[0], columns[1], columns[2]):
            over[state.name] = last
    return over


def _exchanged(rows: pd.DataFrame, before: pd.DataFrame, look: LabelLook, strength: float) -> Suspicion | None:
    """Return that two classes have each other's name, where that is likelier than any change of the world.

    Parameters
    ----------
    strength : float
        The logarithm of how many times as likely it has to be.
    """
    now, then = _of_two_classes(rows), _of_two_classes(before)
    if now is None or then is None:
        return None
    wrong, usual_wrong = (int(((answer >= HALF) != (truth == 1)).sum()) for truth, answer in (now, then))
    usual = (usual_wrong + 1) / (len(then[0]) + 2)
    if exchange_factor(wrong, len(now[0]), usual) <= strength:
        return None
    truth, answer = now
    given, exchanged = (float(LOSSES[look.metric](labels, answer).mean()) for labels in (truth, 1 - truth))
    words = f"with 0 and 1 exchanged the error is {exchanged:.4g}, and not {given:.4g}"
    return Suspicion("renamed_category", (look.column,), words, {"share": 1.0})


def _of_two_classes(rows: pd.DataFrame) -> tuple[FloatArray, FloatArray] | None:
    """Return labels of 0 and 1 with their answers; None without any, or of others."""
    rows = rows[rows["label"].notna() & rows["prediction"].notna()]
    if rows.empty or not rows["label"].isin([0, 1]).all():
        return None
    return rows["label"].to_numpy(np.float64), rows["prediction"].to_numpy(np.float64)


class _Labels:
    """How labels were before: numbers, or the names of classes."""

    def __init__(self, column: str, before: pd.Series[float], known: pd.Series[float] | None = None) -> None:
        self.column = column
        self.numbers = pd.api.types.is_numeric_dtype(before) and before.nunique() > 2  # noqa: PLR2004 - classes 0, 1
        kinds: Mapping[str, list[str]] = {
            "numbers": [column] if self.numbers else [],
            "categories": [] if self.numbers else [column],
        }
        self.ruler = fit_ruler(self._frame(before if known is None else known), booleans=[], **kinds)
        self.before = self.profile(before)

    def _frame(self, labels: pd.Series[float]) -> pd.DataFrame:
        values = labels.astype(np.float64) if self.numbers else labels.astype(str)
        return pd.DataFrame({self.column: values.to_numpy()})

    def profile(self, labels: pd.Series[float]) -> TableProfile:
        return profile(self._frame(labels), self.ruler)

    def fault(self, labels: pd.Series[float], alpha: float) -> Suspicion | None:
        """Return the fault that is known from columns of rows; a label that moved within what is known has none."""
        if labels.empty:
            return None
        now = self.profile(labels)
        looked_at = (Statistic.LEVEL, *([Statistic.OUTSIDE] if self._apart(now, alpha) else []))
        past = [DriftStatistic(self.column, each, 1.0, 0.5) for each in looked_at]
        found = faults_of_columns(self.before, now, {self.column: past})
        return next((one for one in found if one.kind not in NOT_OF_LABELS), None)

    def _apart(self, now: TableProfile, alpha: float) -> bool:
        """Return whether more labels than by chance are beyond the range of those before, and the rest did not move.

        Where the rest moved too, those beyond the range are drift.
        """
        before, new = self.before.columns[self.column], now.columns[self.column]
        if not (isinstance(before, NumberProfile) and isinstance(new, NumberProfile)):
            return False
        usual, labels = weighted_values(before), weighted_values(new)
        below, above = usual.values[[0, -1]]  # noqa: PD011 - no frame
        beyond = np.array([labels.where(side).rows for side in (labels.values < below, labels.values > above)])  # noqa: PD011 - no frame
        rows, ones = np.full(2, labels.rows), np.ones(2)
        strains = rare_strain(beyond, rows, ones, np.full(2, usual.rows), alpha)
        rest = labels.where(~usual.beyond(labels.values))
        return bool(strains.max() > 1) and not (len(rest.values) and distributions_differ(usual, rest))


def _between(labelled: pd.DataFrame, days: np.ndarray, first: date, last: date) -> pd.Series[float]:
    return _known(labelled["label"][(days >= np.datetime64(first)) & (days <= np.datetime64(last))])


def _known(labels: pd.Series[float]) -> pd.Series[float]:
    """Return the labels that have a value."""
    labels = labels.dropna()
    return labels[np.isfinite(labels)] if pd.api.types.is_numeric_dtype(labels) else labels


def _dates(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
