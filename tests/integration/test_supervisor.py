"""What keeps the local stack running, tried on small file servers: whatever is killed, nothing is lost or left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.stack.process_registry import MARK, alive, entry, read_note, stack_processes, stop
from flows.stack.supervisor import SERVICE_WANTED, WORKER_WANTED, healthy
from tests.servers import free_port

PATIENCE_SECONDS = 20
KEEPER = """
import sys
from pathlib import Path
from flows.stack import supervisor
supervisor.PROCFILE, supervisor.MAX_SILENCE_SECONDS, supervisor.HEALTH_CHECK_SECONDS = Path("Procfile"), 1.0, 0.2
supervisor.REQUEST_SECONDS, supervisor.SHUTDOWN_SECONDS = 0.3, 0.5
supervisor.main()
"""
SERVICE = (
    "serve: test ! -e nothing || exit 66; sleep 600 & "
    "trap 'sleep 1; kill $! && touch landed; exit 0' TERM; touch ready; wait"
)
SERVER = "exec {python} -m http.server --bind 127.0.0.1 {port}"


@dataclass(frozen=True)
class Kept:
    """A small stack: its home, its keeper, and the process that owns it."""

    home: Path
    keeper: subprocess.Popen[bytes]
    owner: subprocess.Popen[bytes]
    health: dict[str, str]

    def member(self, name: str) -> dict[str, Any]:
        member: dict[str, Any] = (read_note(self.home) or {}).get("members", {}).get(name, {})
        return member

    def running(self) -> bool:
        return all(map(healthy, self.health.values()))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "health").write_text("well")
    (tmp_path / "health").write_text("well")
    ports = {name: free_port() for name in ("prefect", "mlflow")}
    lines = [f"{name}: {SERVER.format(python=sys.executable, port=port)}" for name, port in ports.items()]
    (tmp_path / "Procfile").write_text("\n".join([*lines, "worker: sleep 600 & wait", SERVICE, ""]))
    addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    variables = {"PREFECT_API_URL": f"{addresses['prefect']}/api", "MLFLOW_TRACKING_URI": addresses["mlflow"]}
    owner = subprocess.Popen(["sleep", "600"])
    named = entry(owner.pid)
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(tmp_path), f"{named['pid']}@{named['created']}", *ports, "worker", "serve"],
        cwd=tmp_path,
        env={**os.environ, **variables, MARK: str(tmp_path)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    health = {"prefect": f"{addresses['prefect']}/api/health", "mlflow": f"{addresses['mlflow']}/health"}
    stack = Kept(tmp_path, keeper, owner, health)
    try:
        until(lambda: stack.running() and stack.member("mlflow").get("pid"))
        yield stack
    finally:
        stop(tmp_path)
        keeper.wait(PATIENCE_SECONDS)
        owner.kill()
        owner.wait()


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_killed_server_is_started_again_where_it_was(kept: Kept) -> None:
    os.kill(kept.member("mlflow")["pid"], signal.SIGKILL)
    until(lambda: kept.member("mlflow")["starts"] == 2)
    until(kept.running)
    assert kept.member("mlflow")["ended"] == "signal 9"
    assert (kept.member("prefect")["starts"], kept.member("prefect")["ended"]) == (1, "")


def test_a_server_that_no_longer_answers_is_started_again(kept: Kept) -> None:
    time.sleep(0.5)  # it has been seen to answer
    os.kill(kept.member("prefect")["pid"], signal.SIGSTOP)
    until(lambda: kept.member("prefect")["starts"] == 2)
    until(kept.running)
    assert kept.member("prefect")["ended"].startswith("no answer for")


def test_the_worker_begins_when_it_is_wanted_and_what_it_began_outlives_it(kept: Kept) -> None:
    assert kept.member("worker") == {"starts": 0, "ended": ""}
    kept.keeper.send_signal(WORKER_WANTED)
    until(lambda: kept.member("worker").get("pid"))
    (run,) = psutil.Process(kept.member("worker")["pid"]).children()
    os.kill(kept.member("worker")["pid"], signal.SIGKILL)
    until(lambda: kept.member("worker")["starts"] == 2)
    assert run.is_running()
    assert run in stack_processes(kept.home)


def test_the_service_begins_when_it_is_wanted_and_again_with_every_new_request(kept: Kept) -> None:
    assert kept.member("serve") == {"starts": 0, "ended": ""}
    kept.keeper.send_signal(WORKER_WANTED)
    until(lambda: kept.member("worker").get("pid"))
    assert kept.member("serve") == {"starts": 0, "ended": ""}
    kept.keeper.send_signal(SERVICE_WANTED)
    until(lambda: kept.member("serve").get("pid"))
    first = kept.member("serve")["pid"]
    kept.keeper.send_signal(SERVICE_WANTED)
    until(lambda: kept.member("serve").get("pid") not in {first, None})
    assert (kept.member("serve")["starts"], kept.member("serve")["ended"]) == (1, "")  # no fault is counted
    assert not psutil.pid_exists(first)
    os.kill(kept.member("serve")["pid"], signal.SIGKILL)
    until(lambda: kept.member("serve")["starts"] == 2)
    assert kept.member("serve")["ended"] == "signal 9"


def test_a_service_with_nothing_to_serve_rests_until_the_next_request(kept: Kept) -> None:
    kept.keeper.send_signal(SERVICE_WANTED)
    until(lambda: kept.member("serve").get("pid"))
    (kept.home / "nothing").touch()
    kept.keeper.send_signal(SERVICE_WANTED)
    until(lambda: kept.member("serve") == {"starts": 0, "ended": ""})
    (kept.home / "nothing").unlink()
    kept.keeper.send_signal(SERVICE_WANTED)
    until(lambda: kept.member("serve").get("pid"))


def test_everything_ends_with_the_command_that_owns_it(kept: Kept) -> None:
    everything = [process for process in stack_processes(kept.home) if process.pid != kept.keeper.pid]
    assert len(everything) == 2
    kept.owner.kill()
    kept.owner.wait()
    assert kept.keeper.wait(PATIENCE_SECONDS) == 0
    assert not [process for process in everything if process.is_running()]
    assert read_note(kept.home) is None


def test_what_a_killed_keeper_left_is_found_even_without_its_note(kept: Kept) -> None:
    kept.keeper.kill()
    kept.keeper.wait()
    note = read_note(kept.home)
    assert note is not None
    assert alive(note["keeper"]) is None
    assert kept.running()
    (kept.home / "stack.json").unlink()
    stop(kept.home)
    assert stack_processes(kept.home) == []
    assert not kept.running()


def test_the_service_ends_its_own_processes_and_has_time_to_land_its_log(kept: Kept) -> None:
    kept.keeper.send_signal(SERVICE_WANTED)
    until((kept.home / "ready").exists)
    stop(kept.home)
    assert (kept.home / "landed").exists()
