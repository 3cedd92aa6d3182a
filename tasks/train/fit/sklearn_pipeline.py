"""The scikit-learn pipeline: encodes columns as one matrix, preprocesses it for the estimator, and the estimator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.errors import DataError, Error
from tasks.features.row_failures import without_values as unquoted
from tasks.model import raw_scores as scores_of
from tasks.spec.project_spec import Privacy, ProjectSpec
from tasks.train.data.training_table import date_parts
from tasks.train.data.weighted_levels import weighted_median
from tasks.train.fit.estimators import build_estimator, fit_estimator, reads_missing_values, takes_weights
from tasks.train.model_search.recipes import Recipe
from tasks.user_code.row_attempts import described

MOST_CATEGORIES = 254  # trees have at most 255 bins a column; rarer categories are treated as missing
DAYS = "event time in days"  # the capped event time, if a recipe uses it
ENCODE, PREPARE, MODEL = "encode", "prepare", "model"


def fitted_pipeline(
    recipe: Recipe,
    spec: ProjectSpec,
    rows: tuple[pd.DataFrame, FloatArray],
    weights: FloatArray | None,
    counted: FloatArray | None = None,
) -> Any:
    """Return a fitted pipeline of two or three steps.

    encode    columns to one matrix in the schema's order: numbers, booleans, category codes, parts of dates and of the
              event time, capped days; missing and unknown values are NaN.
    prepare   for all but trees: medians for missing values, one column for each category, standard scale.
    model     the estimator. Boosting is fitted to squared error for numbers, log loss for classes.

    A fit uses one OpenMP thread: the result does not depend on the machine, and two spinning threads on a busy machine
    took ten times as long as one.

    Parameters
    ----------
    rows : (DataFrame, array)
        The features, and the target on the scale of the model.
    weights : array, optional
        How much each row counts in the fit, by its own weight and by the recipe.
    counted : array, optional
        How much each row counts by its own weight, for medians and scales.

    Raises
    ------
    SpecError
        The estimator does not exist.
    DataError
        The estimator does not accept the sample weights, or cannot be fitted to the rows.
    """
    from sklearn.pipeline import Pipeline

    columns, (features, target) = kept_columns(recipe, spec), rows
    numeric, categories = [*columns["numbers"], *columns["booleans"]], columns["categories"]
    times = [*(part.name for part in date_parts(spec, recipe.features)), *([DAYS] if DAYS in features else [])]
    codes = list(range(len(numeric), len(numeric) + len(categories)))
    steps = [(ENCODE, _encoder(features, numeric, categories, times))]
    if not reads_missing_values(recipe):
        steps.append((PREPARE, _preparation(len(numeric) + len(categories) + len(times), codes)))
    model = build_estimator(recipe, spec, codes)
    if weights is not None and not takes_weights(model):
        needs = f"recipe {recipe.name!r}" if counted is None else "scope.weight"
        other = "take 'recency' out of training.time_treatments, or " if counted is None else "take "
        raise DataError(
            f"found no sample_weight in {recipe.estimator!r}, which {needs} needs; {other}the estimator out of "
            "training.estimators."
        )
    steps.append((MODEL, model))
    constant = dict.fromkeys(without_values(features[[*numeric, *times]]), 0.0)
    pipeline, complete = Pipeline(steps), features.assign(**constant)
    with _one_thread(), _named_failures(recipe.estimator, len(features), spec.privacy):
        inputs = pipeline[:-1].fit_transform(complete, target)
        if counted is not None and PREPARE in pipeline.named_steps:
            _weigh(pipeline, complete, counted)
            inputs = pipeline[:-1].transform(complete)
        fit_estimator(model, (inputs, target), codes, weights)
    return pipeline


def without_values(features: pd.DataFrame) -> list[str]:
    """Return the columns that are missing in every row.

    Boosting cannot bin such a column. As a constant it is in no split, so the model ignores it whatever it is later.

    Examples
    --------
    >>> without_values(pd.DataFrame({"rain": [None, None], "wind": [None, 3.0]}))
    ['rain']
    """
    return [str(name) for name in features if features[name].isna().all()]


def raw_scores(pipeline: Any, features: pd.DataFrame) -> FloatArray:
    """Return raw scores: on the scale of the target for numbers, log odds for classes; (n,) or (n, k)."""
    model = type(pipeline[-1])
    with _one_thread(), _named_failures(f"{model.__module__}:{model.__name__}", len(features)):
        encoded = np.asarray(pipeline.named_steps[ENCODE].transform(features), dtype=np.float64)
        return scores_of(after_encoding(pipeline), encoded)


def after_encoding(pipeline: Any) -> Any:
    """Return the steps of a fitted pipeline after the encoding."""
    return pipeline[1:]


def kept_columns(recipe: Recipe, spec: ProjectSpec) -> dict[str, list[str]]:
    """Return the columns of a recipe, by kind."""
    names, kept = spec.features, recipe.features
    kinds = {
        "numbers": names.numbers,
        "booleans": names.booleans,
        "categories": names.categories,
        "dates": names.dates,
    }
    return {kind: [name for name in columns if kept is None or name in kept] for kind, columns in kinds.items()}


def category_tables(pipeline: Any, recipe: Recipe, spec: ProjectSpec) -> dict[str, tuple[str, ...]]:
    """Return the values of each category column in the order of their codes."""
    columns = kept_columns(recipe, spec)["categories"]
    if not columns:
        return {}
    encoder = pipeline.named_steps[ENCODE].named_transformers_["categories"]
    return {
        column: tuple(str(value) for value in values)
        for column, values in zip(columns, encoder.categories_, strict=True)
    }


def _encoder(features: pd.DataFrame, numeric: list[str], categories: list[str], times: list[str]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    parts: list[tuple[str, Any, list[str]]] = [("numbers", "passthrough", numeric)]
    if categories:
        encoder = OrdinalEncoder(
            categories=[_table(features[column]) for column in categories],
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
        )
        parts.append(("categories", encoder, categories))
    if times:
        parts.append(("time", "passthrough", times))
    return ColumnTransformer(parts)


def _preparation(count: int, codes: list[int]) -> Any:
    """Return the preprocessing of the matrix; the steps of the schema represent all of it."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [column for column in range(count) if column not in codes]
    scaled = Pipeline(
        [("fill", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())]
    )
    parts: list[tuple[str, Any, list[int]]] = [("numbers", scaled, numbers)] if numbers else []
    if codes:
        parts.append(("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), codes))
    return ColumnTransformer(parts)


def _weigh(pipeline: Any, features: pd.DataFrame, weights: FloatArray) -> None:
    """Fit the medians and the scales of a fitted preprocessing again, to rows that count differently."""
    encoded = np.asarray(pipeline.named_steps[ENCODE].transform(features), dtype=np.float64)
    for name, steps, columns in pipeline.named_steps[PREPARE].transformers_:
        if name != "numbers":
            continue
        fill, scale, numbers = steps.named_steps["fill"], steps.named_steps["scale"], encoded[:, columns]
        for index, known in enumerate(np.isfinite(numbers).T):
            if known.any():
                fill.statistics_[index] = weighted_median(numbers[known, index], weights[known])
        scale.fit(fill.transform(numbers), sample_weight=weights)


@contextmanager
def _named_failures(estimator: str, rows: int, privacy: Privacy | None = None) -> Iterator[None]:
    """Turn whatever an estimator raises into a DataError with its name; an estimator of the user's may raise anything.

    Parameters
    ----------
    privacy : Privacy, optional
        Says whether what it raises is hidden; not needed where it gets numbers only.

    Raises
    ------
    DataError
        When the estimator raises anything else.
    """
    hides = privacy or Privacy()
    try:
        yield
    except (Error, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - an estimator of the project may raise anything
        raise DataError(
            f"{estimator!r} cannot be used on {rows} training rows: {unquoted(described(error), hides)}. Take it out "
            "of training.estimators, or correct its parameters"
        ) from (None if hides.is_set else error)  # a traceback quotes it too


def _one_thread() -> AbstractContextManager[Any]:
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="openmp")
    return limits


def _table(values: pd.Series[Any]) -> list[str]:
    """Return the most frequent categories, sorted by name so that codes do not depend on the order of rows."""
    categories = sorted(str(value) for value in values.value_counts().index[:MOST_CATEGORIES])
    return categories or [""]  # an encoder needs at least one value; this one never occurs
