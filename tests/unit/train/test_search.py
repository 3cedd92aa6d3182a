"""A search finds, gives up, remembers, and does not depend on who works for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.spec.project_spec import ProjectSpec
from tasks.train import SearchOptions, TrialResult, train
from tasks.train.data.training_table import training_table
from tasks.train.fit.recipe_fit import FitCache
from tasks.train.model_search.search import search_recipes
from tasks.train.model_search.search_space import search_space

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)
LINEAR = [{"use": "linear"}]


def outcomes(trials: Iterable[TrialResult]) -> list[tuple[Any, ...]]:
    return [(each.number, each.recipe, each.status, each.folds) for each in trials]


@pytest.fixture(name="cache", scope="module")
def _workshop(spec_of: Make, market: Market) -> FitCache:
    ways = ["all_history", "recency", "event_time"]
    spec = spec_of(training={"trials": 12, "estimators": LINEAR, "time_treatments": ways})
    return FitCache(training_table(market(jump_on=50, jump=40.0, a_day=5), spec), spec)


@pytest.fixture(name="whole", scope="module")
def _whole(cache: FitCache) -> list[TrialResult]:
    return search_recipes(cache, AS_OF, SearchOptions(), 600, map)


def test_the_same_seed_gives_the_same_trials_however_many_work_for_it(
    cache: FitCache, whole: list[TrialResult]
) -> None:
    with ThreadPoolExecutor(3) as pool:
        together = search_recipes(cache, AS_OF, SearchOptions(), 600, pool.map)
    assert outcomes(whole) == outcomes(together)
    assert [each.number for each in whole] == list(range(12))


def test_hopeless_trials_are_given_up_after_a_fold_and_the_rest_are_scored_on_all(whole: list[TrialResult]) -> None:
    trials = whole
    pruned = [each for each in trials if each.status == "pruned"]
    assert pruned
    assert all(len(each.folds) < 2 for each in pruned)
    assert all(len(each.folds) == 2 for each in trials if each.status == "complete")


@pytest.mark.parametrize("address", ["{}/journal.log", "sqlite:///{}/trials.db"])
def test_a_search_goes_on_where_it_was_interrupted(
    address: str, cache: FitCache, whole: list[TrialResult], tmp_path: Path
) -> None:
    interrupted: list[TrialResult] = []

    def breaks_off(trial: TrialResult) -> None:
        interrupted.append(trial)
        if len(interrupted) == 5:
            raise KeyboardInterrupt

    storage = address.format(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        search_recipes(cache, AS_OF, SearchOptions(storage=storage, on_trial=breaks_off), 600, map)
    heard: list[TrialResult] = []
    again = search_recipes(cache, AS_OF, SearchOptions(storage=storage, on_trial=heard.append), 600, map)
    assert outcomes(again) == outcomes(whole)
    assert [each.number for each in heard] == [8, 9, 10, 11]  # two rounds of four were remembered


def test_no_round_is_begun_that_would_not_end_in_time(cache: FitCache) -> None:
    ticks = count(step=10.0)  # each look at the watch finds ten seconds gone
    trials = search_recipes(cache, AS_OF, SearchOptions(stopwatch=lambda: next(ticks)), 45, map)
    assert len(trials) == 8
    assert search_recipes(cache, AS_OF, SearchOptions(), 0, map) == []


def test_a_trial_that_fails_is_reported_and_the_search_goes_on(spec_of: Make, market: Market) -> None:
    given = [{"use": "sklearn.linear_model:QuantileRegressor", "parameters": {"quantile": [0.5, 7.0]}}]
    spec = spec_of(training={"trials": 4, "estimators": given, "time_treatments": ["all_history"]})
    trials = search_recipes(FitCache(training_table(market(), spec), spec), AS_OF, SearchOptions(), 600, map)
    assert {each.status for each in trials} == {"complete", "failed"}
    assert all("quantile" in each.reason for each in trials if each.status == "failed")


def test_the_search_is_part_of_the_training_and_of_its_leaderboard(spec_of: Make, market: Market) -> None:
    spec = spec_of(training={"trials": 4, "estimators": LINEAR, "time_treatments": ["all_history", "event_time"]})
    heard: list[TrialResult] = []
    trained = train(market(jump_on=50, jump=40.0), spec, AS_OF, search=SearchOptions(on_trial=heard.append))
    assert [line.get("trial") for line in trained.leaderboard] == [None, None, 0, 1, 2, 3]
    assert [each.number for each in heard] == [0, 1, 2, 3]
    assert sum(line["status"] == "chosen" for line in trained.leaderboard) == 1


def test_the_kind_of_drift_narrows_how_time_is_treated(spec_of: Make) -> None:
    spec = spec_of()
    assert search_space(spec, "concept", 400).histories == ("window", "recency")
    assert search_space(spec, "covariate", 400).histories == ("all_history", "reweighted")
    assert search_space(spec, "none", 400) == search_space(spec, "age", 400) == search_space(spec, "by hand", 400)
    assert "reweighted" in search_space(spec, "both", 400).histories
    narrow = spec_of(training={"time_treatments": ["level"]})
    assert (search_space(narrow, "concept", 400).histories, search_space(narrow, "concept", 400).extras) == (
        ("all_history",),
        ("level",),
    )


def test_class_weights_are_tried_where_a_class_is_rare(spec_of: Make, market: Market) -> None:
    spec = spec_of(
        scope={"metric": "error_rate"},
        training={"task": "binary", "trials": 8, "estimators": LINEAR},
        split={"folds": 1},
    )
    rows = market()
    rows["price"] = (rows["area"] > 110) ^ (np.random.default_rng(0).random(len(rows)) < 0.02)
    trials = search_recipes(FitCache(training_table(rows, spec), spec), AS_OF, SearchOptions(), 600, map)
    assert {each.recipe.class_weight for each in trials} == {None, "balanced"}
