"""A replay of a stored history gives the stored decisions: every question and every number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.lake import deliveries, read_entries, read_nights
from tasks.records import Entry, nights_of, retrainings_of
from tests.end_to_end.recorded_histories import RecordedProject, eventful_history, quiet_history

if TYPE_CHECKING:
    from flows.backtest.strategy import BacktestResult

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports


@pytest.fixture(scope="module")
def quiet(servers: Path) -> RecordedProject:
    return quiet_history(servers / "projects", "quiet", nights=4)


@pytest.fixture(scope="module")
def eventful(servers: Path) -> RecordedProject:
    return eventful_history(servers / "projects", "eventful")


def replayed(project: RecordedProject) -> BacktestResult:
    from flows.backtest.engine import replay_record
    from flows.backtest.history import history_in
    from flows.backtest.trainer import BacktestTrainer

    workspace = project.workspace
    history = history_in(workspace.lake, workspace.spec)
    history = replace(history, rows=workspace.features(history.rows))
    return replay_record(workspace.spec, BacktestTrainer(history, workspace.folder))


def recorded(project: RecordedProject) -> list[Entry]:
    return read_entries(project.workspace.lake, project.name)


@pytest.mark.parametrize("name", ["quiet", "eventful"])
@pytest.mark.timeout(900)
def test_a_replay_gives_the_recorded_decisions_every_question_and_number(
    name: str, request: pytest.FixtureRequest
) -> None:
    from flows.backtest.record_check import record_differences

    project: RecordedProject = request.getfixturevalue(name)
    stored, result = recorded(project), replayed(project)
    assert record_differences(stored, result.record) == []
    nights = nights_of(stored)
    assert [night.answers for night in nights_of(result.record)] == [night.answers for night in nights]
    assert len(result.decisions) == len(nights) > 4


def test_a_replay_says_which_answer_comes_out_another_way(quiet: RecordedProject) -> None:
    from flows.backtest.record_check import record_differences

    stored = recorded(quiet)
    night = nights_of(stored)[-1]
    assert night.action in {"score", "hold"}
    other = replace(night, action="retrain", answers=tuple(replace(each, answer="no") for each in night.answers[:1]))
    (difference,) = record_differences(stored, [other if entry is night else entry for entry in stored])
    assert difference.night == night.night
    assert difference.fields[:2] == ("action", "enough_rows")


def test_the_eventful_history_has_all_that_can_happen(eventful: RecordedProject) -> None:
    workspace, record = eventful.workspace, recorded(eventful)
    nights = read_nights(workspace.lake, eventful.name)
    assert {"wait", "quarantine", "retrain", "hold"} <= {night.action for night in nights}
    assert {entry.action for entry in retrainings_of(record)} == {"registered", "refused"}
    assert {"promotion", "rollback", "release"} <= {entry.kind for entry in record}
    assert any(night.waiting for night in nights)
    assert any(project.action == "quarantine" for night in nights for project in night.upstream)
    verdicts = {batch.verdict for batch in deliveries(workspace.lake, eventful.name).revisions}
    assert {"accepted", "partly_quarantined", "quarantined", "superseded", "released"} <= verdicts


@pytest.mark.parametrize("name", ["quiet", "eventful"])
@pytest.mark.timeout(900)
def test_every_night_is_recomputed_from_what_was_known_then(name: str, request: pytest.FixtureRequest) -> None:
    from flows.backtest.redecide import redecide

    workspace = request.getfixturevalue(name).workspace
    for night in read_nights(workspace.lake, workspace.project):
        stored, again = redecide(workspace, night.night)
        assert stored == night
        assert (again.action, again.kind, again.reason) == (night.action, night.drift, night.reason)
        assert again.answers == night.answers
