"""A pipeline that was fitted elsewhere as a model of the project: exported, with proven parity and a promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from tasks.model import ModelSchema, export_model, prove_parity
from tasks.model.adoption.adopted_pipeline import AdoptedPipeline
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS, DayEvidence, PromiseEvidence
from tasks.train.assessment.cross_fitting import CrossFit, ReleaseEvidence, bias_unit
from tasks.train.data.training_table import label_values, row_weights
from tasks.train.fit.portable_fit import PARITY_ROWS, FittedModel
from tasks.train.model_search.recipes import Recipe


def adopted_fit(pipeline: AdoptedPipeline, rows: pd.DataFrame, spec: ProjectSpec, trained_until: date) -> FittedModel:
    """Return a pipeline as an exported model.

    Parameters
    ----------
    rows : DataFrame
        Rows with features, oldest first, on which the export is compared with the original: the newest 10,000.
    trained_until : date
        The last day of the rows that it was fitted on, as a person says.

    Raises
    ------
    DataError
        The pipeline fails on rows of the project.
    ParityError
        The export does not predict as the original.
    """
    pipeline.require_answers(rows)
    final = pipeline.original.steps[-1][1] if hasattr(pipeline.original, "steps") else pipeline.original
    recipe = Recipe((), estimator=f"adopted {type(final).__name__}", features=pipeline.columns)
    before = [day for day in rows["event_date"] if day <= trained_until]
    first = min(before, default=trained_until)
    schema = ModelSchema(
        project=spec.project,
        task=spec.training.task,
        metric=spec.scope.metric,
        event_time=spec.source.event_time,
        numbers=pipeline.numbers,
        booleans=pipeline.booleans,
        categories=pipeline.categories,
        function=spec.row_function,
        trained_from=first.isoformat(),
        trained_until=trained_until.isoformat(),
        recipe=recipe.described(),
    )
    exported = export_model(pipeline.on_matrix, schema)
    named = replace(exported.schema, classes=_class_names(exported.schema))
    proof = prove_parity(replace(exported, schema=named), pipeline.scores, rows.iloc[-PARITY_ROWS:])
    return FittedModel(recipe, proof.model, proof.difference, len(before), first, trained_until)


def holdout_evidence(model: FittedModel, holdout: pd.DataFrame, spec: ProjectSpec) -> ReleaseEvidence:
    """Return what a model promises that learned from none of the rows of a hold-out: what it does there."""
    metric, portable = spec.scope.metric, model.portable
    names = tuple(str(name) for name in portable.schema.classes) if spec.training.task == "multiclass" else ()
    truth, prediction = label_values(holdout, spec, names), portable.predict(holdout)
    weights = row_weights(holdout, spec)
    rows = CrossFit(
        np.arange(len(holdout)),
        holdout["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64),
        prediction,
        LOSSES[metric](truth, prediction),
        RESIDUALS[metric](truth, prediction),
        truth,
        np.ones(len(holdout)) if weights is None else weights,
    )
    loss, bias = (_by_day(rows, values) for values in (rows.losses, rows.residuals))
    return ReleaseEvidence(PromiseEvidence(loss, bias, bias_unit(rows, spec)), rows)


def _by_day(rows: CrossFit, values: object) -> DayEvidence:
    sums = rows.sums(np.asarray(values), np.ones(len(rows.days), dtype=bool))
    return DayEvidence(sums, sums)


def _class_names(schema: ModelSchema) -> tuple[str | float, ...]:
    """Return the classes as labels are read: text, where there are several."""
    if schema.task != "multiclass":
        return schema.classes
    return tuple(f"{name:.17g}" if isinstance(name, float) else name for name in schema.classes)
