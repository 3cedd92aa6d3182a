"""`leeway up` as a stranger runs it: their own csv, the stack, a night triggered by hand, a clean stop."""

from __future__ import annotations

import http
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.stack.process_registry import read_note, supervisor_of
from tasks.lake import Lake, read_entries

LEEWAY = Path(sys.executable).parent / "leeway"
STARTED_SECONDS = 240
RUN_SECONDS = 150
Stack = subprocess.Popen[bytes]
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
CHOSEN = ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI", "LEEWAY_PROJECTS", "LEEWAY_LAKE")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project made from somebody's csv."""
    where = tmp_path_factory.mktemp("stranger")
    lines = [
        f"{number},2026-01-{1 + number % 28:02d},{number % 17},{10 + number % 17 + number * 7 % 23}"
        for number in range(300)
    ]
    (where / "orders.csv").write_text("\n".join(["order,day,size,price", *lines]))
    command = [str(LEEWAY), "init", "orders.csv", "--time", "day", "--label", "price"]
    subprocess.run(command, cwd=where, env=environment(where), check=True, capture_output=True)
    return where


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[tuple[Stack, str]]:
    """The running stack, and the address of its Prefect server."""
    log = folder / "up.log"
    with log.open("wb") as said:
        stack = subprocess.Popen([LEEWAY, "up"], cwd=folder, env=environment(folder), stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + STARTED_SECONDS
        while "Ctrl-C" not in log.read_text():
            assert stack.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        address = re.search(r"Prefect (http://127\.0\.0\.1:\d+)", log.read_text())
        assert address is not None
        yield stack, f"{address[1]}/api"
    finally:
        stack.send_signal(signal.SIGINT)
        stack.wait(60)


def environment(home: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in CHOSEN}
    return {**plain, "LEEWAY_HOME": str(home / "home")}


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - our own address
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own address
                return json.load(reply)
        except urllib.error.HTTPError as error:  # Prefect's SQLite is locked; its own clients try again too
            if error.code != http.HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                raise
            time.sleep(1)


def finished(api: str, run: str) -> dict[str, Any]:
    """Wait until a run has ended; return its last state."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        try:
            state: dict[str, Any] = ask(f"{api}/flow_runs/{run}")["state"]
        except OSError as error:  # the servers are being started again
            state = {"type": "UNKNOWN", "error": str(error)}
        if state["type"] in FINAL:
            return state
        assert time.monotonic() < deadline, state
        time.sleep(1)


def said(folder: Path, words: str) -> None:
    """Wait until `leeway up` has said something."""
    deadline = time.monotonic() + STARTED_SECONDS
    while words not in (log := (folder / "up.log").read_text()):
        assert time.monotonic() < deadline, log
        time.sleep(0.5)


def status(folder: Path) -> str:
    done = subprocess.run([LEEWAY, "status"], cwd=folder, env=environment(folder), capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.usefixtures("up")
def test_status_shows_the_servers_and_the_next_night(folder: Path) -> None:
    shown = status(folder)
    assert re.search(r"Prefect http://127\.0\.0\.1:\d+ healthy", shown)
    assert re.search(r"MLflow http://127\.0\.0\.1:\d+ healthy", shown)
    assert "worker runs" in shown
    assert re.search(r"orders: \d{4}-\d{2}-\d{2} 02:00 UTC, in \d+ (h|min)", shown)
    assert "nothing waits for a person" in shown


def test_a_killed_keeper_is_replaced_and_interrupted_work_is_done(up: tuple[Stack, str], folder: Path) -> None:
    _, api = up
    deployment = ask(f"{api}/deployments/name/nightly/orders")
    run = ask(f"{api}/deployments/{deployment['id']}/create_flow_run", {"parameters": {"project": "orders"}})
    while ask(f"{api}/flow_runs/{run['id']}")["state"]["type"] == "SCHEDULED":
        time.sleep(0.5)
    before, keeper = (folder / "up.log").read_text(), supervisor_of(folder / "home")
    assert keeper is not None
    keeper.kill()
    said(folder, "the supervisor of the servers has ended; restarting everything")
    state = finished(api, run["id"])  # at the same address
    assert state["type"] == "COMPLETED", state
    assert (folder / "home" / "lake" / "orders" / "decisions").is_dir()
    assert "1 interrupted run scheduled again" in (folder / "up.log").read_text().removeprefix(before)


def test_a_night_whose_prefect_server_is_killed_is_whole_by_the_next_attempt_at_the_latest(
    up: tuple[Stack, str], folder: Path
) -> None:
    _, api = up
    lines = [f"{300 + number},2026-01-{1 + number % 28:02d},{number % 17},20" for number in range(60)]
    landing = folder / "deployments" / "orders" / "landing"
    (landing / "more.csv").write_text("\n".join(["order,day,size,price", *lines]))
    os.utime(landing / "more.csv", (time.time() - 3600,) * 2)  # nobody writes it any more
    create = f"{api}/deployments/{ask(f'{api}/deployments/name/nightly/orders')['id']}/create_flow_run"
    run = ask(create, {"parameters": {"project": "orders"}})
    while ask(f"{api}/flow_runs/{run['id']}")["state"]["type"] != "RUNNING":
        time.sleep(0.1)
    note = read_note(folder / "home")
    assert note is not None
    os.killpg(note["members"]["prefect"]["pid"], signal.SIGKILL)
    state = finished(api, run["id"])  # whether its end could be told depends on what it was doing
    assert state["type"] in {"COMPLETED", "CRASHED"}, state
    again = finished(api, ask(create, {"parameters": {"project": "orders"}})["id"])
    assert again["type"] == "COMPLETED", again
    lake = Lake(str(folder / "home" / "lake"))
    assert sorted(lake.read("orders", "rows")["row_id"], key=int) == list(map(str, range(360)))
    assert read_entries(lake, "orders", "night")[-1].details["rows"] == 360


@pytest.mark.usefixtures("up")
def test_a_project_written_while_it_runs_is_deployed_and_a_wrong_one_named(folder: Path) -> None:
    (folder / "deployments" / "broken").mkdir()
    (folder / "deployments" / "broken" / "project.yaml").write_text("project: broken\n")
    said(folder, "wrong deployments/broken/project.yaml:1: missing key")
    spec = (folder / "deployments" / "orders" / "project.yaml").read_text().replace("orders", "copies")
    (folder / "deployments" / "copies").mkdir()
    (folder / "deployments" / "copies" / "project.yaml").write_text(spec)
    said(folder, "deployed copies")


def test_the_stop_is_clean(up: tuple[Stack, str]) -> None:
    stack, _ = up
    members = psutil.Process(stack.pid).children(recursive=True)
    assert len(members) >= 4
    stack.send_signal(signal.SIGINT)
    assert stack.wait(60) == 0
    _, left = psutil.wait_procs(members, timeout=10)
    assert left == []
