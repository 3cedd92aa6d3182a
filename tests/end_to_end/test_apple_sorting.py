"""The story of apple-sorting comes true: recoded varieties are kept out, and a new grade is asked about and learned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flows.demo.worked_projects import HISTORY_UNTIL, worked_project
from tests.worked_stories import contents, landed_history, project_script

if TYPE_CHECKING:
    from flows.backtest.strategy import BacktestResult
    from tasks.lake import Lake

FOLDER = Path(__file__).parents[2] / "deployments" / "apple-sorting"
LAST = date(2026, 6, 5)
RECODED = [date(2026, 4, day) for day in (22, 24, 27)]  # the nights of the apples with codes
NEW_GRADE = date(2026, 5, 4)


@dataclass(frozen=True)
class Story:
    lake: Lake
    result: BacktestResult


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    from flows.backtest.engine import run_backtest
    from flows.backtest.strategy import Strategy
    from flows.backtest.trainer import BacktestTrainer
    from tasks.lake import Lake
    from tasks.spec import read_spec

    spec = read_spec(FOLDER / "project.yaml")
    lake = Lake(str(tmp_path_factory.mktemp("apples")))
    history = landed_history(spec, FOLDER, lake, LAST)
    answers = worked_project("apple-sorting").answers
    trainer = BacktestTrainer(history, FOLDER)
    return Story(lake, run_backtest(Strategy("policy", spec), trainer, HISTORY_UNTIL["apple-sorting"], answers=answers))


def test_the_script_makes_the_landing_again_to_the_same_bytes(tmp_path: Path) -> None:
    project_script(FOLDER).main(tmp_path)
    made, kept = (contents(folder) for folder in (tmp_path, FOLDER / "landing"))
    assert made == kept
    assert sum(map(len, kept.values())) < 2_000_000


@pytest.mark.timeout(900)
def test_apples_that_ripen_are_seen_and_neither_asked_about_nor_retrained_for(story: Story) -> None:
    from tasks.notify import states
    from tasks.records import NightEntry

    nights = [entry for entry in story.result.record if isinstance(entry, NightEntry)]
    past = [night.night for night in nights if any(one.column == "hue" and one.strain > 1 for one in night.moved)]
    assert past
    assert min(past) > date(2026, 4, 1)
    paged = {
        (night.night, state.subject) for at, night in enumerate(nights) for state in states(night, nights[: at + 1])
    }
    assert [one for one in paged if one[1] in {"hue", "firmness_kg"}] == []
    before = [one for one in story.result.decisions if one.night < NEW_GRADE and one.night not in RECODED]
    assert {one.action for one in before} <= {"score", "hold"}
    assert not [one for one in story.result.retrainings if one.night < NEW_GRADE]


def test_recoded_varieties_are_named_and_no_version_knows_a_code(story: Story) -> None:
    assert [night for night, files in story.result.quarantined.items() if files] == RECODED
    for decision in story.result.decisions:
        if decision.night in RECODED:
            assert decision.action == "quarantine"
            assert "in variety" in decision.reason
    served = story.result.served["event_date"]
    assert not served.between(date(2026, 4, 20), date(2026, 4, 26)).any()


def test_a_new_grade_is_named_within_days_and_asked_about_once_it_can_be_learned(story: Story) -> None:
    named = [one for one in story.result.decisions if "'cider'" in one.reason]
    assert 0 < (named[0].night - NEW_GRADE).days <= 7
    asked = [one for one in story.result.decisions if one.action == "ask"]
    assert len(asked) == 1
    assert "'cider'" in asked[0].reason
    assert (asked[0].night - NEW_GRADE).days <= 17
    assert [(one.night, one.passed) for one in story.result.retrainings] == [(asked[0].night, True)]


def test_the_new_grade_is_learned(story: Story) -> None:
    served = story.result.served.dropna(subset="label")
    cider = 0  # the first of the four names
    truth, answer = served["label"] == cider, served["prediction"] == cider
    first, second = (served["version"] == version for version in (1, 2))
    assert not answer[first].any()
    assert answer[second & truth].mean() > 0.7
    assert truth[second & answer].mean() > 0.7
    wrong = [
        (served["label"] != served["prediction"])[part].mean()
        for part in (first & (served["event_date"] >= NEW_GRADE), second)
    ]
    assert wrong[1] < wrong[0] / 2
    assert np.stack(served["probabilities"].to_list()).sum(axis=1) == pytest.approx(1)
