"""Fits a recipe to all matured rows and exports it as a portable model with proven parity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.model import ModelSchema, ParityProof, Predictor, TimeFeature, export_model, prove_parity
from tasks.spec.project_spec import ProjectSpec
from tasks.train.assessment.forward_validation import link, newest_day
from tasks.train.data.training_table import TrainingTable, date_parts, feature_frame, training_table
from tasks.train.fit.calibration import FittedCalibration
from tasks.train.fit.recipe_fit import FitCache, FittedRecipe
from tasks.train.fit.sklearn_pipeline import after_encoding, category_tables, kept_columns
from tasks.train.model_search.recipes import Recipe

PARITY_ROWS = 10_000
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A trained and exported model.

    Attributes
    ----------
    parity : float
        Largest difference between the portable and the trained model, on the scale of the model.
    rows : int
        Training rows.
    trained_from, trained_until : date
        First and last event date of the training rows.
    """

    recipe: Recipe
    portable: Predictor
    parity: float
    rows: int
    trained_from: date
    trained_until: date


def fit_model(
    recipe: Recipe, rows: pd.DataFrame, spec: ProjectSpec, as_of: date, calibration: FittedCalibration | None = None
) -> FittedModel:
    """Fit a recipe to every row with a label known on a night.

    Equal rows and seeds give equal models.

    Parameters
    ----------
    calibration : FittedCalibration, optional
        Calibration and threshold of this recipe, from forward validation.

    Raises
    ------
    DataError
        No row had matured, a column or label cannot be used, or a class has no row.
    ParityError
        The portable model does not predict as the trained one.
    """
    return fit_from_cache(FitCache(training_table(rows, spec), spec), recipe, as_of, calibration)


def fit_on_all_rows(
    recipe: Recipe, calibration: FittedCalibration, known: pd.DataFrame, spec: ProjectSpec
) -> FittedModel:
    """Fit a recipe to all labelled rows, for a release or to reproduce one.

    Parameters
    ----------
    known : DataFrame
        Labelled rows with `event_date`, including those of the newest day.
    """
    as_of = max(known["event_date"]) + timedelta(days=spec.source.label.delay_days)
    return fit_model(recipe, known, spec, as_of, calibration)


def fit_from_cache(
    cache: FitCache, recipe: Recipe, as_of: date, calibration: FittedCalibration | None = None
) -> FittedModel:
    """Fit a model as `fit_model` does, on cached rows and fits."""
    rows, until = cache.rows, newest_day(cache, as_of)
    fitted = cache.fitted_recipe(recipe, until)
    learning_rows = cache.learning_rows(recipe, until, None)
    first, last = rows.date_of(learning_rows.days.min()), rows.date_of(until)
    schema = _schema(fitted, cache, (first, last))
    exported = export_model(after_encoding(fitted.pipeline), schema)
    exported, parity = _parity(exported, fitted, cache)
    portable = replace_schema(exported, classes=rows.classes or exported.schema.classes)
    if calibration is not None:
        reach = None if calibration.reach is None else calibration.reach.interval(portable.schema)
        tables = calibration.tables_for(rows.classes)
        portable = replace_schema(portable, calibration=tables, threshold=calibration.threshold, interval=reach)
    return FittedModel(recipe, portable, parity, fitted.rows, first, last)


def replace_schema(model: Predictor, **changes: object) -> Predictor:
    """Return the same model with a changed schema."""
    return replace(model, schema=replace(model.schema, **changes))  # type: ignore[arg-type]  # both are dataclasses


def _schema(fitted: FittedRecipe, cache: FitCache, trained: tuple[date, date]) -> ModelSchema:
    spec, held_days, columns = cache.spec, fitted.held_at_days, kept_columns(fitted.recipe, cache.spec)
    return ModelSchema(
        project=spec.project,
        task=spec.training.task,
        metric=spec.scope.metric,
        event_time=spec.source.event_time,
        numbers=tuple(columns["numbers"]),
        booleans=tuple(columns["booleans"]),
        categories=category_tables(fitted.pipeline, fitted.recipe, spec),
        time=None if held_days is None else TimeFeature(cache.rows.origin.isoformat(), held_days),
        offset=fitted.offset,
        link=link(spec),
        function=spec.row_function,
        trained_from=trained[0].isoformat(),
        trained_until=trained[1].isoformat(),
        recipe=fitted.recipe.described(),
        dates=date_parts(spec, fitted.recipe.features),
    )


def _parity(model: Predictor, fitted: FittedRecipe, cache: FitCache) -> ParityProof:
    rows, event_time = cache.rows, cache.spec.source.event_time
    sample = np.random.default_rng(cache.spec.training.seed).permutation(len(rows))[:PARITY_ROWS]
    moments = np.datetime64(rows.origin, "us") + np.rint(rows.days[sample] * DAY_US).astype("timedelta64[us]")
    frame = rows.features.iloc[sample].assign(**{event_time: moments})

    def reference(hard: pd.DataFrame) -> FloatArray:
        days = np.zeros(len(hard)) if fitted.held_at_days is None else _days(hard[event_time], rows)
        blank = np.zeros(len(hard))
        return fitted.score(TrainingTable(feature_frame(hard, cache.spec), days, blank, blank, rows.origin))

    return prove_parity(model, reference, frame)


def _days(moments: pd.Series[pd.Timestamp], rows: TrainingTable) -> FloatArray:
    """Return days since the origin of the table, computed independently of the export."""
    return np.asarray((moments - pd.Timestamp(rows.origin)) / pd.Timedelta(days=1), dtype=np.float64)
