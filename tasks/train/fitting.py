"""Fitting: a recipe on all matured rows becomes a portable model whose answers are proven."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from tasks.model.matrix import FloatArray
from tasks.model.parity import prove_parity
from tasks.model.portable import PortableModel
from tasks.model.schema import Link, ModelSchema, TimeFeature
from tasks.model.trees import tree_ensemble
from tasks.spec.models import ProjectSpec
from tasks.train.learning import Learned, Workshop
from tasks.train.pipeline import category_tables
from tasks.train.recipes import Recipe
from tasks.train.table import Table, table
from tasks.train.validation import link, newest_day

PARITY_ROWS = 500


@dataclass(frozen=True, slots=True)
class Fitted:
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
    portable: PortableModel
    parity: float
    rows: int
    trained_from: date
    trained_until: date


def fit(recipe: Recipe, rows: pd.DataFrame, spec: ProjectSpec, as_of: date) -> Fitted:
    """Return the recipe fitted on every row whose label was known on a night.

    Same rows, same seed: same model.

    Raises
    ------
    DataError
        Nothing had matured, a column or label cannot be used, or a binary label has one class.
    ParityError
        The portable model does not answer as the trained one.
    """
    return fitted(Workshop(table(rows, spec), spec), recipe, as_of)


def fitted(workshop: Workshop, recipe: Recipe, as_of: date) -> Fitted:
    """Return `fit` on rows that are already read."""
    rows, until = workshop.rows, newest_day(workshop, as_of)
    learned = workshop.learned(recipe, until)
    first, last = rows.date_of(rows.days.min()), rows.date_of(until)
    schema = _schema(learned, workshop, (first, last))
    portable = PortableModel(schema, tree_ensemble(learned.pipeline.named_steps["trees"]))
    parity = _parity(portable, learned, workshop)
    return Fitted(recipe, portable, parity, learned.rows, first, last)


def _schema(learned: Learned, workshop: Workshop, trained: tuple[date, date]) -> ModelSchema:
    spec, held = workshop.spec, learned.held_at_days
    links: dict[str, Link] = {"identity": "identity", "exp": "exp", "logistic": "logistic"}
    return ModelSchema(
        project=spec.project,
        task=spec.training.task,
        metric=spec.scope.metric,
        event_time=spec.source.event_time,
        numbers=tuple(spec.features.numbers),
        booleans=tuple(spec.features.booleans),
        categories=category_tables(learned.pipeline, spec),
        time=None if held is None else TimeFeature(workshop.rows.origin.isoformat(), held),
        offset=learned.offset,
        link=links[link(spec)],
        function=spec.features.function,
        trained_from=trained[0].isoformat(),
        trained_until=trained[1].isoformat(),
        recipe=learned.recipe.described(),
    )


def _parity(portable: PortableModel, learned: Learned, workshop: Workshop) -> float:
    rows, event_time = workshop.rows, workshop.spec.source.event_time
    sample = np.random.default_rng(workshop.spec.training.seed).permutation(len(rows))[:PARITY_ROWS]
    moments = pd.Timestamp(rows.origin) + pd.to_timedelta(rows.days[sample], unit="D")
    frame = rows.features.iloc[sample].assign(**{event_time: moments})

    def reference(hard: pd.DataFrame) -> FloatArray:
        days = np.zeros(len(hard)) if learned.held_at_days is None else _days(hard[event_time], rows)
        blank = np.zeros(len(hard))
        return learned.score(Table(hard, days, blank, blank, rows.origin))

    return prove_parity(portable, reference, frame)


def _days(moments: pd.Series[pd.Timestamp], rows: Table) -> FloatArray:
    """Return days since the table's origin, by calendar arithmetic of its own."""
    return np.asarray((moments - pd.Timestamp(rows.origin)) / pd.Timedelta(days=1), dtype=np.float64)
