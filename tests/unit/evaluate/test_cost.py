"""What a model costs is its own work, not that of other processes of the machine."""

from __future__ import annotations

from time import sleep
from typing import cast

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.evaluate.cost import latency_ms
from tasks.model import Predictor


class Interrupted:
    """Answers at once in every fifth call, and waits for another process in the others."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, rows: pd.DataFrame) -> FloatArray:
        self.calls += 1
        if self.calls % 5:
            sleep(0.02)
        return np.zeros(len(rows))


def test_a_model_that_waits_for_other_processes_is_not_slow() -> None:
    assert latency_ms(cast("Predictor", Interrupted()), pd.DataFrame({"x": [1.0, 2.0]})) < 20
