"""A pipeline that was fitted elsewhere as a model of the project: exported, with proven parity and a promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from tasks.model import ModelSchema, ParityProof, export_model, prove_parity
from tasks.model.adoption.adopted_pipeline import AdoptedPipeline
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS, DayEvidence, PromiseEvidence
from tasks.train.assessment.cross_fitting import CrossFit, ReleaseEvidence, bias_unit
from tasks.train.data.training_table import label_values, row_weights
from tasks.train.fit.portable_fit import FittedModel


def proven_model(pipeline: AdoptedPipeline, rows: pd.DataFrame, schema: ModelSchema) -> ParityProof:
    """Return a pipeline as an exported model.

    Parameters
    ----------
    rows : DataFrame
        Rows on which the export is compared with the original.
    schema : ModelSchema
        What is known of the model without its file.

    Raises
    ------
    DataError
        The pipeline fails on rows of the project.
    ParityError
        The export does not predict as the original.
    """
    pipeline.require_answers(rows)
    read = replace(schema, numbers=pipeline.numbers, booleans=pipeline.booleans, categories=pipeline.categories)
    exported = export_model(pipeline.on_matrix, read)
    named = replace(exported.schema, classes=_class_names(exported.schema))
    return prove_parity(replace(exported, schema=named), pipeline.scores, rows)


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
        np.ones(len(holdout), dtype=bool),
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
