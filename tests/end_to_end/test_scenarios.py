"""Incidents on real sales, replayed in memory: the policy's own rooms, no server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flows.backtest.strategy import BacktestResult
    from flows.backtest.trainer import BacktestTrainer
    from tasks.fault_scenarios import Stage

FIRST, ONSET, LAST = date(2014, 7, 7), date(2014, 8, 4), date(2014, 10, 6)


def weeks() -> list[date]:
    return [FIRST + timedelta(days=7 * week) for week in range(1, (LAST - FIRST).days // 7 + 1)]


@pytest.fixture(scope="module")
def folder(houses: Callable[[Path, Any], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "incidents"
    landing = {
        kind: {str(FIRST): (first, str(FIRST))} | {str(night): (str(night), str(night)) for night in weeks()}
        for kind, first in (("sales", "2014-05-05"), ("prices", "2014-05-19"))
    }
    houses(folder, landing)
    return folder


@pytest.fixture(scope="module")
def stage(folder: Path) -> Stage:
    from flows.backtest.scenarios import stage_of
    from tasks.spec import read_spec

    return stage_of(read_spec(folder / "project.yaml"), folder, ONSET)


@pytest.fixture(scope="module")
def bench(stage: Stage, folder: Path) -> BacktestTrainer:
    from flows.backtest.scenarios import staged
    from flows.backtest.trainer import BacktestTrainer

    return BacktestTrainer(staged(stage, folder), folder)


@pytest.fixture(scope="module")
def quiet(stage: Stage, bench: BacktestTrainer) -> BacktestResult:
    from flows.backtest.engine import run_backtest
    from flows.backtest.strategy import Strategy

    return run_backtest(Strategy("never", stage.spec, "never"), bench, FIRST)


def test_each_row_is_served_once_by_the_version_that_was_champion_when_it_came(quiet: BacktestResult) -> None:
    assert [each.night for each in quiet.decisions] == weeks()
    assert quiet.served["row_id"].is_unique
    assert set(quiet.served["version"]) == {1}
    assert quiet.retrainings == []
    assert quiet.quarantined == {}


def test_a_replay_is_the_same_each_time(quiet: BacktestResult, stage: Stage, bench: BacktestTrainer) -> None:
    from flows.backtest.engine import run_backtest
    from flows.backtest.strategy import Strategy

    again = run_backtest(Strategy("never", stage.spec, "never"), bench, FIRST)
    assert again.decisions == quiet.decisions
    assert again.served.equals(quiet.served)


def test_a_strategy_by_the_calendar_retrains_by_the_calendar(stage: Stage, bench: BacktestTrainer) -> None:
    from flows.backtest.comparison import page, summarise
    from flows.backtest.engine import run_backtest
    from flows.backtest.outcomes import outcome_of
    from flows.backtest.strategy import Strategy

    story = run_backtest(Strategy("monthly", stage.spec, "monthly"), bench, FIRST)
    nights = [each.night for each in story.retrainings]
    assert len(nights) == 3
    assert all((later - sooner).days >= 30 for sooner, later in pairwise(nights))
    (line,) = summarise([outcome_of(story, seconds=1.0)], stage.spec)
    assert 0 < line.loss < 1
    assert "monthly" in page(stage.spec, [line])


@pytest.mark.parametrize(("name", "verdict"), [("unit-change", "quarantine"), ("stuck-sensor", "quarantine")])
def test_broken_data_is_quarantined_and_never_trained_on(
    name: str, verdict: str, stage: Stage, folder: Path, bench: BacktestTrainer
) -> None:
    from flows.backtest.scenarios import play

    # No expectation of the suite is about this column's level, so only the watch can see it.
    outcome = play(
        name, replace(stage, number="sqft_basement" if name == "unit-change" else "lat"), folder, FIRST, bench
    )
    assert (outcome.verdict, outcome.trained_on_broken, outcome.named) == (verdict, False, True)
    at_once = [each for each in outcome.result.decisions if each.night == ONSET]
    assert [each.action for each in at_once] in (["quarantine"], ["ask"])  # asked where it is not clear yet


def test_a_changed_concept_is_retrained(stage: Stage, folder: Path, bench: BacktestTrainer) -> None:
    from flows.backtest.scenarios import play

    outcome = play("concept-flip", stage, folder, FIRST, bench)
    assert (outcome.verdict, outcome.right) == ("retrain", True)
    assert any(each.passed for each in outcome.result.retrainings)
