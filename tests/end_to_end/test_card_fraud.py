"""The story of card-fraud comes true: habits jump, and once labels prove the harm the model is retrained."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worked_stories import contents, landed_history, project_script

if TYPE_CHECKING:
    from flows.backtest.strategy import BacktestResult

FOLDER = Path(__file__).parents[2] / "deployments" / "card-fraud"
HISTORY, CHANGE, LAST = date(2026, 6, 8), date(2026, 6, 15), date(2026, 8, 24)
FIRST_LABELS = date(2026, 6, 22)  # a week after the change; most come later


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    from flows.backtest.engine import run_backtest
    from flows.backtest.strategy import Strategy
    from flows.backtest.trainer import BacktestTrainer
    from tasks.lake import Lake
    from tasks.spec import read_spec

    spec = read_spec(FOLDER / "project.yaml")
    history = landed_history(spec, FOLDER, Lake(str(tmp_path_factory.mktemp("card-fraud"))), LAST)
    return run_backtest(Strategy("policy", spec), BacktestTrainer(history, FOLDER), HISTORY)


def test_the_script_makes_the_landing_again_to_the_same_bytes(tmp_path: Path) -> None:
    project_script(FOLDER).main(tmp_path)
    made, kept = (contents(folder) for folder in (tmp_path, FOLDER / "landing"))
    assert made == kept
    assert sum(map(len, kept.values())) < 2_000_000


@pytest.mark.timeout(900)
def test_nothing_is_said_before_the_change(story: BacktestResult) -> None:
    before = [decision for decision in story.decisions if decision.night <= CHANGE]
    assert len(before) == 3
    assert {(decision.action, decision.kind) for decision in before} == {("score", "none")}


def test_the_jump_is_found_within_days_and_called_concept_and_covariate_once_labels_come(
    story: BacktestResult,
) -> None:
    after = [decision for decision in story.decisions if decision.night > CHANGE]
    found = next(decision for decision in after if decision.action != "score")
    assert (found.night - CHANGE).days <= 7
    assert "surprising moved" in found.reason
    both = next(decision for decision in after if decision.kind == "both")
    assert 0 < (both.night - FIRST_LABELS).days <= 10


def test_one_retraining_proves_itself_and_ends_the_false_alarms(story: BacktestResult) -> None:
    passed = [training for training in story.retrainings if training.passed]
    assert len(passed) == 1
    assert (passed[0].night - FIRST_LABELS).days <= 28
    served = story.served.dropna(subset="label")
    honest = served[(served["label"] == 0) & (served["event_date"] >= CHANGE)]
    suspected = honest.groupby("version")["prediction"].apply(lambda chances: (chances >= 0.1).mean())
    assert suspected[passed[0].version] < suspected[1] / 4
