"""The story of voice-search comes true: the first of three steps moves, all name it, and it alone is retrained."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flows.demo.worked_projects import HISTORY_UNTIL
from tests.worked_stories import DEPLOYMENTS, landed_history, project_script

if TYPE_CHECKING:
    from flows.backtest.strategy import BacktestResult
    from tasks.lake import Deliveries
    from tasks.records import NightEntry

CHAIN = ("voice-activity", "voice-recogniser", "voice-search")
QUIET, CHANGE, LAST = date(2026, 5, 18), date(2026, 5, 23), date(2026, 6, 26)


@pytest.fixture(scope="module")
def maker() -> Iterator[tuple[ModuleType, ModuleType]]:
    """Give the scripts that make the calls, and the callers."""
    folder = str(DEPLOYMENTS / "voice-search")
    sys.path.insert(0, folder)
    try:
        yield project_script(DEPLOYMENTS / "voice-search"), project_script(DEPLOYMENTS / "voice-search", "callers")
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, BacktestResult]:
    """Replay the nights of the three projects; each reads the answers of the one before as the files it hands out."""
    folder = tmp_path_factory.mktemp("voice")
    results: dict[str, BacktestResult] = {}
    above: Mapping[str, tuple[NightEntry, ...]] = {}
    for name in CHAIN:
        shutil.copytree(DEPLOYMENTS / name, folder / name, ignore=shutil.ignore_patterns("answers", "feedback"))
        results[name] = replayed(folder / name, above)
        above = {name: nights_in(results[name])}
    return results


def replayed(folder: Path, above: Mapping[str, tuple[NightEntry, ...]]) -> BacktestResult:
    from flows.backtest.engine import run_backtest
    from flows.backtest.strategy import Strategy
    from flows.backtest.trainer import BacktestTrainer
    from tasks.lake import Lake
    from tasks.spec import read_spec

    spec = read_spec(folder / "project.yaml")
    history = landed_history(spec, folder, Lake(str(folder.parent / "lake")), LAST, above)
    landed_on = {batch.arrival for batch in history.deliveries.latest() if batch.kind != "features"}
    nights = sorted(night for night in landed_on if night > QUIET)  # fewer, so that the test takes less time
    result = run_backtest(
        Strategy("policy", spec), BacktestTrainer(history, folder), HISTORY_UNTIL[folder.name], nights
    )
    hand_out(result, history.rows, history.deliveries, folder)
    return result


def hand_out(result: BacktestResult, rows: pd.DataFrame, known: Deliveries, folder: Path) -> None:
    """Write the answers of a replay as the nights do, a file for each delivery."""
    from tasks.score import AnswerFiles, answer_destination

    files, batches = (
        answer_destination(result.strategy.spec, folder, {}),
        {batch.batch_id: batch for batch in known.latest()},
    )
    assert isinstance(files, AnswerFiles)
    served = result.served.merge(rows[["row_id", "batch_id"]].drop_duplicates("row_id"), on="row_id")
    for name, part in served.groupby("batch_id"):
        files.write(files.name(batches[str(name)]), part[["row_id", "event_date", "prediction"]])


def nights_in(result: BacktestResult) -> tuple[NightEntry, ...]:
    from tasks.records import nights_of

    return tuple(nights_of(result.record))


def test_the_script_makes_the_landings_again_to_the_same_bytes(
    maker: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    maker[0].main(tmp_path)
    made, kept = (calls(folder) for folder in (tmp_path, DEPLOYMENTS))
    assert made == kept
    assert sum(map(len, kept.values())) < 2_000_000


def calls(folder: Path) -> dict[str, bytes]:
    paths = (path for name in CHAIN for path in (folder / name / "landing").rglob("*.gz"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.parent.name != "feedback"}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CHAIN)
def test_nothing_is_said_before_the_microphone_comes(story: Mapping[str, BacktestResult], name: str) -> None:
    before = [decision for decision in story[name].decisions if decision.night <= CHANGE]
    assert {(decision.action, decision.kind) for decision in before} == {("score", "none")}


def test_the_first_step_is_found_within_days_and_retrained_once(story: Mapping[str, BacktestResult]) -> None:
    first = story["voice-activity"]
    found = next(decision for decision in first.decisions if decision.action != "score")
    assert (found.night - CHANGE).days <= 9
    assert "first in rows as delivered (noise_db" in found.reason
    (training,) = first.retrainings
    assert training.passed
    assert (training.night - CHANGE).days <= 21


@pytest.mark.parametrize("name", CHAIN[1:])
def test_both_projects_downstream_name_the_first_step_and_wait_for_it(
    story: Mapping[str, BacktestResult], name: str
) -> None:
    (repaired,) = (training.night for training in story["voice-activity"].retrainings)
    alarms = [
        decision for decision in story[name].decisions if decision.action != "score" and decision.night <= repaired
    ]
    assert alarms
    for decision in alarms:
        assert decision.action == "hold"
        assert "it began in rows as delivered (noise_db" in decision.reason
        assert "of voice-activity)" in decision.reason
    assert not [training for training in story[name].retrainings if training.passed]
    assert not [training for training in story[name].retrainings if (training.night - repaired).days < 14]


def test_callers_redo_more_until_the_first_step_is_retrained(
    story: Mapping[str, BacktestResult], maker: tuple[ModuleType, ModuleType]
) -> None:
    from tasks.output_metrics import daily_shares, output_metric

    heard, found = (story[name].served[["row_id", "prediction"]] for name in CHAIN[1:])
    shown = heard.set_axis(["call", "words_heard"], axis=1).merge(
        found.set_axis(["call", "is_place"], axis=1), on="call"
    )
    noted = maker[1].feedback(maker[0].calls(1, 110), shown, 1)
    redone = frozenset(noted.loc[noted["event"] == "redone", "call"])
    days = daily_shares(story["voice-search"].served.assign(deferred=False), redone)
    measured = {
        until: output_metric("redone", days, 0.03, until=until, window_days=7, alpha=0.004)
        for until in (LAST - timedelta(days=back) for back in range(30))
    }
    past = [until for until, metric in measured.items() if metric is not None and metric.past_leeway]
    assert past
    assert min(past) > CHANGE
    worst = max(metric.value for metric in measured.values() if metric is not None)
    last = measured[LAST - timedelta(days=1)]
    assert last is not None
    assert last.value < 0.8 * worst
