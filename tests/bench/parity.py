"""The largest difference between an exported and the trained model, for every exporter, over 100,000 rows and more.

Rows hold missing, infinite and extreme values, categories never seen, and values at and next to every threshold; what
registers a model makes them (`prove_parity`). `LEEWAY_BENCH_ROWS` makes it smaller for a quick look.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from rich.console import Console

from tasks.arrays import FloatArray
from tasks.model import EXPORTERS, ModelSchema, export_model, raw_scores
from tasks.model.export import parity
from tasks.model.input_matrix import input_matrix
from tests.bench.figures import Figures, Time
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized

ROWS = 100_000
TRAINED_ON = sized(5_000, 500)
TREES = sized(100, 5)
POINTS = sized(10_000, 100)  # at and next to thresholds, a column
CITIES = tuple(f"city {place:02d}" for place in range(30))
SCHEMA = ModelSchema(
    project="bench",
    task="regression",
    metric="mean_absolute_error",
    event_time="day",
    numbers=("a", "b", "c"),
    booleans=("flag",),
    categories={"city": CITIES},
)
NEWER: dict[str, dict[str, Any]] = {
    "LogisticRegressionCV": {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "accuracy"},
}


def bench_parity(console: Console) -> Figures:
    rows = rows_measured(ROWS)
    figures = Figures(f"parity on {rows:,} rows and more: seconds to fit, export and compare")
    frame = rows_of(rows)
    for name in EXPORTERS:
        for task in ("binary", "multiclass") if _classifies(name) else ("regression",):
            found: list[float] = []
            time = Time.of(partial(_keep_worst, found, name, task, frame))
            figures.add(f"{name}, {task}: at most {found[0]:.1e}", time)
            console.print(figures.lines[-1].what)
    return figures


def rows_of(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    made = pd.DataFrame(
        {
            "a": rng.normal(50, 20, count),
            "b": rng.exponential(3, count).round(2),
            "c": rng.integers(0, 9, count).astype(float),
            "flag": rng.random(count) < 0.3,
            "city": pd.array(rng.choice(CITIES, count), dtype="str"),
        }
    ).astype({"flag": "boolean"})
    return made.mask(rng.random(made.shape) < 0.05)


def _keep_worst(found: list[float], name: str, task: str, frame: pd.DataFrame) -> None:
    found.append(_worst(name, task, frame))


def _worst(name: str, task: Any, frame: pd.DataFrame) -> float:
    import warnings

    from threadpoolctl import threadpool_limits

    schema = ModelSchema(**{each: getattr(SCHEMA, each) for each in SCHEMA.__slots__} | {"task": task})
    known = frame.iloc[:TRAINED_ON]
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a solver has not converged
        fitted = _estimator(name).fit(input_matrix(known, schema), _target(input_matrix(known, schema), task))
        with patch.object(parity, "POINTS_PER_COLUMN", POINTS):
            return parity.prove_parity(
                export_model(fitted, schema), lambda rows: raw_scores(fitted, input_matrix(rows, schema)), frame
            ).difference


def _estimator(name: str) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.utils import all_estimators

    if name.startswith("LGBM"):
        import lightgbm

        return getattr(lightgbm, name)(n_estimators=TREES, random_state=0, verbose=-1)
    if name.startswith("XGB"):
        import xgboost

        kinds = {"enable_categorical": True, "feature_types": ["q", "q", "q", "q", "c"]}
        return getattr(xgboost, name)(n_estimators=TREES, random_state=0, n_jobs=1, **kinds)
    kind, options = dict(all_estimators())[name], NEWER.get(name, {})
    if name.startswith("HistGradientBoosting"):
        return kind(max_iter=TREES, categorical_features=[4], random_state=0)
    if name.startswith(("Random", "Extra")):
        return kind(n_estimators=TREES, random_state=0)
    if name.startswith("Decision"):
        return kind(random_state=0)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    parts = [
        ("numbers", numbers, [0, 1, 2, 3]),
        ("city", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [4]),
    ]
    return make_pipeline(ColumnTransformer(parts), kind(**options))


def _target(inputs: FloatArray, task: str) -> FloatArray:
    rng, known = np.random.default_rng(1), np.nan_to_num(inputs, nan=1.0)
    price = 200 + known[:, 0] * (1 + 0.1 * known[:, 4]) + 9 * known[:, 3] + rng.normal(0, 5, len(known))
    price = np.maximum(price, 1.0)
    if task == "regression":
        return price
    return np.digitize(price, np.quantile(price, [0.7] if task == "binary" else [0.3, 0.7])).astype(np.float64)


def _classifies(name: str) -> bool:
    return name.endswith("Classifier") or name.startswith("Logistic")
