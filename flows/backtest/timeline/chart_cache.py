"""The charts of a champion's earlier nights, as long as nothing they were made of has changed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from flows.backtest.timeline.label_feed import LabelArray
from tasks.arrays import IntArray
from tasks.monitor import NightInputs, ReplayCache


class ChartCache:
    """A `ReplayCache` that is emptied when a row was withdrawn, or a label corrected, since the last night."""

    def __init__(self) -> None:
        self._cache = ReplayCache()
        self._answered: IntArray = np.zeros(0, dtype=np.int64)
        self._labelled: IntArray = np.zeros(0, dtype=np.int64)
        self._labels: LabelArray = np.zeros(0)

    def for_night(self, inputs: NightInputs) -> ReplayCache:
        """Return what may be used on a night."""
        answered = inputs.answered["position"].to_numpy()
        labelled, labels = inputs.labelled["position"].to_numpy(), inputs.labelled["label"].to_numpy()
        kept = np.isin(self._answered, answered, assume_unique=True).all() and self._same_labels(labelled, labels)
        if not kept:
            self._cache = ReplayCache()
        self._answered, self._labelled, self._labels = answered, labelled, labels
        return self._cache

    def _same_labels(self, labelled: IntArray, labels: LabelArray) -> bool:
        at = np.searchsorted(labelled, self._labelled)
        inside = at < len(labelled)
        if not inside.all() or (labelled[at] != self._labelled).any():
            return False
        return pd.Index(labels[at]).equals(pd.Index(self._labels))
