"""Estimators: the scikit-learn object of a recipe, and the preprocessing that it needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import SpecError
from tasks.spec.field_types import QUANTILE_METRICS
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.spec_sections.training_sections import ESTIMATORS, LIGHTGBM, PARAMETERS_OF, XGBOOST
from tasks.train.model_search.recipes import BOOSTING, Recipe

FOREST_TREES = 100
CLASSES = {
    BOOSTING: ("sklearn.ensemble", "HistGradientBoosting"),
    "random_forest": ("sklearn.ensemble", "RandomForest"),
    "extra_trees": ("sklearn.ensemble", "ExtraTrees"),
}


def build_estimator(recipe: Recipe, spec: ProjectSpec, codes: list[int]) -> Any:
    """Build the estimator of a recipe, not fitted.

    The seed is that of the spec. Boosting runs all of its rounds, because early stopping would hold out a random part
    of the newest rows.

    Parameters
    ----------
    codes : list of int
        Indices of the columns with category codes.

    Raises
    ------
    SpecError
        The estimator does not exist, or has no such parameter.
    """
    parameters = {**_given(recipe, spec, codes), **dict(recipe.parameters)}
    estimator_class = _class(recipe, spec)
    try:
        estimator = estimator_class(**parameters)
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=spec.training.seed)
    except (TypeError, ValueError, AttributeError) as error:
        raise SpecError(
            [f"training.estimators: {recipe.estimator!r} with {parameters} is none ({error}); correct its parameters"]
        ) from error
    if recipe.estimator == BOOSTING:
        _bin_without_weights(estimator)
    return estimator


def reads_missing_values(recipe: Recipe) -> bool:
    """Return whether the estimator accepts missing values and codes, as trees do."""
    return recipe.estimator in CLASSES or recipe.estimator in PARAMETERS_OF


def fit_estimator(
    estimator: Any, rows: tuple[FloatArray, Any], codes: list[int], weights: FloatArray | None = None
) -> None:
    """Fit an estimator; those of other packages receive which columns have category codes.

    XGBoost learns the numbers of classes only; the names of several are kept with it as `class_names_`.

    Parameters
    ----------
    rows : (array, array)
        The inputs, and the target: numbers, or names of classes.
    codes : list of int
        Indices of the columns with category codes.
    """
    inputs, target = rows[0], np.asarray(rows[1])
    options: dict[str, Any] = {} if weights is None else {"sample_weight": weights}
    package = type(estimator).__module__.partition(".")[0]
    if package == "lightgbm" and codes:
        options["categorical_feature"] = codes
    if package == "xgboost":
        kinds = ["c" if column in codes else "q" for column in range(inputs.shape[1])]
        estimator.set_params(enable_categorical=True, feature_types=kinds)
        if target.dtype.kind not in "biuf":
            estimator.class_names_, target = np.unique(target, return_inverse=True)
    estimator.fit(inputs, target, **options)


def takes_weights(estimator: Any) -> bool:
    """Return whether the estimator accepts sample weights."""
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(estimator, "sample_weight"))


def _given(recipe: Recipe, spec: ProjectSpec, codes: list[int]) -> dict[str, Any]:
    if recipe.estimator == BOOSTING:
        quantile = QUANTILE_METRICS.get(spec.scope.metric)
        return ({} if quantile is None else {"loss": "quantile", "quantile": quantile}) | {
            "max_iter": recipe.iterations,
            "learning_rate": recipe.learning_rate,
            "categorical_features": codes or None,
            "early_stopping": False,
        }
    if recipe.estimator in CLASSES:
        return {"n_estimators": FOREST_TREES, "min_samples_leaf": 3, "n_jobs": 1}
    if recipe.estimator in LIGHTGBM:
        # A fit does not depend on the machine: one thread, and histograms built in one way.
        return {"n_jobs": 1, "verbosity": -1, "deterministic": True, "force_row_wise": True}
    if recipe.estimator in XGBOOST:
        return {"n_jobs": 1, "verbosity": 0, "tree_method": "hist", "device": "cpu"}
    linear_classifier = recipe.estimator == "linear" and spec.training.task != "regression"
    return {"max_iter": 1000} if linear_classifier else {}


def _class(recipe: Recipe, spec: ProjectSpec) -> Any:
    regression = spec.training.task == "regression"
    if recipe.estimator == "linear":
        module, name = "sklearn.linear_model", "Ridge" if regression else "LogisticRegression"
    elif recipe.estimator in CLASSES:
        module, base = CLASSES[recipe.estimator]
        name = base + ("Regressor" if regression else "Classifier")
    else:
        module, _, name = recipe.estimator.partition(":")
    try:
        return _estimator_class(module, name)
    except (ImportError, OSError, AttributeError, TypeError) as error:
        if recipe.estimator in PARAMETERS_OF:
            wanted = f"{recipe.estimator!r} needs its package ({error}); install `leeway[{module}]` and libgomp"
            raise SpecError([f"training.estimators: {wanted}"]) from error
        expected = f"{', '.join(ESTIMATORS)}, or a class of scikit-learn as 'sklearn.module:Class'"
        raise SpecError(
            [f"training.estimators: found {recipe.estimator!r}, but {error}; expected {expected}"]
        ) from error


def _estimator_class(module: str, name: str) -> Any:
    """Return a class of scikit-learn, or a known one of another package: no other is imported, as the spec is no code.

    >>> _estimator_class("sklearn.linear_model", "Ridge").__name__
    'Ridge'
    >>> _estimator_class("sklearn.datasets", "fetch_openml")
    Traceback (most recent call last):
    TypeError: it is no estimator
    """
    from sklearn.base import BaseEstimator

    if module.partition(".")[0] != "sklearn" and f"{module}:{name}" not in PARAMETERS_OF:
        raise ImportError("it is not in scikit-learn")
    found = getattr(import_module(module), name)
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise TypeError("it is no estimator")
    return found


def _bin_without_weights(trees: Any) -> None:
    """Use weights in the splits but not in the bins: weighted bins take longer than the trees."""
    binned = trees._bin_data  # noqa: SLF001 - no public way

    def without_weights(inputs: Any, *weights: Any, is_training_data: bool) -> Any:
        return binned(inputs, *[None for _ in weights], is_training_data=is_training_data)

    trees._bin_data = without_weights  # noqa: SLF001 - the same
