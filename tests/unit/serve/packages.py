"""Versions that the tests serve: small models of every kind, packaged from what the nightly batch answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flows.serving.package_version import packaged
from flows.steps.in_service.single_rows import row_terms
from tasks.inference.schema_parts import Calibration, DatePart, TimeFeature
from tasks.model import ModelSchema, Predictor, export_model, fit_deferral, model_files
from tasks.model.input_matrix import input_matrix
from tasks.registry.manifest import seal, verify
from tasks.registry.statement import Statement
from tasks.registry.versions import Version
from tasks.serve.processes.shared_counters import CounterLayout, SharedCounters, WorkerCounters, shared_memory
from tasks.serving_store import ServablePackage
from tasks.spec import ProjectSpec
from tasks.train.fit.estimators import fit_estimator

MOMENT = datetime(2026, 11, 20, 3, tzinfo=UTC)
CITIES = ("Aachen", "Bonn", "Celle", "Dresden")
KEY = Ed25519PrivateKey.generate()
RULES = [
    ("expect_column_values_to_not_be_null", {"column": "area"}),
    ("expect_column_values_to_be_between", {"column": "area", "min_value": -1000, "max_value": 1000}),
    ("expect_column_values_to_match_regex", {"column": "city", "regex": "^[A-Z ]|^u"}),
    ("expect_column_value_lengths_to_be_between", {"column": "city", "min_value": 2, "max_value": 30}),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "area", "column_B": "rooms", "ignore_row_if": "either_value_is_missing"},
    ),
]


ROW = {"flat": 7, "day": "2026-02-03", "area": 71.5, "rooms": 3, "garden": True, "city": "Bonn", "built": "2001-02-03"}
SPEC_TEXT = """
project: {project}
scope: {{owner: me, objective: A test., metric: mean_absolute_error}}
source:
  uri: landing
  id: [flat, day]
  event_time: day
  label: {{column: price, uri: prices}}
features: {{numbers: [area, rooms], booleans: [garden], categories: [city], dates: [built]}}
automation: {{degree: partial}}
schedule: {{time_zone: America/Los_Angeles}}
"""


def spec_of(project: str = "flats", **changes: Any) -> ProjectSpec:
    """Return the spec of flats: two numbers, a boolean, a city, and a date."""
    content = yaml.safe_load(SPEC_TEXT.format(project=project))
    return ProjectSpec.model_validate(content | changes)


def rows_of_flats(count: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return typed rows, as the model learns from them."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "area": rng.normal(70, 20, count),
            "rooms": rng.integers(1, 6, count).astype(float),
            "garden": pd.array(rng.random(count) < 0.4, dtype="boolean"),
            "city": pd.array(rng.choice(CITIES, count), dtype="str"),
            "built": pd.Timestamp("2000-01-01") + pd.to_timedelta(rng.integers(0, 9000, count), unit="D"),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, count), unit="D"),
        }
    )
    for name in ("rooms", "garden", "city"):
        made.loc[rng.random(count) < 0.1, name] = None
    return made.sort_values("day", ignore_index=True)


def schema_of(task: Any = "regression", **parts: Any) -> ModelSchema:
    """Return the schema of flats, with parts of dates and the event time."""
    return ModelSchema(
        project="flats",
        task=task,
        metric="mean_absolute_error" if task == "regression" else "log_loss",
        event_time="day",
        numbers=("area", "rooms"),
        booleans=("garden",),
        categories={"city": CITIES},
        dates=tuple(DatePart("built", kind) for kind in ("days", "year", "month", "day_of_year", "weekday", "hour")),
        time=TimeFeature("2026-01-01", 250.5),
        **parts,
    )


def fitted(kind: str, project: str = "flats") -> Predictor:
    """Return a small model: trees, calibrated, of classes, linear, a forest, or XGBoost; the first two defer rows."""
    model = _fitted(kind)
    return replace(model, schema=replace(model.schema, project=project))


def _fitted(kind: str) -> Predictor:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = rows_of_flats()
    area = rows["area"].to_numpy() + np.random.default_rng(1).normal(0, 15, len(rows))
    if kind == "regression":
        schema = schema_of(link="exp", offset=0.02)
        inputs = input_matrix(rows, schema)
        model = export_model(HistGradientBoostingRegressor(max_iter=15).fit(inputs, np.log(1 + np.abs(area))), schema)
        errors = np.abs(model.predict(rows) - 1 - np.abs(area))
        rule = fit_deferral(model, rows, errors, target_error=20.0, leading=["area"])
        return replace(model, schema=replace(model.schema, deferral=replace(rule, threshold=-float(np.mean(errors)))))
    if kind == "linear":
        schema = schema_of()
        pipeline = make_pipeline(SimpleImputer(), StandardScaler(), Ridge())
        return export_model(pipeline.fit(input_matrix(rows, schema), area), schema)
    several = kind in {"multiclass", "xgboost"}
    schema = schema_of("multiclass" if several else "binary")
    inputs, cuts = input_matrix(rows, schema), [55.0, 85.0] if several else [70.0]
    target = np.array(["low", "middle", "high"])[np.digitize(area, cuts)] if several else (area > 70) * 1.0
    if kind == "xgboost":
        from xgboost import XGBClassifier

        classifier = XGBClassifier(n_estimators=8, n_jobs=1)
        fit_estimator(classifier, (inputs, target), [3])
        return export_model(classifier, schema)
    estimator: Any = HistGradientBoostingClassifier(max_iter=8)
    if kind == "forest":
        estimator = make_pipeline(SimpleImputer(), RandomForestClassifier(5, max_depth=4, random_state=0))
    model = export_model(estimator.fit(inputs, target), schema)
    if kind == "binary":
        rule = fit_deferral(model, rows, np.zeros(len(rows)), target_error=0.1)
        calibrated = replace(
            model.schema,
            calibration=(Calibration("isotonic", scores=(-1.0, 0.0, 1.0), probabilities=(0.1, 0.4, 0.9)),),
            threshold=0.3,
            deferral=replace(rule, threshold=0.62),
        )
        return replace(model, schema=calibrated)
    return model


def write_suite(folder: Path, rules: Any = RULES) -> None:
    """Write the suite of flats."""
    expectations = [{"type": rule, "kwargs": limits, "severity": "critical"} for rule, limits in rules]
    content = {"name": "flats", "expectations": expectations}
    (folder / "expectations.json").write_text(json.dumps(content), encoding="utf-8")


def sealed(model: Predictor, key: str) -> dict[str, bytes]:
    """Return the signed files of a version."""
    about = {"project": model.schema.project, "key": key}
    return seal(model_files(model), about, KEY, Statement("a run", MOMENT))


def version_of(number: int, key: str) -> Version:
    """Return the record of a version."""
    return Version("flats", number, "a run", {"leeway.key": key}, (), MOMENT, "")


def package_of(
    folder: Path, model: Predictor, number: int = 1, **changes: Any
) -> tuple[ServablePackage, Mapping[str, bytes]]:
    """Return the package of a model, and the signed files of its version."""
    key = f"flats/{number}"
    files, spec = sealed(model, key), spec_of(**changes)
    signed = verify(files, [KEY.public_key()], {"project": "flats", "key": key})
    return packaged(version_of(number, key), files, signed, row_terms(spec, folder), MOMENT), files


def counters_of(project: str) -> WorkerCounters:
    """Return the counters of the only worker of a service."""
    layout = CounterLayout([project], 1)
    descriptor = shared_memory(layout)
    shared = SharedCounters(layout, descriptor)
    os.close(descriptor)
    return WorkerCounters(shared, 0)
