"""A small market with rising prices, on which a training takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.spec.project_spec import ProjectSpec

Market = Callable[..., pd.DataFrame]


def spec_of(**parts: dict[str, Any]) -> ProjectSpec:
    """A spec with two numbers, a boolean, a category, labels five days late; parts may be replaced key by key."""
    given: dict[str, dict[str, Any]] = {
        "scope": {"owner": "ann", "objective": "price flats", "metric": "mean_absolute_error"},
        "source": {"uri": "landing", "id": ["id"], "event_time": "day", "label": {"column": "price", "delay_days": 5}},
        "features": {"numbers": ["area", "floor"], "categories": ["zip"], "booleans": ["garden"]},
        "split": {"folds": 2, "fold_days": 14},
        "training": {"iterations": [20], "min_rows": 100, "half_lives_days": [30.0], "level_days": 14},
    }
    for name, part in parts.items():
        given[name] = given.get(name, {}) | part
    return ProjectSpec.model_validate({"project": "flats", **given})


def market(days: int = 90, jump_on: int | None = None, jump: float = 0.0, a_day: int = 8) -> pd.DataFrame:
    """Flats sold from 2024-01-01 on: price 2 * area + 10 in zip "b", + jump from a day on, noise of 1."""
    rng, count = np.random.default_rng(0), days * a_day
    day = np.repeat(np.arange(days), a_day)
    area, in_b = rng.uniform(20, 120, count), rng.random(count) < 0.5
    level = np.where(day >= (days if jump_on is None else jump_on), jump, 0.0)
    return pd.DataFrame(
        {
            "id": np.arange(count),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
            "area": area,
            "floor": rng.integers(0, 6, count),
            "garden": rng.random(count) < 0.3,
            "zip": np.where(in_b, "b", "a"),
            "price": 2 * area + 10 * in_b + level + rng.normal(size=count),
        }
    )


@pytest.fixture(name="spec_of", scope="session")
def _spec_of() -> Callable[..., ProjectSpec]:
    return spec_of


@pytest.fixture(name="market", scope="session")
def _market() -> Market:
    return market
