"""Groups of rows with similar predictions: what happened to the rows of each, and whether that lasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.statistics import LOSSES, RESIDUALS

PREDICTION = "prediction"
ROWS_OF_A_GROUP = 50
MOST_GROUPS = 10


@dataclass(frozen=True, slots=True)
class PredictionGroup:
    """Rows of similar predictions, and their labels and losses, on rows that the model was not trained on."""

    rows: int
    prediction: float
    label: float
    residual: float
    residual_sd: float
    loss: float
    loss_sd: float


def groups_of(
    truth: FloatArray, prediction: FloatArray, metric: str, *, binary: bool
) -> tuple[tuple[float, ...], tuple[PredictionGroup, ...]]:
    """Return the edges between groups of similar predictions, and the groups."""
    count = max(1, min(MOST_GROUPS, len(truth) // ROWS_OF_A_GROUP))
    edges = np.unique(np.quantile(prediction, np.arange(1, count) / count)) if count > 1 else np.zeros(0)
    edges = edges[(edges > prediction.min()) & (edges <= prediction.max())]
    place = np.searchsorted(edges, prediction, side="right")
    residual, loss = RESIDUALS[metric](truth, prediction), LOSSES[metric](truth, prediction)
    found = []
    for group in range(len(edges) + 1):
        mine = place == group
        # A classifier's groups share one scale: among the surest a group's own would make any miss a catastrophe.
        spread = slice(None) if binary else mine
        found.append(
            PredictionGroup(
                int(mine.sum()),
                float(prediction[mine].mean()),
                float(truth[mine].mean()),
                float(residual[mine].mean()),
                max(float(residual[spread].std()), 1e-12),
                float(loss[mine].mean()),
                max(float(loss[spread].std()), 1e-12),
            )
        )
    return tuple(float(edge) for edge in edges), tuple(found)


def was_right(rows: pd.DataFrame, metric: str, *, binary: bool) -> bool:
    """Tell whether the newer half's loss was what the older half would have said, within two standard errors."""
    ordered = rows.sort_values("event_date", kind="stable")
    half = len(ordered) // 2
    if half < ROWS_OF_A_GROUP:
        return False
    old, new = ordered.iloc[:half], ordered.iloc[half:]
    truth, prediction = old["label"].to_numpy(np.float64), old[PREDICTION].to_numpy(np.float64)
    edges, groups = groups_of(truth, prediction, metric, binary=binary)
    truth, prediction = new["label"].to_numpy(np.float64), new[PREDICTION].to_numpy(np.float64)
    place = np.searchsorted(np.array(edges), prediction, side="right")
    expected = np.array([group.loss for group in groups])[place]
    gap = LOSSES[metric](truth, prediction) - expected
    doubt = np.sqrt(gap.var() / len(gap) + np.mean([group.loss_sd**2 for group in groups]) / half)
    return bool(abs(gap.mean()) <= 2 * doubt)


def isotonic(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the closest values that never fall: pool adjacent violators (Ayer et al., 1955).

    >>> isotonic(np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 1.0])).tolist()
    [1.0, 2.5, 2.5]
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        block = (float(value), float(weight), 1)
        while blocks and blocks[-1][0] >= block[0]:
            last = blocks.pop()
            total = last[1] + block[1]
            block = ((last[0] * last[1] + block[0] * block[1]) / total, total, last[2] + block[2])
        blocks.append(block)
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])
