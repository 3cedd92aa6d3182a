"""Deferring: the rule of a release, found with the model that was proven, on the rows it had not seen."""

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
    proven: Predictor, released: Predictor, holdout: pd.DataFrame, spec: ProjectSpec, weights: Mapping[str, float]
) -> Deferral | None:
    """Return which rows a release passes on to people; None where the spec sets no target error.

    Parameters
    ----------
    proven : Predictor
        The recipe's model that did not learn from the hold-out.
    released : Predictor
        The same recipe, refitted: its categories may have other codes, so typical values are said in these.
    holdout : DataFrame
        Labelled rows, oldest first.
    weights : mapping of str to float
        The importance of each feature; the errors of a regression are told apart by its leading inputs.
    """
    target = spec.automation.target_error
    if target is None:
        return None
    errors, leading = row_errors(proven, holdout, spec), leading_inputs(proven, weights, spec)
    rule = fit_deferral(proven, holdout, errors, target, leading)
    return replace(rule, typical=typical_values(input_matrix(holdout, released.schema), released.schema))


def row_errors(model: Predictor, rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    """Return the metric's loss of each row for a number; for a class, 1 where the decision is wrong."""
    prediction, classes = model.predict(rows), tuple(str(name) for name in model.schema.classes)
    truth = label_values(rows, spec, classes if spec.training.task == "multiclass" else ())
    if spec.training.task == "regression":
        return np.asarray(LOSSES[spec.scope.metric](truth, prediction), dtype=np.float64)
    return wrong_decisions(model, truth, prediction)


def leading_inputs(model: Predictor, weights: Mapping[str, float], spec: ProjectSpec) -> list[str]:
    """Return a regression's one or two inputs that matter most, of numbers and booleans: categories have no order."""
    if spec.training.task != "regression":
        return []
    plain = {*model.schema.numbers, *model.schema.booleans}
    known = [name for name, weight in weights.items() if name in plain and weight > 0]
    return sorted(known, key=lambda name: -weights[name])[:LEADING]
