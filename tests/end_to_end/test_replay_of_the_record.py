"""A replay of a stored history gives the stored decisions: every question and every number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.lake import deliveries, read_entries, read_nights
from tasks.records import Entry, NightEntry, RetrainingEntry, nights_of, retrainings_of
from tests.end_to_end.recorded_histories import RecordedProject, eventful_history, quiet_history

if TYPE_CHECKING:
    from flows.backtest.engine import BacktestResult

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
NOT_DECIDED = {"time", "run_because", "automation"}  # when, why and how automatically a night ran


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


def decided(nights: list[NightEntry]) -> Iterator[tuple[Any, ...]]:
    """Yield what was decided: by night the value of each field, answers and numbers included."""
    names = [each.name for each in fields(NightEntry) if each.name not in NOT_DECIDED]
    for night in nights:
        yield tuple((name, getattr(night, name)) for name in names)


def retrained(record: list[RetrainingEntry]) -> list[tuple[Any, ...]]:
    return [
        (each.name, each.action, each.subject, each.because, each.holdout_start, each.holdout_end) for each in record
    ]


@pytest.mark.parametrize("name", ["quiet", "eventful"])
@pytest.mark.timeout(900)
def test_a_replay_gives_the_recorded_decisions_every_question_and_number(
    name: str, request: pytest.FixtureRequest
) -> None:
    project: RecordedProject = request.getfixturevalue(name)
    record, result = recorded(project), replayed(project)
    for stored, again in zip(decided(nights_of(record)), decided(nights_of(result.record)), strict=True):
        assert dict(again) == dict(stored)
    assert retrained(retrainings_of(result.record)) == retrained(retrainings_of(record))


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
