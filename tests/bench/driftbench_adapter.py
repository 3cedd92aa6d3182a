"""Leeway's monitor behind the interface of a drift bench: fit on a reference, then one batch after another.

    python run.py path/to/tests/bench/driftbench_adapter.py:LeewayMonitor

Built on the rooms that the nightly uses, with the defaults of a spec: four false alarms a year, a night a batch.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pandas as pd

from tasks.drift import Hints, Leeway, RepeatedRows, build_reference, repeated_rows, row_hashes
from tasks.monitor.drift_kind import kind
from tasks.monitor.drift_monitor import DriftMonitor, InputDrift, LabelDrift
from tasks.monitor.prediction_drift.prediction_reference import answers
from tasks.monitor.slicing.slice_errors import Tally, local_errors, merged, slices, tolerance
from tasks.profiles import fit_ruler, profile
from tasks.records import LocalError
from tasks.spec.spec_sections.feature_sections import Features
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tasks.spec.spec_sections.privacy_sections import Privacy
from tasks.statistics import LOSSES

NIGHTS_PER_YEAR = 365.25
WORDS = {"both": "covariate", "none": None}


class LeewayMonitor:
    def fit(self, ref: pd.DataFrame, y: np.ndarray, yhat: np.ndarray, task: str, t: np.ndarray) -> None:
        policy = Monitoring()
        names = [str(name) for name in ref]
        booleans = [c for c in names if pd.api.types.is_bool_dtype(ref[c])]
        numbers = [c for c in names if pd.api.types.is_numeric_dtype(ref[c]) and c not in booleans]
        categories = [c for c in names if c not in {*numbers, *booleans}]
        self.ruler = fit_ruler(ref, numbers=numbers, categories=categories, booleans=booleans)
        days = pd.Series(pd.to_datetime(t)).dt.date
        reference = build_reference([(day.isoformat(), profile(part, self.ruler)) for day, part in ref.groupby(days)])
        leeway = Leeway(policy.effect, policy.false_alarms_per_year, NIGHTS_PER_YEAR)
        self.policy, self.metric = policy, _metric(y, yhat, task)
        features = Features(numbers=numbers, categories=categories, booleans=booleans)
        losses = LOSSES[self.metric](np.asarray(y, float), np.asarray(yhat, float))
        self.slices = slices(ref.assign(event_date=days.to_numpy()), losses, features, Privacy().min_category_count)
        known = answers(_rows(days, y, yhat), self.metric, binary=task == "classification")
        self.monitor = DriftMonitor(reference, leeway, 1, known, self._repeated(ref).share, self.slices is not None)
        self.memory = self.monitor.begin()
        self.tallies: deque[Tally] = deque(maxlen=policy.cohort_days)

    def update(self, batch: pd.DataFrame, yhat: np.ndarray, y: np.ndarray | None, t: np.ndarray) -> dict[str, Any]:
        day = pd.Timestamp(t[0]).date()
        known = self.monitor.answers
        self.memory, seen = self.monitor.inputs(
            self.memory,
            day,
            profile(batch, self.ruler),
            predictions=None if known is None else known.profile(np.asarray(yhat, dtype=np.float64)),
            hints=Hints(self._repeated(batch), self.monitor.repeated_before),
        )
        learnt, worse = None, tuple[LocalError, ...]()
        if known is not None and y is not None:
            self.memory, learnt = self.monitor.outcomes(self.memory, day, *known.sums(yhat, y))
            worse = self._worse(batch.assign(event_date=day), np.asarray(y, float), np.asarray(yhat, float))
        return self._answer(seen, learnt, worse)

    def _repeated(self, rows: pd.DataFrame) -> RepeatedRows:
        return repeated_rows(row_hashes(rows, self.ruler.categories))

    def _worse(self, batch: pd.DataFrame, y: np.ndarray, yhat: np.ndarray) -> tuple[LocalError, ...]:
        if self.slices is None:
            return ()
        self.tallies.append(self.slices.tally(batch, LOSSES[self.metric](y, yhat)))
        return local_errors(self.slices, merged(self.tallies), tolerance(self.policy, self.monitor.policy))

    def _answer(self, seen: InputDrift, learnt: LabelDrift | None, worse: tuple[LocalError, ...]) -> dict[str, Any]:
        local = [each for each in worse if each.strain > 1 and each.alone]
        alarms = [*seen.alarms, *(learnt.alarms if learnt else ())]
        found = str(kind(self.monitor.symptoms(seen, learnt, worse)))
        if found == "slice":  # the bench knows no local drift, only what it is of
            found = "concept" if local or (learnt and learnt.alarms) else "covariate"
        named = [name for one in seen.suspicions for name in one.columns]
        moved = [one.column for one in seen.moved if one.strain > 1]
        return {
            "alarm": bool(alarms or seen.suspicions or local),
            "kind": WORDS.get(found, found),
            "score": max([one.strain for one in (*seen.moved, *seen.predictions, *(learnt.moved if learnt else ()))]),
            "columns": list(dict.fromkeys([*named, *moved])),
            "why": [(one.column, one.statistic, round(one.strain, 2), one.creep) for one in alarms],
            "suspicions": seen.suspicions,
            "slices": local,
        }


def _rows(days: pd.Series, y: np.ndarray, yhat: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"event_date": days, "prediction": np.asarray(yhat, float), "label": np.asarray(y, float)})


def _metric(y: np.ndarray, yhat: np.ndarray, task: str) -> str:
    if task == "classification":
        return "brier_score"
    return "mean_absolute_log_error" if min(np.min(y), np.min(yhat)) > 0 else "mean_absolute_error"
