"""The story of card-fraud comes true: habits jump, and once labels prove the harm the model is retrained."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flows.backtest.strategy import BacktestResult

FOLDER = Path(__file__).parents[2] / "deployments" / "card-fraud"
HISTORY, CHANGE, LAST = date(2026, 6, 8), date(2026, 6, 15), date(2026, 8, 24)
FIRST_LABELS = date(2026, 6, 22)  # a week after the change; most come later


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    from flows.backtest.engine import run_backtest
    from flows.backtest.history import history_in
    from flows.backtest.strategy import Strategy
    from flows.backtest.trainer import BacktestTrainer
    from tasks.dataset.feature_assembly import assembled_features
    from tasks.ingest.task import take_in
    from tasks.lake import Lake
    from tasks.spec import read_spec
    from tasks.validate.acceptance.task import store
    from tasks.validate.task import verdicts

    spec, lake = read_spec(FOLDER / "project.yaml"), Lake(str(tmp_path_factory.mktemp("card-fraud")))
    landed = [*take_in(lake, spec, FOLDER, LAST)]
    store(lake, spec, verdicts(landed, spec, FOLDER), LAST, datetime(2026, 8, 24, 4, tzinfo=UTC))
    history = history_in(lake, spec)
    history = replace(history, rows=assembled_features(history.rows, spec, lake, FOLDER))
    return run_backtest(Strategy("policy", spec), BacktestTrainer(history, FOLDER), HISTORY)


def test_the_script_makes_the_landing_again_to_the_same_bytes(tmp_path: Path) -> None:
    loaded = importlib.util.spec_from_file_location("make_landing", FOLDER / "make_landing.py")
    assert loaded is not None
    assert loaded.loader is not None
    maker = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(maker)
    maker.main(tmp_path)
    made, kept = (contents(folder) for folder in (tmp_path, FOLDER / "landing"))
    assert made == kept
    assert sum(map(len, kept.values())) < 2_000_000


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.gz")}


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
