"""The deferral rule of a release, fitted with the evaluated model on rows that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.model import Deferral, Predictor, fit_deferral, typical_values, wrong_decisions
from tasks.model.input_matrix import input_matrix
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics.losses import LOSSES
from tasks.train.data.training_table import label_values

LEADING = 2


def release_deferral(
    proven: Predictor,
    released: Predictor,
    holdout: pd.DataFrame,
    spec: ProjectSpec,
    weights: Mapping[str, float],
    crossed: FloatArray | None = None,
) -> Deferral | None:
    """Return the deferral of a release; None if the spec sets no target error.

    Parameters
    ----------
    proven : Predictor
        The model of the recipe that did not learn from the hold-out.
    released : Predictor
        The same recipe, refitted: its categories may have other codes, in which typical values are expressed.
    holdout : DataFrame
        Labelled rows, oldest first.
    weights : mapping of str to float
        Importance of each feature; the leading inputs of a regression define the cells of its error table.
    crossed : array, optional
        The prediction of each row by a fit that left it out, where the proven model has learned from the rows.
    """
    target = spec.automation.target_error
    if target is None:
        return None
    answers = proven.predict(holdout) if crossed is None else crossed
    errors, leading = row_errors(proven, holdout, spec, answers), leading_inputs(proven, weights, spec)
    rule = fit_deferral(proven, holdout, errors, target, leading, answers)
    return replace(rule, typical=typical_values(input_matrix(holdout, released.schema), released.schema))


def row_errors(model: Predictor, rows: pd.DataFrame, spec: ProjectSpec, prediction: FloatArray) -> FloatArray:
    """Return the loss of each row of a regression; for classes, 1 where the decision is wrong."""
    classes = tuple(str(name) for name in model.schema.classes)
    truth = label_values(rows, spec, classes if spec.training.task == "multiclass" else ())
    if spec.training.task == "regression":
        return np.asarray(LOSSES[spec.scope.metric](truth, prediction), dtype=np.float64)
    return wrong_decisions(model, truth, prediction)


def leading_inputs(model: Predictor, weights: Mapping[str, float], spec: ProjectSpec) -> list[str]:
    """Return the one or two most important ordered inputs (numbers and booleans) of a regression."""
    if spec.training.task != "regression":
        return []
    ordered = {*model.schema.numbers, *model.schema.booleans}
    candidates = [name for name, weight in weights.items() if name in ordered and weight > 0]
    return sorted(candidates, key=lambda name: -weights[name])[:LEADING]
