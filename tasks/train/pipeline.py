"""The scikit-learn pipeline: an encoder whose category tables become the model's, and gradient-boosted trees."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pandas as pd

from tasks.model.matrix import FloatArray
from tasks.spec.models import ProjectSpec
from tasks.train.recipes import Recipe

MOST_CATEGORIES = 254  # the trees hold at most 255 bins a column; rarer categories are treated as missing
DAYS = "event time in days"  # the held event time, when a recipe uses it


def fitted_pipeline(
    recipe: Recipe, spec: ProjectSpec, features: pd.DataFrame, target: FloatArray, weights: FloatArray | None
) -> Any:
    """Return a fitted pipeline: columns to one matrix (numbers, booleans, category codes, held days), then trees.

    The trees are fitted to squared error for numbers, log loss for a binary label; without early stopping, because a
    random part of the newest rows would be lost to it. One OpenMP thread a fit: the answer does not depend on the
    machine, and two spinning threads on a busy machine took ten times as long as one.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    names = spec.features
    plain = [*names.numbers, *names.booleans]
    parts: list[tuple[str, Any, list[str]]] = [("numbers", "passthrough", plain)]
    if names.categories:
        encoder = OrdinalEncoder(
            categories=[_table(features[column]) for column in names.categories],
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
        )
        parts.append(("categories", encoder, names.categories))
    if DAYS in features:
        parts.append(("time", "passthrough", [DAYS]))
    codes = list(range(len(plain), len(plain) + len(names.categories)))
    trees = _trees(recipe, spec, codes)
    pipeline = Pipeline([("encode", ColumnTransformer(parts)), ("trees", trees)])
    with _one_thread():
        return pipeline.fit(features, target, trees__sample_weight=weights)


def raw_scores(pipeline: Any, features: pd.DataFrame) -> FloatArray:
    """Return the trees' raw scores: the target's scale for numbers, log odds for a binary label."""
    score = getattr(pipeline, "decision_function", None) or pipeline.predict
    with _one_thread():
        return np.asarray(score(features), dtype=np.float64).ravel()


def category_tables(pipeline: Any, spec: ProjectSpec) -> dict[str, tuple[str, ...]]:
    """Return each category column's values in the order of the codes the encoder gave them."""
    if not spec.features.categories:
        return {}
    encoder = pipeline.named_steps["encode"].named_transformers_["categories"]
    return {
        column: tuple(str(value) for value in values)
        for column, values in zip(spec.features.categories, encoder.categories_, strict=True)
    }


def _trees(recipe: Recipe, spec: ProjectSpec, codes: list[int]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kinds = {"regression": HistGradientBoostingRegressor, "binary": HistGradientBoostingClassifier}
    trees = kinds[spec.training.task](
        max_iter=recipe.iterations,
        learning_rate=recipe.learning_rate,
        categorical_features=codes or None,
        early_stopping=False,
        random_state=spec.training.seed,
    )
    _bin_all_rows_alike(trees)
    return trees


def _bin_all_rows_alike(trees: Any) -> None:
    """Let weights count in the splits but not in the bins: weighted bins take longer than the trees themselves."""
    binned = trees._bin_data  # noqa: SLF001 - no public way

    def without_weights(inputs: Any, *weights: Any, is_training_data: bool) -> Any:
        return binned(inputs, *[None for _ in weights], is_training_data=is_training_data)

    trees._bin_data = without_weights  # noqa: SLF001 - the same


def _one_thread() -> AbstractContextManager[Any]:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no types

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="openmp")
    return limits


def _table(values: pd.Series[Any]) -> list[str]:
    """Return the commonest categories, sorted by name so that codes do not depend on the order of rows."""
    known = sorted(str(value) for value in values.value_counts().index[:MOST_CATEGORIES])
    return known or [""]  # an encoder needs one value; the trees never see this one
