"""A rollout in the service as it runs: two workers, a controller, requests, and a worker that is killed."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

from flows.steps.in_service.rollout_steps import next_step
from tasks import clock
from tasks.errors import Unreachable
from tasks.lake import append_entry, read_entries
from tasks.promote import StepTime
from tasks.records import RolloutEntry, rollouts
from tasks.rollout import GuardrailTerms, RolloutTerms, RolloutVerdict, limits
from tasks.serve.service_settings import ServiceSettings
from tasks.serving_store.logged_rows import logged_answers
from tasks.serving_store.rollout_ledger import read_sums
from tests.integration.served_project import Project, project_of_a_test
from tests.recorded_entries import started_rollout
from tests.servers import free_port
from tests.unit.serve.packages import ROW

AT_ONCE = 20
PAUSE_SECONDS = 0.1  # those who ask leave a processor to those who answer
QUOTA = 250  # more than half of the answers change, and a stage needs a hundred
TERMS = RolloutTerms(
    limits(0.95, 0.9, (-0.9, 0.9), 0.5),
    alpha=0.01,
    quota=QUOTA,
    first_share=0.5,
    bake_hours=0,
    doubt_hours=72,
    unit=30.0,
)
UNSEEN = (GuardrailTerms("redone", "higher", 0.02),)
"""No night compares it, so a canary keeps its first share."""
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports


@pytest.fixture
def project(
    tmp_path: Path, mlflow_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Project:
    made = project_of_a_test(tmp_path, mlflow_url, request, monkeypatch, ("linear", "regression"))
    with made.path.open("a", encoding="utf-8") as spec:
        spec.write("serving: {log: true}\nrollout: {strategy: canary}\n")
    return made


class Client:
    """Asks a service one row after another."""

    def __init__(self, project: Project, key: str, port: int) -> None:
        self._path, self._port = f"/v1/projects/{project.name}/predict", port
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._numbers = itertools.count()

    def version(self) -> int | None:
        """Return the version that answers a new row; None if the service is not there yet."""
        row = ROW | {"flat": str(number := next(self._numbers)), "area": 20.0 + number % 100}
        with (
            suppress(OSError, HTTPException),
            closing(HTTPConnection("127.0.0.1", self._port, timeout=5)) as connection,
        ):
            connection.request("POST", self._path, json.dumps({"row": row}), self._headers)
            reply = connection.getresponse()
            content = json.loads(reply.read())
            return int(content["version"]) if reply.status == 200 else None
        time.sleep(PAUSE_SECONDS)
        return None


def last_step(project: Project) -> RolloutEntry:
    return rollouts(read_entries(project.lake, project.name))[-1][-1]


def started(project: Project) -> RolloutEntry:
    return started_rollout(project.digests[2], project.digests[1], TERMS, clock.now())


@pytest.mark.timeout(900)  # half a minute on a machine that does nothing else
def test_a_rollout_runs_to_its_end_although_a_worker_is_killed_and_its_quota_holds(project: Project) -> None:
    project.promote(1)
    leeway = str(Path(sys.executable).parent / "leeway")
    made = subprocess.run([leeway, "serve-key", "shop"], capture_output=True, text=True, check=True, timeout=60)
    port = free_port()
    command = [leeway, "serve", project.name, "--port", str(port), "--workers", "2"]
    with (project.home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    client = Client(project, made.stdout.split()[0], port)

    def until(wanted: str, share: float) -> list[int | None]:
        """Ask until the rollout has taken a step; return the versions that answered."""
        began, versions = time.monotonic(), []
        while ((step := last_step(project)).action, step.share) != (wanted, share):
            assert time.monotonic() - began < 400, (step, (project.home / "log").read_text())
            versions += [client.version() for _ in range(AT_ONCE)]
            time.sleep(PAUSE_SECONDS)
        return versions

    try:
        began = time.monotonic()
        while client.version() != 1:
            assert time.monotonic() - began < 400, (project.home / "log").read_text()
        append_entry(project.lake, project.name, started(project))
        assert set(until("advanced", 0.5)[:-AT_ONCE]) <= {1, None}, "of the last ones, some came after the step"
        workers = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if "service_worker" in " ".join(child.cmdline())
        ]
        workers[0].send_signal(signal.SIGKILL)
        answered = until("advanced", 1.0)
        assert {1, 2} <= set(answered)
        answered += until("finished", 1.0)
        steps = rollouts(read_entries(project.lake, project.name))[-1]
        assert [step.action for step in steps] == ["started", "advanced", "advanced", "advanced", "finished"]
        name = f"2-{project.digests[2][:16]}"
        sums = read_sums(project.store.root, project.name, name, steps[-2].stage)
        assert 0 < sums.spent <= QUOTA
        project.promote(2)
        began = time.monotonic()
        while project.serving() != 2:
            assert time.monotonic() - began < 60
            time.sleep(0.05)
        again = subprocess.run([leeway, "why", project.name, "rollout"], capture_output=True, text=True, check=False)
        assert (again.returncode, again.stdout.count("judged again from what is stored: the same")) == (0, 3), again
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}
    landed = (project.path.parent / "served" / "rows").rglob("*.jsonl")
    logged = [{answer.version for answer in logged_answers(path.read_bytes())} for path in landed]
    assert all(len(versions) == 1 for versions in logged)
    assert set().union(*logged) == {1, 2}


def test_what_a_person_changes_in_mlflow_ends_a_rollout_and_without_mlflow_no_grant_is_renewed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, registry = project.publisher, project.registry
    project.promote(1)
    registry.set_tag(project.name, 2, "approval", "approved")
    publisher.publish()
    ServiceSettings(projects=(project.name,), root=str(project.store.root), trusted=()).write()
    append_entry(project.lake, project.name, replace(started(project), actor="ann"))
    assert publisher.roll_out() is not None
    assert publisher.roll_out() is None
    assert project.store.grant_stamp(project.name) is not None
    project.store.remove_grant(project.name)
    with monkeypatch.context() as away:
        away.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        with pytest.raises(Unreachable):
            publisher.roll_out()
    assert project.store.grant_stamp(project.name) is None
    registry.delete_tag(project.name, 2, "approval")
    assert "its approval was withdrawn in MLflow" in str(publisher.roll_out())
    assert (last_step(project).action, project.store.grant_stamp(project.name)) == ("rolled_back", None)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_rollout_that_a_person_ends_gives_all_requests_back_at_once(project: Project, share: float) -> None:
    """The step is the one that `leeway rollback` records; one stage with all requests is that of blue/green."""
    project.promote(1)
    leeway = str(Path(sys.executable).parent / "leeway")
    made = subprocess.run([leeway, "serve-key", "shop"], capture_output=True, text=True, check=True, timeout=60)
    port = free_port()
    with (project.home / "log").open("wb") as log:
        process = subprocess.Popen([leeway, "serve", project.name, "--port", str(port)], stdout=log, stderr=log)
    client = Client(project, made.stdout.split()[0], port)
    try:
        terms = replace(TERMS, first_share=share, bake_hours=100.0, quota=10**6, guardrails=UNSEEN)
        append_entry(project.lake, project.name, replace(started(project), terms=terms.to_dict()))
        began = time.monotonic()
        while client.version() != 2:
            assert time.monotonic() - began < 400, (project.home / "log").read_text()
            time.sleep(PAUSE_SECONDS)
        last = last_step(project)
        now = clock.now()
        ended = RolloutVerdict("rolled_back", 0.0, "version 2 cannot be promoted again: prices off")
        append_entry(project.lake, project.name, next_step(last, ended, StepTime(now.date(), now), "ann"))
        began, ended_at = time.monotonic(), 0.0
        while time.monotonic() - began < 10:  # with half of the requests, one answer of the champion says nothing
            if client.version() != 1:
                ended_at = time.monotonic()
            time.sleep(PAUSE_SECONDS)
        assert ended_at - began < 5, "it took 0.2 seconds on a loaded machine"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}
