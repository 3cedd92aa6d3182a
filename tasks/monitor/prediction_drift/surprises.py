"""What labels say about predictions, as statistics: single nights, and what creeps."""

from __future__ import annotations

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift import CusumCharts, ExpectedShift
from tasks.monitor.prediction_drift.prediction_reference import FEATURES, LOSS, RESIDUAL, SLICE, SLICES
from tasks.records import DriftStatistic

JUDGED = (RESIDUAL, LOSS, *range(SLICE, SLICE + SLICES))
CREEPING = (RESIDUAL, LOSS)


def surprises(shift: ExpectedShift, leeway: FloatArray, effect: float) -> list[DriftStatistic]:
    """Return how far the labels of a night differ from what the hold-out lets one expect; a loss only by its rise."""
    found = []
    for index in JUDGED:
        size = float(shift.shift[index])
        distance = max(size, 0.0) if index == LOSS else abs(size)
        limit = max(float(leeway[index]), effect)
        part = f"answers of fifth {index - SLICE + 1} of {SLICES}, the lowest first" if index >= SLICE else ""
        found.append(
            DriftStatistic("label", FEATURES[index], distance, limit, direction=int(np.sign(size)), where=part)
        )
    return found


def creeping(followed: CusumCharts, unit: FloatArray, effect: float) -> list[DriftStatistic]:
    """Return what the charts of `CREEPING` say lasts; `unit` is the standard unit of each of `FEATURES`."""
    found = []
    for place, index in enumerate(CREEPING):
        for side, sign in ((0, 1), (1, -1)):
            distance = float(followed.crept[side, place] * unit[index])
            if distance > 0 and not (index == LOSS and sign < 0):
                found.append(DriftStatistic("label", FEATURES[index], distance, effect, creep=True, direction=sign))
    return found
