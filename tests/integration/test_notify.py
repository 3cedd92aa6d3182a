from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tasks import clock
from tasks.errors import Unreachable
from tasks.lake import Lake, read_entries
from tasks.notify import sent_messages
from tasks.notify.task import notify_failure, send_notifications
from tasks.records import Entry
from tasks.spec import ProjectSpec, read_spec
from tests.recorded_entries import decided_night, moved
from tests.web_hook import Inbox, web_hook

NIGHT = date(2026, 2, 1)
Write = Callable[..., ProjectSpec]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the project `mine` with its channels where a hook would look for it."""
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path))

    def written(*channels: dict[str, object]) -> ProjectSpec:
        text = {
            "project": "mine",
            "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
            "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
            "features": {"numbers": ["a"]},
            "notifications": list(channels),
        }
        path = tmp_path / "mine" / "project.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(text), encoding="utf-8")  # JSON is YAML
        return read_spec(path)

    return written


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with web_hook() as found:
        yield found


def held(day: int, column: str = "area <b>") -> Entry:
    return decided_night(day, moved=(moved(column, 2.0),))


def test_a_state_is_sent_once_over_nights_and_the_record_remembers_it(
    inbox: Inbox, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, taken = inbox
    monkeypatch.setenv("TEAM", address)
    spec, lake = write({"to": "env:TEAM"}), Lake(str(tmp_path / "lake"))
    sent = [
        send_notifications(lake, spec, held(day), read_entries(lake, "mine"), "what moved: all") for day in range(9)
    ]
    assert sent == [1, 0, 0, 0, 0, 0, 0, 1, 0]
    assert [each["title"] for each in taken] == ["mine 2026-02-01: hold (alarm)", "mine 2026-02-08: hold (alarm)"]
    assert taken[0]["message"] == "- area <b> moved 2.0 x its leeway\n\nwhat moved: all"
    assert [each.night.day for each in sent_messages(read_entries(lake, "mine"))] == [1, 8]
    assert address not in repr(read_entries(lake, "mine"))


def test_what_did_not_arrive_is_sent_on_the_next_night(
    inbox: Inbox, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, taken = inbox
    spec, lake = write({"to": "env:TEAM"}), Lake(str(tmp_path / "lake"))
    monkeypatch.setenv("TEAM", "json://127.0.0.1:1")
    assert send_notifications(lake, spec, held(0), []) == 0
    monkeypatch.setenv("TEAM", address)
    assert send_notifications(lake, spec, held(1), read_entries(lake, "mine")) == 1
    assert [each["title"] for each in taken] == ["mine 2026-02-02: hold (alarm)"]


def test_a_channel_that_fails_never_fails_the_night_and_its_cause_is_logged(
    inbox: Inbox, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address, taken = inbox
    monkeypatch.setenv("DEAD", "json://me:hunter2222@127.0.0.1:1/hidden-path")
    monkeypatch.setenv("NONSENSE", "no-such-service://token-of-mine")
    monkeypatch.setenv("TEAM", address)
    monkeypatch.delenv("UNSET", raising=False)
    spec = write(*({"to": f"env:{name}"} for name in ("DEAD", "NONSENSE", "UNSET", "TEAM")))
    with caplog.at_level(logging.WARNING, "leeway"):
        assert send_notifications(Lake(str(tmp_path / "lake")), spec, held(0), []) == 1
    assert len(taken) == 1
    said = [each.getMessage() for each in caplog.records if each.name == "leeway"]
    assert sum("notification_not_sent" in text for text in said) == 3
    assert any("variable=UNSET" in text and "the variable is not set" in text for text in said)
    assert any("variable=DEAD" in text and "onnection" in text for text in said)
    assert not any(secret in caplog.text for secret in ("hunter2222", "hidden-path", "token-of-mine"))


def test_a_lake_that_cannot_be_written_is_logged_and_raises_nothing(
    inbox: Inbox, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, taken = inbox
    monkeypatch.setenv("TEAM", address)
    (tmp_path / "lake").write_text("a file where the folder should be")
    assert send_notifications(Lake(str(tmp_path / "lake")), write({"to": "env:TEAM"}), held(0), []) == 1
    assert len(taken) == 1


def test_a_failed_run_is_notified_without_traceback_or_secret(
    inbox: Inbox, write: Write, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import flow
    from prefect.settings import temporary_settings

    address, taken = inbox
    monkeypatch.setenv("TEAM", address)
    monkeypatch.setenv("DB_PASSWORD", "hunter2222")
    write({"to": "env:TEAM", "on": ["failure"]})

    @flow(name="nightly", on_failure=[notify_failure], on_crashed=[notify_failure], log_prints=False)
    def ours(project: str) -> None:
        raise Unreachable(f"{project}: no answer from postgresql://me:pw@127.0.0.1/x, hunter2222")

    @flow(name="retrain", on_failure=[notify_failure])
    def foreign(project: str) -> None:
        raise ValueError(f"a row of Mr Smith in {project}")

    with temporary_settings({"api.url": prefect_url}):
        for each in (ours, foreign):
            assert each(project="mine", return_state=True).is_failed()
    first, second = taken
    assert (first["title"], second["title"]) == ("mine: nightly failed", "mine: retrain failed")
    said = first["message"].splitlines()
    assert said[0] == "Unreachable: mine: no answer from postgresql://[hidden]@127.0.0.1/x, [hidden]"
    assert "/runs/flow-run/" in said[2]
    assert second["message"].startswith("ValueError (its text is in the log of the run")
    assert not any(word in each["message"] for each in taken for word in ("Smith", "Traceback", "hunter2222"))


def test_a_failure_that_lasts_is_sent_once_and_again_as_a_reminder(
    inbox: Inbox,
    write: Write,
    prefect_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from prefect import flow, get_client
    from prefect.client.schemas.objects import FlowRun, State
    from prefect.settings import temporary_settings
    from prefect.states import Completed, Crashed, Failed

    address, taken = inbox
    monkeypatch.setenv("TEAM", address)
    write({"to": "env:TEAM", "on": ["failure"]})

    @flow(name="promote")
    def promote(project: str) -> None:
        del project

    def ended(deployment: UUID, state: State[Any]) -> FlowRun:
        run = client.create_flow_run_from_deployment(deployment, parameters={"project": "mine"})
        client.set_flow_run_state(run.id, state, force=True)
        return client.read_flow_run(run.id)

    with temporary_settings({"api.url": prefect_url}), get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(promote), "mine", parameter_openapi_schema={})
        counts = []
        states: list[State[Any]] = [Failed(), Failed(), Crashed(), Completed(), Failed()]
        for state in states:
            run = ended(deployment, state)
            if not state.is_completed():
                notify_failure(promote, run, state)
            counts.append(len(taken))
        later = clock.now() + timedelta(days=8)
        monkeypatch.setattr("tasks.clock.now", lambda: later)
        notify_failure(promote, ended(deployment, Failed()), Failed())
        assert "failure_not_sent" not in caplog.text
        notify_failure(promote, run.model_copy(update={"parameters": {"project": "gone"}}), Failed())
    assert counts == [1, 1, 1, 1, 1]  # the last had failed before on the same day
    assert len(taken) == 2  # and is sent again as a reminder
    assert "failure_not_sent flow=promote why=SpecError" in caplog.text
    assert taken[0]["message"].startswith("its process ended without an error")
