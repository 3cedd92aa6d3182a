"""The local stack: what it starts it stops, whichever process is killed or interrupted on the way.

Small file servers take the part of Prefect and MLflow, except in the demo.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flows.stack.local_stack import Endpoints, answers, open_stack, running
from flows.stack.process_registry import read_note, stop, supervisor_of

STARTED_SECONDS = 240
GONE_SECONDS = 60
PROJECT = "house-prices"
CHOSEN = ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI", "LEEWAY_PREFECT_PORT", "LEEWAY_MLFLOW_PORT")


EARLY = """
import sys
from pathlib import Path
from flows.stack.local_stack import open_stack
sys.executable = sys.argv[2]
with open_stack(Path(sys.argv[1]), keep=True, say=print):
    pass
"""
SUPERVISOR = """#!/bin/sh
shift 3  # -P -m flows.stack.supervisor
exec {python} -c '
from pathlib import Path
from flows.stack import supervisor
supervisor.PROCFILE = Path("{procfile}")
supervisor.main()
' "$@"
"""
PROCFILE = """\
prefect: cd {site} && sleep 1 && exec {python} -m http.server --bind 127.0.0.1 $LEEWAY_PREFECT_PORT
mlflow: cd {site} && sleep 1 && exec {python} -m http.server --bind 127.0.0.1 $LEEWAY_MLFLOW_PORT
"""


@dataclass(frozen=True)
class Orphans:
    """Servers with a killed supervisor, before they answered (early) and after; and what two users saw between."""

    home: Path
    early: list[psutil.Process]
    first: Endpoints
    second: Endpoints
    still_running: Endpoints | None
    processes: list[psutil.Process]


@pytest.fixture(scope="module")
def orphans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orphans]:
    home = tmp_path_factory.mktemp("stack") / "demo"
    with pytest.MonkeyPatch.context() as environment:
        for name in CHOSEN:
            environment.delenv(name, raising=False)
        environment.setenv("LEEWAY_HOME", "")  # it is restored, whatever a stack exports
        python = small_servers(tmp_path_factory.mktemp("small"))
        early = killed_while_starting(home, python)
        with environment.context() as small:
            small.setattr(sys, "executable", str(python))
            with open_stack(home, keep=True, say=lambda _: None) as first:
                assert answers(first)
            with open_stack(home, say=lambda _: None) as second:
                pass
        still_running, processes, keeper = running(home), of_home(home), supervisor_of(home)
        assert keeper is not None
        keeper.kill()
        keeper.wait()
        yield Orphans(home, early, first, second, still_running, [each for each in processes if each != keeper])
        stop(home)


def small_servers(folder: Path) -> Path:
    """Write a Python with a supervisor that keeps two file servers, which begin to answer after a second."""
    (folder / "api").mkdir()
    for health in (folder / "api" / "health", folder / "health"):
        health.write_text("well")
    procfile, python = folder / "Procfile", folder / "python"
    procfile.write_text(PROCFILE.format(site=folder, python=sys.executable))
    python.write_text(SUPERVISOR.format(procfile=procfile, python=sys.executable))
    python.chmod(0o755)
    return python


def killed_while_starting(home: Path, python: Path) -> list[psutil.Process]:
    """Start a stack, and kill first its starter and then its keeper before a server answers; return what is left."""
    starter = subprocess.Popen([sys.executable, "-c", EARLY, str(home), str(python)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + GONE_SECONDS
    while not (read_note(home) or {}).get("members", {}).get("mlflow", {}).get("pid"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    keeper = supervisor_of(home)
    assert keeper is not None
    for process in (psutil.Process(starter.pid), keeper):
        process.kill()
    starter.wait()
    psutil.wait_procs([keeper], timeout=GONE_SECONDS)
    return of_home(home)


def of_home(home: Path) -> list[psutil.Process]:
    """Return every living process with an environment that names this home or one inside it."""
    found = []
    for process in psutil.process_iter():
        try:
            named = process.environ().get("LEEWAY_HOME")
            if named and Path(named).is_relative_to(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # it ended, or is not ours to look into
            continue
    return found


def test_servers_with_a_killed_supervisor_before_they_answered_are_ended_by_the_next_start(orphans: Orphans) -> None:
    assert len(orphans.early) >= 2
    assert not [process for process in orphans.early if process.is_running()]


def test_what_a_stack_exports_is_taken_back_at_its_end(orphans: Orphans) -> None:
    assert answers(orphans.first)
    assert [name for name in CHOSEN if name in os.environ] == []


def test_a_second_user_is_given_the_stack_that_runs_and_leaves_it_running(orphans: Orphans) -> None:
    assert orphans.second == orphans.first
    assert orphans.still_running == orphans.first


def test_servers_outlive_a_killed_keeper_and_are_then_nobodys(orphans: Orphans) -> None:
    assert len([process for process in orphans.processes if process.is_running()]) >= 2
    assert running(orphans.home) is None


def test_a_demo_ends_what_a_killed_one_left_and_when_interrupted_all_it_started(
    orphans: Orphans, tmp_path: Path
) -> None:
    log, lake = tmp_path / "demo.log", orphans.home / "lake" / PROJECT
    environment = {**os.environ, "LEEWAY_HOME": str(orphans.home.parent), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [str(Path(sys.executable).parent / "leeway"), "demo"], env=environment, stdout=output, stderr=output
        )
    wait_until_written(lake, demo, log)
    assert not [process for process in orphans.processes if process.is_running()]
    started = of_home(orphans.home.parent)
    assert len(started) >= 4  # the demo, the keeper and both servers
    demo.send_signal(signal.SIGINT)
    assert demo.wait(GONE_SECONDS) == 130
    assert psutil.wait_procs([each for each in started if each.pid != demo.pid], timeout=GONE_SECONDS)[1] == []
    assert of_home(orphans.home.parent) == []
    assert not (orphans.home / "stack.json").exists()
    said = log.read_text()
    assert "Error logging to API" not in said
    assert "Traceback" not in said


def wait_until_written(lake: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the first night is under way: its first delivery is in the lake."""
    deadline = time.monotonic() + STARTED_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if (lake / "batches").exists():
            return
        time.sleep(0.2)
    pytest.fail(f"the demo wrote nothing to {lake}; its output ends:\n{log.read_text()[-2000:]}")
