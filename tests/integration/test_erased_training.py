"""A training that has read a row registers nothing once the row is erased, however late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flows import retrain as training
from flows.cli.commands.project_data.erase_subject import ErasureRequest, erase
from flows.nightly import nightly
from flows.steps.challengers import challenger_job
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.dataset.erasure_subject import subject_of
from tasks.errors import Conflict
from tasks.lake import active_rows, read_entries

PROJECT, NIGHT = "erased-houses", date(2014, 7, 7)
LANDING = {
    "sales": {"2014-07-07": ("2014-05-05", "2014-07-07")},
    "prices": {"2014-07-07": ("2014-05-19", "2014-07-07")},
}


@pytest.fixture(scope="module")
def workspace(servers: Path, houses: Callable[[Path, Any], None]) -> Workspace:
    houses(servers / "projects" / PROJECT, LANDING)
    nightly(PROJECT, NIGHT)
    return open_workspace(PROJECT)


def erase_one(workspace: Workspace) -> None:
    ids = sorted(active_rows(workspace.lake, PROJECT, "rows")["row_id"])
    subject = subject_of(ids[:1], None, workspace.spec, lambda _, text: text)
    moment: datetime = clock.now() + timedelta(milliseconds=1)
    erase(workspace.lake, workspace.spec, ErasureRequest(subject, "me", "asked to", NIGHT, moment), None)


def numbers(workspace: Workspace) -> list[int]:
    return [version.number for version in workspace.registry.versions(PROJECT)]


@pytest.mark.parametrize(
    ("place", "step"), [(training, "refit_task"), (challenger_job, "version_files"), (challenger_job, "put_up_task")]
)
def test_an_erasure_during_any_step_of_the_registration_leaves_no_version(
    place: ModuleType, step: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(place, step)

    def erased_meanwhile(*args: Any, **options: Any) -> Any:
        made = real(*args, **options)
        erase_one(workspace)
        return made

    monkeypatch.setattr(place, step, erased_meanwhile)
    with pytest.raises(Conflict, match="rows were erased while this training"):
        training.retrain(PROJECT, NIGHT)
    assert numbers(workspace) == []
    assert read_entries(workspace.lake, PROJECT, "retraining") == []


class KilledError(Exception):
    """The process died here."""


def test_a_version_of_a_killed_training_is_withdrawn_if_its_rows_were_erased_since(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def die(*_: object) -> None:
            raise KilledError

        patched.setattr(challenger_job, "append_entry", die)
        with pytest.raises(KilledError):
            training.retrain(PROJECT, NIGHT)
    (killed,) = numbers(workspace)
    erase_one(workspace)
    assert training.retrain(PROJECT, NIGHT)["subject"] == f"version {killed + 1}"
    assert numbers(workspace) == [killed + 1]
