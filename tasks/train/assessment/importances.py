"""Permutation importances: how much the loss rises when the values of a column are shuffled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.model import Predictor
from tasks.model.input_matrix import input_matrix
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics.losses import LOSSES
from tasks.train.data.training_table import input_names, label_values, row_weights

REPEATS = 2
MOST_ROWS = 4000


def importances(model: Predictor, rows: pd.DataFrame, spec: ProjectSpec, seed: int) -> dict[str, float]:
    """Return the rise of the mean loss when each feature is permuted, never below 0, in units of the metric.

    Parameters
    ----------
    model : Predictor
        The model to explain.
    rows : DataFrame
        Labelled rows that the model has not learned from; at most 4,000 random ones are used.
    seed : int
        Same seed, same importances.

    Returns
    -------
    dict of str to float
        One entry for each feature column of the spec, 0 for columns that the model does not use. All parts of a date
        are permuted together. The event time is not included.

    Notes
    -----
    L. Breiman (2001), Random Forests, Machine Learning 45, section 10; mean of two permutations. Of two
    redundant columns, each seems less important than it is.
    """
    rng = np.random.default_rng(seed)
    sample = rows.iloc[rng.permutation(len(rows))[:MOST_ROWS]]
    names = tuple(str(name) for name in model.schema.classes) if spec.training.task == "multiclass" else ()
    truth, weights = label_values(sample, spec, names), row_weights(sample, spec)
    inputs, loss = input_matrix(sample, model.schema), LOSSES[spec.scope.metric]

    def mean_loss() -> float:
        return float(np.average(loss(truth, model.from_score(model.score_matrix(inputs))), weights=weights))

    before, rises = mean_loss(), dict.fromkeys(spec.features.learned, 0.0)
    for column in rises:
        columns = [model.schema.inputs.index(name) for name in input_names(column, spec) if name in model.schema.inputs]
        if not columns:
            continue
        original, repeats = inputs[:, columns].copy(), []
        for _ in range(REPEATS):
            inputs[:, columns] = rng.permutation(original)
            repeats.append(mean_loss() - before)
        inputs[:, columns] = original
        rises[column] = max(0.0, float(np.mean(repeats)))
    return rises
