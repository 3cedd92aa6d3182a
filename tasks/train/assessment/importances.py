"""Importances: how much worse the model gets when a column's values are dealt out at random."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.model import Predictor
from tasks.model.input_matrix import input_matrix
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics.losses import LOSSES
from tasks.train.data.training_table import input_names, label_values

REPEATS = 2
MOST_ROWS = 4000


def importances(model: Predictor, rows: pd.DataFrame, spec: ProjectSpec, seed: int) -> dict[str, float]:
    """Return the rise of the mean loss when each feature is permuted, never below 0, in units of the metric.

    Parameters
    ----------
    model : Predictor
        The model in question.
    rows : DataFrame
        Labelled rows the model has not learned from; at most 4,000, drawn at random, are used.
    seed : int
        Same seed, same importances.

    Returns
    -------
    dict of str to float
        One entry per feature column of the spec, 0 for those the model leaves out; of a date all parts are permuted as
        one. Event time is no column of the spec and is not among them.

    Notes
    -----
    L. Breiman (2001), Random Forests, Machine Learning 45, section 10; mean of two permutations. Of two columns that
    say the same, each looks less important than it is.
    """
    rng = np.random.default_rng(seed)
    some = rows.iloc[rng.permutation(len(rows))[:MOST_ROWS]]
    names = tuple(str(name) for name in model.schema.classes) if spec.training.task == "multiclass" else ()
    truth, inputs, loss = label_values(some, spec, names), input_matrix(some, model.schema), LOSSES[spec.scope.metric]

    def mean_loss() -> float:
        return float(loss(truth, model.from_score(model.score_matrix(inputs))).mean())

    before, found = mean_loss(), dict.fromkeys(spec.features.learned, 0.0)
    for column in found:
        places = [model.schema.inputs.index(name) for name in input_names(column, spec) if name in model.schema.inputs]
        if not places:
            continue
        kept, rises = inputs[:, places].copy(), []
        for _ in range(REPEATS):
            inputs[:, places] = rng.permutation(kept)
            rises.append(mean_loss() - before)
        inputs[:, places] = kept
        found[column] = max(0.0, float(np.mean(rises)))
    return found
