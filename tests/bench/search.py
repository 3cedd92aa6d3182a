"""What a search costs in addition to its fits: seconds of orchestration per trial against the same estimators fitted
bare."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from tasks.spec.project_spec import ProjectSpec
from tasks.train.assessment.forward_validation import newest_day
from tasks.train.data.training_table import TrainingTable, training_table
from tasks.train.fit.estimators import build_estimator
from tasks.train.fit.recipe_fit import FitCache
from tasks.train.model_search.search import search_recipes
from tasks.train.model_search.search_options import SearchOptions, TrialResult
from tests.bench.figures import Figures, Time
from tests.bench.sizes import sized

TRIALS, DAYS, ROWS_A_DAY, FIRST = sized(16, 2), 150, sized(20, 4), date(2026, 1, 1)
NUMBERS = [f"number_{place}" for place in range(10)]
SPEC = ProjectSpec.model_validate(
    {
        "project": "searched",
        "scope": {"owner": "bench", "objective": "demand", "metric": "mean_absolute_error", "training_minutes": 60},
        "source": {"uri": "in", "id": ["id"], "event_time": "day", "label": {"column": "demand"}},
        "features": {"numbers": NUMBERS},
        "split": {"folds": sized(3, 1), "fold_days": 14},
        "training": {"trials": TRIALS, "time_treatments": ["all_history"], "iterations": [sized(200, 20)]},
    }
)


def bench_search(_console: Console) -> Figures:
    """Time a search in memory and in a journal file, and the same fits with scikit-learn alone."""
    cache, as_of = FitCache(training_table(_rows(), SPEC), SPEC), FIRST + timedelta(days=DAYS)
    found: list[TrialResult] = []

    def search(storage: str | None) -> Callable[[], None]:
        return lambda: found.extend(search_recipes(cache, as_of, SearchOptions(storage=storage), math.inf, map))

    search(None)()  # imports what is imported once
    trials = tuple(found)
    fits = sum(len(trial.folds) for trial in trials)
    figures = Figures(f"search ({TRIALS} trials, {fits} fits of up to {DAYS * ROWS_A_DAY:,} rows)")
    floor = "bare scikit-learn fits, a trial"
    with TemporaryDirectory() as folder:
        for where, storage in (("in memory", None), ("in a journal file", str(Path(folder) / "journal.log"))):
            found.clear()
            whole = Time.of(search(storage))
            outside = Time(whole.seconds - sum(trial.seconds for trial in found))
            figures.add(f"search {where}, a trial", _per_trial(whole), floor)
            figures.add(f"of it outside fits and scores, {where}", _per_trial(outside), floor)
    figures.add(floor, _per_trial(Time.of(lambda: _bare(trials, cache.rows, newest_day(cache, as_of)))))
    return figures


def _bare(trials: tuple[TrialResult, ...], rows: TrainingTable, newest: int) -> None:
    """Fit and predict every fold the search tried, on ready matrices."""
    from threadpoolctl import threadpool_limits

    matrix: Any = rows.features.to_numpy()
    for trial in trials:
        for place in range(len(trial.folds)):
            start = newest - (place + 1) * SPEC.split.fold_days + 1
            known = rows.days < start
            scored = (rows.days >= start) & (rows.days < start + SPEC.split.fold_days)
            with threadpool_limits(1, user_api="openmp"):
                build_estimator(trial.recipe, SPEC, []).fit(matrix[known], rows.target[known]).predict(matrix[scored])


def _per_trial(whole: Time) -> Time:
    return Time(whole.seconds / TRIALS, None if whole.cpu_seconds is None else whole.cpu_seconds / TRIALS)


def _rows() -> pd.DataFrame:
    rng, day = np.random.default_rng(0), np.repeat(np.arange(DAYS), ROWS_A_DAY)
    values = rng.normal(size=(day.size, len(NUMBERS)))
    rows = pd.DataFrame(values, columns=NUMBERS)
    rows["day"] = pd.Timestamp(FIRST) + pd.to_timedelta(day, unit="D")
    rows["demand"] = np.sin(values[:, 0]) + values[:, 1] * values[:, 2] + rng.normal(scale=0.3, size=day.size)
    return rows
