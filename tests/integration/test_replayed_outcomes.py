"""Replayed strategies: kept in files, judged on the same rows, and one of them recommended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.backtest.comparison import page, recommended, summarise
from flows.backtest.history import History, StoredProfiles
from flows.backtest.outcomes import StrategyOutcome, digest_of, keep_outcome, kept_outcome
from flows.backtest.record_check import record_differences
from flows.backtest.strategy import Strategy
from flows.cli.commands.nights.replay import named_apart
from tasks.errors import DataError
from tasks.lake import Deliveries
from tasks.profiles import Ruler
from tasks.records import MeasuredMetric
from tasks.spec import ProjectSpec
from tests.recorded_entries import decided_night

FIRST, DAYS, ROWS_A_DAY = date(2026, 1, 1), 40, 5
SPEC = ProjectSpec.model_validate(
    {
        "project": "p",
        "scope": {"owner": "o", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
    }
)


def outcome(name: str, error: float, trainings: int, rows: slice = slice(None)) -> StrategyOutcome:
    """Answers that are off by a number, a little more or less in turn."""
    count = DAYS * ROWS_A_DAY
    number = np.arange(count)
    served = pd.DataFrame(
        {
            "row_id": [f"r{each}" for each in number],
            "event_date": [FIRST + timedelta(days=int(each // ROWS_A_DAY)) for each in number],
            "prediction": 10.0 + error + 0.1 * (-1.0) ** number,
            "decision": float("nan"),
            "label": 10.0,
        }
    )
    nights = tuple(FIRST + timedelta(days=day) for day in range(trainings))
    return StrategyOutcome(name, DAYS, 3, 0, 0, nights, 1, 2.0, served.iloc[rows])


def test_strategies_are_judged_on_the_rows_that_all_have_answered() -> None:
    first, second = summarise([outcome("policy", 1.0, 2), outcome("nightly", 0.5, 30, slice(20, None))], SPEC)
    assert (first.left_out, second.left_out) == (20, 0)
    assert (round(first.loss, 6), round(second.loss, 6)) == (1.0, 0.5)
    assert first.surely_worse
    assert not second.surely_worse


def test_further_metrics_of_each_strategy_are_measured_on_the_same_rows_and_shown_on_the_page(tmp_path: Path) -> None:
    listed = ProjectSpec.model_validate(SPEC.model_dump() | {"metrics": [{"use": "root_mean_squared_error"}]})
    outcomes = [outcome("policy", 1.0, 2), outcome("nightly", 0.0, 30, slice(20, None))]
    first, second = summarise(outcomes, listed, tmp_path)
    assert first.metrics[0].value == pytest.approx(np.sqrt((1.1**2 + 0.9**2) / 2))
    assert second.metrics[0].value == pytest.approx(0.1)
    assert "root_mean_squared_error" in page(listed, [first, second])
    assert summarise(outcomes, listed)[0].metrics == ()


def test_what_no_decision_rests_on_is_no_difference_of_a_recomputed_record() -> None:
    night = decided_night()
    measured = replace(night, metrics=(MeasuredMetric("r2", higher_is_better=True, value=0.5),))
    assert record_differences([measured], [night]) == []
    assert record_differences([measured], [replace(night, rows=11)])[0].fields == ("rows",)


def test_the_fewest_trainings_are_recommended_among_those_not_surely_worse_than_the_best() -> None:
    never, policy, nightly = outcome("never", 1.0, 0), outcome("policy", 0.5, 2), outcome("nightly", 0.5, 30)
    said = recommended(summarise([never, policy, nightly], SPEC), SPEC)
    assert said.startswith("recommended: policy, with the fewest trainings (3 trainings) of 2 strategies")


def test_where_errors_are_priced_the_lowest_cost_is_recommended() -> None:
    priced = SPEC.model_copy(
        update={"scope": SPEC.scope.model_copy(update={"loss_cost_per_row": 1.0, "training_cost": 100.0})}
    )
    said = recommended(summarise([outcome("never", 1.0, 0), outcome("policy", 0.5, 2)], priced), priced)
    # 200 rows at 1.0 and a refused training, or at 0.5 and three trainings: 300 against 400
    assert said.startswith("recommended: never, with the lowest cost of 300; its error is 0.5 above the lowest")


def test_where_decisions_are_priced_the_lowest_cost_of_wrong_ones_and_trainings_is_recommended() -> None:
    scope = {"metric": "log_loss", "false_positive_cost": 15, "false_negative_cost": 150, "training_cost": 100}
    priced = SPEC.model_copy(update={"scope": SPEC.scope.model_copy(update=scope)})

    def decided(name: str, trainings: int, wrong: int) -> StrategyOutcome:
        found = outcome(name, 0.0, trainings)
        number = np.arange(len(found.served))
        answered = found.served.assign(prediction=0.5, label=(number < 10) * 1.0, decision=(number >= wrong) * 1.0)
        return replace(found, served=answered)

    lines = summarise([decided("never", 0, 10), decided("policy", 2, 0)], priced)
    # 10 misses and 190 false alarms, and a refused training; or 190 false alarms and three trainings
    assert [line.cost for line in lines] == [10 * 150 + 190 * 15 + 100, 190 * 15 + 300]
    assert recommended(lines, priced).startswith("recommended: policy, with the lowest cost of 3,150")


def test_a_kept_outcome_is_read_as_it_was_and_replaces_an_older_one(tmp_path: Path) -> None:
    kept = outcome("policy", 0.5, 2)
    keep_outcome(tmp_path, "0" * 16, kept)
    keep_outcome(tmp_path, "1" * 16, kept)
    assert kept_outcome(tmp_path, "policy", "0" * 16) is None
    found = kept_outcome(tmp_path, "policy", "1" * 16)
    assert found is not None
    assert replace(found, served=kept.served) == kept
    assert found.served.astype({"event_date": object}).equals(kept.served.reset_index(drop=True))


def test_an_outcome_is_kept_under_its_own_name_alone(tmp_path: Path) -> None:
    for name in ("policy [1]", "policy 1", "policy*"):
        keep_outcome(tmp_path, "0" * 16, outcome(name, 0.5, 2))
    keep_outcome(tmp_path, "1" * 16, outcome("policy [1]", 0.5, 2))
    keep_outcome(tmp_path, "1" * 16, outcome("policy*", 0.5, 2))
    names = ["policy 1-" + "0" * 16, "policy [1]-" + "1" * 16, "policy*-" + "1" * 16]
    assert sorted(path.stem for path in tmp_path.iterdir()) == names


def test_an_outcome_rests_on_all_code_of_the_project_what_is_upstream_and_the_bins(tmp_path: Path) -> None:
    nothing = pd.DataFrame()
    history, strategy = History(nothing, nothing, Deliveries(())), Strategy("policy", SPEC)
    first = digest_of(strategy, history, tmp_path, FIRST)
    upstream = replace(history, upstream={"sales": (decided_night(),)})
    binned = replace(history, accepted=StoredProfiles(Ruler({}, ("c",)), {}))
    others = [digest_of(strategy, other, tmp_path, FIRST) for other in (upstream, binned)]
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "made.py").write_text("x = 1", "utf-8")
    others.append(digest_of(strategy, history, tmp_path, FIRST))
    (tmp_path / "parts" / "made.py").write_text("x = 2", "utf-8")
    others.append(digest_of(strategy, history, tmp_path, FIRST))
    assert len({first, *others}) == 5


def test_strategies_without_a_common_row_cannot_be_compared() -> None:
    apart = [outcome("policy", 1.0, 2, slice(0, 20)), outcome("nightly", 0.5, 30, slice(20, None))]
    with pytest.raises(DataError, match=r"no labelled row that all strategies have answered .*policy 20, nightly 180"):
        summarise(apart, SPEC)


def test_each_strategy_needs_a_name_of_its_own() -> None:
    named_apart([Strategy("policy", SPEC), Strategy("calm", SPEC)])
    with pytest.raises(DataError, match="several strategies with the name 'policy'"):
        named_apart([Strategy("policy", SPEC), Strategy("policy", SPEC)])
