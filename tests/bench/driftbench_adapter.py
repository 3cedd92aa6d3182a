"""Leeway's watch behind the interface of a drift bench: fit on a reference, then one batch after another.

    python run.py path/to/tests/bench/driftbench_adapter.py:LeewayMonitor

Built on the rooms that the nightly uses, with the defaults of a spec: four false alarms a year, a night a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks.drift import Leeway, duplicate_share, reference_of
from tasks.monitor.answers import Answers, answers
from tasks.monitor.kinds import kind
from tasks.monitor.watch import Learnt, Seen, Watch
from tasks.profiles import fit_ruler, profile
from tasks.spec.policy import Monitoring

NIGHTS_PER_YEAR = 365.25
WORDS = {"both": "covariate", "slice": "concept", "none": None}


class LeewayMonitor:
    def fit(self, ref: pd.DataFrame, y: np.ndarray, yhat: np.ndarray, task: str, t: np.ndarray) -> None:
        policy = Monitoring()
        names = [str(name) for name in ref]
        booleans = [c for c in names if pd.api.types.is_bool_dtype(ref[c])]
        numbers = [c for c in names if pd.api.types.is_numeric_dtype(ref[c]) and c not in booleans]
        categories = [c for c in names if c not in {*numbers, *booleans}]
        self.ruler = fit_ruler(ref, numbers=numbers, categories=categories, booleans=booleans)
        days = pd.Series(pd.to_datetime(t)).dt.date
        reference = reference_of([(day.isoformat(), profile(part, self.ruler)) for day, part in ref.groupby(days)])
        leeway = Leeway(policy.effect, policy.false_alarms_per_year, NIGHTS_PER_YEAR)
        self.watch = Watch(reference, leeway, 1, _answers(days, y, yhat, task), duplicate_share(ref))
        self.memory = self.watch.begin()

    def update(self, batch: pd.DataFrame, yhat: np.ndarray, y: np.ndarray | None, t: np.ndarray) -> dict[str, Any]:
        day = pd.Timestamp(t[0]).date()
        known = self.watch.answers
        self.memory, seen = self.watch.inputs(
            self.memory,
            day,
            profile(batch, self.ruler),
            predictions=None if known is None else known.profile(np.asarray(yhat, dtype=np.float64)),
            repeated=duplicate_share(batch),
        )
        learnt = None
        if known is not None and y is not None:
            self.memory, learnt = self.watch.outcomes(self.memory, day, *known.sums(yhat, y))
        return self._answer(seen, learnt)

    def _answer(self, seen: Seen, learnt: Learnt | None) -> dict[str, Any]:
        alarms = [*seen.alarms, *(learnt.alarms if learnt else ())]
        found = kind(self.watch.evidence(seen, learnt))
        named = [name for one in seen.suspicions for name in one.columns]
        moved = [one.column for one in seen.moved if one.strain > 1]
        return {
            "alarm": bool(alarms or seen.suspicions),
            "kind": WORDS.get(found, found),
            "score": max([one.strain for one in (*seen.moved, *seen.predictions, *(learnt.moved if learnt else ()))]),
            "columns": list(dict.fromkeys([*named, *moved])),
            "why": [(one.column, one.statistic, round(one.strain, 2), one.creep) for one in alarms],
            "suspicions": seen.suspicions,
        }


def _answers(days: pd.Series, y: np.ndarray, yhat: np.ndarray, task: str) -> Answers | None:
    rows = pd.DataFrame({"event_date": days, "prediction": np.asarray(yhat, float), "label": np.asarray(y, float)})
    if task == "classification":
        return answers(rows, "brier_score", binary=True)
    positive = bool((rows[["prediction", "label"]] > 0).all(axis=None))
    return answers(rows, "mean_absolute_log_error" if positive else "mean_absolute_error", binary=False)
