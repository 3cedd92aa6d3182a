"""A Dask cluster of processes of their own, over TCP on this machine; each can be killed by its id."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 10


@dataclass(frozen=True)
class Processes:
    """A scheduler and its workers."""

    address: str
    workers: tuple[subprocess.Popen[bytes], ...]

    def wait(self) -> None:
        """Wait until every worker has come."""
        from distributed import Client

        with Client(self.address) as client:
            client.wait_for_workers(len(self.workers), timeout=START_SECONDS)


@contextmanager
def cluster_of(count: int, folder: Path, environment: Mapping[str, str], preload: str = "") -> Iterator[Processes]:
    """Start a scheduler and so many workers of one thread; end what is left of them afterwards.

    Parameters
    ----------
    preload : str
        A module that each worker imports, with a `dask_setup` that it calls before it takes any work.
    """
    scheduler_file = folder / "scheduler.json"
    quiet = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(scheduler_file))
    with ExitStack() as started, (folder / "cluster.log").open("wb") as log:

        def start(program: str, *options: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *quiet, *options]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(environment), cwd=Path.cwd())
            started.callback(_end, process)
            return process

        start("scheduler", "--port", "0")
        more = ("--preload", preload) if preload else ()
        workers = tuple(
            start("worker", "--no-nanny", "--nthreads", "1", "--name", f"worker-{number}", *more)
            for number in range(count)
        )  # they wait for the scheduler's file
        yield Processes(_address(scheduler_file), workers)


def _address(scheduler_file: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            return str(json.loads(scheduler_file.read_text(encoding="utf-8"))["address"])
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.05)
    raise TimeoutError(
        f"the scheduler did not start: {(scheduler_file.parent / 'cluster.log').read_text(encoding='utf-8')}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
