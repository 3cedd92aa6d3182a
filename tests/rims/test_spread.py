import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from flows.spread import workers
from tasks.errors import Unreachable
from tasks.spec import ProjectSpec
from tasks.spec.models import Compute
from tasks.train import train

SPEC = ProjectSpec.model_validate(
    {
        "project": "mine",
        "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
        "split": {"folds": 2, "fold_days": 10},
        "training": {"min_rows": 100, "iterations": [5]},
    }
)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    days = np.arange(600) // 6
    values = np.random.default_rng(0).normal(size=600)
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(days, unit="D")
    return pd.DataFrame({"a": values, "y": 3 * values + days / 50, "t": moments})


def test_candidates_tried_on_two_dask_workers_give_the_same_leaderboard_to_the_digit(rows: pd.DataFrame) -> None:
    as_of = date(2026, 1, 1) + timedelta(days=100)
    here = train(rows, SPEC, as_of)
    with workers(Compute(backend="dask", workers=2)) as spread:
        there = train(rows, SPEC, as_of, spread=spread)
    assert json.dumps(there.leaderboard) == json.dumps(here.leaderboard)
    assert there.fitted.portable.file == here.fitted.portable.file


def test_a_cluster_that_does_not_answer_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.spread.CONNECT_SECONDS", 1)
    with pytest.raises(Unreachable, match="tcp://127"), workers(Compute(backend="dask", address="tcp://127.0.0.1:1")):
        pass
