"""Flats: rows, targets and schemas that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.arrays import FloatArray
from tasks.model import ModelSchema
from tasks.model.input_matrix import input_matrix

CITIES = ("Aachen", "Bonn", "Celle", "Dresden")
SCHEMA = ModelSchema(
    project="demo",
    task="regression",
    metric="mean_absolute_error",
    event_time="day",
    numbers=("area", "age"),
    booleans=("garden",),
    categories={"city": CITIES},
)


class Flats:
    """Two numbers, a boolean and a city; a price that needs all of them, a dear one or not, or one of three bands."""

    @staticmethod
    def frame(rows: int, seed: int = 0, missing: float = 0.1) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        made = pd.DataFrame(
            {
                "area": rng.normal(70, 20, rows),
                "age": rng.exponential(30, rows).round(1),
                "garden": pd.array(rng.random(rows) < 0.4, dtype="boolean"),
                "city": pd.array(rng.choice(CITIES, rows), dtype="str"),
            }
        )
        for column in made:
            made.loc[rng.random(rows) < missing, column] = None
        return made

    @staticmethod
    def inputs(frame: pd.DataFrame) -> FloatArray:
        return input_matrix(frame, SCHEMA)

    @staticmethod
    def target(frame: pd.DataFrame, task: str) -> FloatArray:
        inputs = np.nan_to_num(input_matrix(frame, SCHEMA), nan=1.0)
        price = inputs[:, 0] * (1 + 0.3 * inputs[:, 3]) - 0.5 * inputs[:, 1] + 20 * inputs[:, 2]
        if task == "regression":
            return price
        low, high = np.quantile(price, [1 / 3, 2 / 3])
        return (price > high).astype(float) if task == "binary" else np.digitize(price, [low, high]).astype(float)

    @staticmethod
    def schema(task: Any = "regression", **parts: Any) -> ModelSchema:
        return replace(SCHEMA, task=task, metric="mean_absolute_error" if task == "regression" else "log_loss", **parts)


@pytest.fixture
def flats() -> Flats:
    return Flats()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Fit with one thread: on a busy machine two that spin take ten times as long."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
