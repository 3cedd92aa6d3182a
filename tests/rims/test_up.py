"""`leeway up` as a stranger runs it: their own csv, the stack, a night triggered by hand, a clean stop."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

LEEWAY = Path(sys.executable).parent / "leeway"
STARTED_SECONDS = 240
RUN_SECONDS = 150
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
def up(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
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
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own address
        return json.load(reply)


def test_a_night_triggered_by_hand_is_carried_out_by_the_worker_and_the_stop_is_clean(
    up: tuple[subprocess.Popen[bytes], str], folder: Path
) -> None:
    stack, api = up
    deployment = ask(f"{api}/deployments/name/nightly/orders")
    run = ask(f"{api}/deployments/{deployment['id']}/create_flow_run", {"parameters": {"project": "orders"}})
    deadline = time.monotonic() + RUN_SECONDS
    while (state := ask(f"{api}/flow_runs/{run['id']}")["state"])["type"] not in FINAL:
        assert time.monotonic() < deadline, state
        time.sleep(1)
    assert state["type"] == "COMPLETED", state
    assert (folder / "home" / "lake" / "orders" / "decisions").is_dir()
    members = psutil.Process(stack.pid).children(recursive=True)
    stack.send_signal(signal.SIGINT)
    assert stack.wait(60) == 0
    _, left = psutil.wait_procs(members, timeout=10)
    assert left == []
