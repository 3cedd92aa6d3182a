"""Covariate shift weights: how much more likely each row is among the newest rows, estimated by a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.train.data.training_table import TrainingTable

FEWEST = 20
MOST_TIMES = 10.0  # weights are between a tenth and ten times the mean


def covariate_shift_weights(rows: TrainingTable, newest_days: int, seed: int) -> FloatArray:
    """Return a weight for each row: the odds of being one of the newest given its columns, over the prior odds.

    Under covariate shift without concept drift, the weighted rows are distributed as the newest ones.

    Parameters
    ----------
    newest_days : int
        Length of the newest period.

    Returns
    -------
    array, shape (n,)
        Between 0.1 and 10; all 1 when either side has fewer than 20 rows.

    Notes
    -----
    H. Shimodaira (2000), Improving predictive inference under covariate shift, Journal of Statistical Planning and
    Inference 90; the ratio of densities is read from a classifier's odds (Bickel et al. 2009, JMLR 10).
    """
    newest = rows.days >= np.floor(rows.days.max()) - newest_days + 1
    if min(newest.sum(), (~newest).sum()) < FEWEST:
        return np.ones(len(rows))
    from sklearn.ensemble import HistGradientBoostingClassifier

    names = [name for name in rows.features if not pd.api.types.is_datetime64_any_dtype(rows.features[name])]
    columns = np.column_stack([_codes(rows.features[name]) for name in names])
    trees = HistGradientBoostingClassifier(max_iter=30, max_depth=3, early_stopping=False, random_state=seed)
    log_odds = trees.fit(columns, newest).decision_function(columns)
    prior_log_odds = np.log(newest.sum() / (~newest).sum())
    weights = np.exp(np.clip(log_odds - prior_log_odds, -np.log(MOST_TIMES), np.log(MOST_TIMES)))
    return np.asarray(weights, dtype=np.float64)


def _codes(values: pd.Series[Any]) -> FloatArray:
    """Return a column as numbers; a category becomes its share of rows."""
    if pd.api.types.is_numeric_dtype(values):
        return np.asarray(values, dtype=np.float64)
    shares = values.map(values.value_counts(normalize=True))
    return np.asarray(shares.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
