"""Fitting: a recipe on all matured rows becomes a portable model whose answers are proven."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.model import ModelSchema, Predictor, TimeFeature, export_model, prove_parity
from tasks.spec.project_spec import ProjectSpec
from tasks.train.assessment.forward_validation import link, newest_day
from tasks.train.data.training_table import TrainingTable, date_parts, feature_frame, training_table
from tasks.train.fit.calibration import FittedCalibration
from tasks.train.fit.recipe_fit import FitCache, FittedRecipe
from tasks.train.fit.sklearn_pipeline import after_encoding, category_tables, kept_columns
from tasks.train.model_search.recipes import Recipe

PARITY_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A trained model that may leave the room.

    Attributes
    ----------
    parity : float
        Largest difference between the portable and the trained model, on the model's scale.
    rows : int
        Rows learned from.
    trained_from, trained_until : date
        First and last event date learned from.
    """

    recipe: Recipe
    portable: Predictor
    parity: float
    rows: int
    trained_from: date
    trained_until: date


def fit_model(
    recipe: Recipe, rows: pd.DataFrame, spec: ProjectSpec, as_of: date, finish: FittedCalibration | None = None
) -> FittedModel:
    """Return the recipe fitted on every row whose label was known on a night.

    Same rows, same seed: same model.

    Parameters
    ----------
    finish : Finish, optional
        Calibration and threshold that forward validation found for this recipe.

    Raises
    ------
    DataError
        Nothing had matured, a column or label cannot be used, or a class has no row.
    ParityError
        The portable model does not answer as the trained one.
    """
    return fit_from_cache(FitCache(training_table(rows, spec), spec), recipe, as_of, finish)


def fit_on_all_rows(recipe: Recipe, finish: FittedCalibration, known: pd.DataFrame, spec: ProjectSpec) -> FittedModel:
    """Return a proven recipe fitted on every labelled row there is: what is released, and what is repeated.

    Parameters
    ----------
    known : DataFrame
        Labelled rows with `event_date`; those of the newest day count too, since their labels are here.
    """
    as_of = max(known["event_date"]) + timedelta(days=spec.source.label.delay_days)
    return fit_model(recipe, known, spec, as_of, finish)


def fit_from_cache(
    cache: FitCache, recipe: Recipe, as_of: date, finish: FittedCalibration | None = None
) -> FittedModel:
    """Return `fit_model` on rows that are already read."""
    rows, until = cache.rows, newest_day(cache, as_of)
    learned = cache.fitted_recipe(recipe, until)
    known = cache.learning_rows(recipe, until, None)
    first, last = rows.date_of(known.days.min()), rows.date_of(until)
    schema = _schema(learned, cache, (first, last))
    plain = export_model(after_encoding(learned.pipeline), schema)
    parity = _parity(plain, learned, cache)
    portable = replace_schema(plain, classes=rows.classes or plain.schema.classes)
    if finish is not None:
        portable = replace_schema(portable, calibration=finish.calibration, threshold=finish.threshold)
    return FittedModel(recipe, portable, parity, learned.rows, first, last)


def replace_schema(model: Predictor, **changes: object) -> Predictor:
    """Return the same model with other words in its schema."""
    return replace(model, schema=replace(model.schema, **changes))  # type: ignore[arg-type]  # both are dataclasses


def _schema(learned: FittedRecipe, cache: FitCache, trained: tuple[date, date]) -> ModelSchema:
    spec, held, kept = cache.spec, learned.held_at_days, kept_columns(learned.recipe, cache.spec)
    return ModelSchema(
        project=spec.project,
        task=spec.training.task,
        metric=spec.scope.metric,
        event_time=spec.source.event_time,
        numbers=tuple(kept["numbers"]),
        booleans=tuple(kept["booleans"]),
        categories=category_tables(learned.pipeline, learned.recipe, spec),
        time=None if held is None else TimeFeature(cache.rows.origin.isoformat(), held),
        offset=learned.offset,
        link=link(spec),
        function=spec.features.function,
        trained_from=trained[0].isoformat(),
        trained_until=trained[1].isoformat(),
        recipe=learned.recipe.described(),
        dates=date_parts(spec, learned.recipe.features),
    )


def _parity(model: Predictor, learned: FittedRecipe, cache: FitCache) -> float:
    rows, event_time = cache.rows, cache.spec.source.event_time
    sample = np.random.default_rng(cache.spec.training.seed).permutation(len(rows))[:PARITY_ROWS]
    moments = pd.Timestamp(rows.origin) + pd.to_timedelta(rows.days[sample], unit="D")
    frame = rows.features.iloc[sample].assign(**{event_time: moments})

    def reference(hard: pd.DataFrame) -> FloatArray:
        days = np.zeros(len(hard)) if learned.held_at_days is None else _days(hard[event_time], rows)
        blank = np.zeros(len(hard))
        return learned.score(TrainingTable(feature_frame(hard, cache.spec), days, blank, blank, rows.origin))

    return prove_parity(model, reference, frame)


def _days(moments: pd.Series[pd.Timestamp], rows: TrainingTable) -> FloatArray:
    """Return days since the table's origin, by calendar arithmetic of its own."""
    return np.asarray((moments - pd.Timestamp(rows.origin)) / pd.Timedelta(days=1), dtype=np.float64)
