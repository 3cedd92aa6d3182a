"""Processes that die where they are ordered to, forked from one that has imported everything and touched nothing.

Each costs a night and no imports; every one is a real process with an id, threads and connections of its own, and is
really killed. The process they are forked from is common to all workers of a test session; each has a log of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import date, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.stack.endpoints import QUIET
from flows.stack.process_registry import alive
from tasks.lake import Lake
from tasks.render import pages
from tests.shared import LOG, locked, start

START_SECONDS = 120
WRITES = {  # what of MLflow's client changes something
    "create_run", "log_batch", "log_artifacts", "log_text", "set_terminated", "create_model_version",
    "set_registered_model_alias", "delete_registered_model_alias", "set_model_version_tag", "delete_model_version_tag",
    "rename_experiment", "rename_registered_model",
}  # fmt: skip
IMPORTED = (
    *("great_expectations", "mlflow", "onnxruntime", "sklearn.ensemble", "deltalake", "apprise"),
    *("flows.nightly", "flows.promote", "flows.retrain"),
    # what these import when they are first used
    *(
        "prefect.engine",
        "prefect.concurrency._sync",
        "prefect.telemetry.run_telemetry",
        "prefect.utilities.visualization",
    ),
    *(
        "anyio._backends._asyncio",
        "mlflow.tracking.request_header.registry",
        "pyarrow.dataset",
        "prometheus_client.parser",
    ),
)
Job = dict[str, Any]


class ForkServer:
    """A connection to the process that others are forked from, and the log of those that were forked through it."""

    def __init__(self, address: Path, log: Path) -> None:
        self.log = log
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(str(address))
        self.stream = self.connection.makefile("rw", encoding="utf-8")
        self._ask({"log": str(log)})

    def start(self, job: Job) -> int:
        """Start a job in a process of its own; return its id."""
        return int(self._ask({"start": job})[0])

    def wait(self, pid: int = -1) -> tuple[int, int]:
        """Wait for one process, or for any; return its id and how it ended: 0, 1 for an error, or minus the signal."""
        ended, status = self._ask({"wait": pid})
        return int(ended), os.waitstatus_to_exitcode(status)

    def run(self, *jobs: Job, at_once: int = 2) -> list[int]:
        """Run jobs, some at once; return how each ended."""
        left, running, ended = list(enumerate(jobs)), dict[int, int](), dict[int, int]()
        while left or running:
            while left and len(running) < at_once:
                number, job = left.pop(0)
                running[self.start(job)] = number
            pid, code = self.wait()
            ended[running.pop(pid)] = code
        return [ended[number] for number in range(len(jobs))]

    def output(self) -> str:
        """Return what the processes wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        self.stream.close()
        self.connection.close()

    def _ask(self, question: object) -> Any:
        self.stream.write(json.dumps(question) + "\n")
        self.stream.flush()
        return json.loads(self.stream.readline() or pytest.fail(self.output()[-3000:]))


def start_fork_server(prefect: str, mlflow: str) -> tuple[Path, dict[str, float]]:
    """Start the process that jobs are forked from, unless this session has; return where it listens, and its id."""
    with locked("fork-server") as home:
        address, note = home / "socket", home / "forking.json"
        if not note.exists():
            code = "import sys; from tests.end_to_end.fork_server import serve; serve(sys.argv[1])"
            here = {"PREFECT_API_URL": prefect, "MLFLOW_TRACKING_URI": mlflow, "PREFECT_HOME": str(home / "prefect")}
            environment = {**os.environ, **QUIET, **here, "PYTHONPATH": str(Path(__file__).parents[2])}
            note.write_text(json.dumps(start([sys.executable, "-c", code, str(address)], home, environment)))
        return address, json.loads(note.read_text())


def connected(address: Path, process: dict[str, float], log: Path) -> ForkServer:
    """Wait until the process that others are forked from has imported everything; return a connection to it."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and alive(process):
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return ForkServer(address, log)
        time.sleep(0.1)
    pytest.fail((address.parent / LOG).read_text(encoding="utf-8")[-3000:])


# --- in the process that others are forked from -----------------------------------------------------------------------


def serve(address: str) -> None:
    """Import what nights need, then fork a process for every connection."""
    for module in IMPORTED:
        import_module(module)
    for name in pages.environment().list_templates():
        pages.environment().get_template(name)  # compiled once for all processes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen()
            while True:
                connection, _ = listener.accept()
                if os.fork() == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    listener.close()
                    _answer(connection)
                    os._exit(0)
                connection.close()
    finally:
        with suppress(ChildProcessError):
            while True:
                os.wait()


def _answer(connection: socket.socket) -> None:
    """Fork a process for every job that is asked for, until the connection is closed."""
    with connection.makefile("rw", encoding="utf-8") as stream:
        for text in stream:
            asked, answer = json.loads(text), tuple[int, ...]()
            if "log" in asked:
                with Path(asked["log"]).open("ab") as log:
                    os.dup2(log.fileno(), 1)
                    os.dup2(log.fileno(), 2)
            elif "wait" in asked:
                answer = os.waitpid(asked["wait"], 0)
            else:
                answer = (os.fork(),)
                if answer == (0,):
                    _run(asked["start"])
            stream.write(json.dumps(answer) + "\n")
            stream.flush()


def _run(job: Job) -> None:
    """Do a job in the process that was forked for it, and end with it."""
    code = 1
    try:
        os.environ.update(job["env"])
        with _tempered(job):
            if "command" in job:
                sys.argv = ["leeway", "--debug", *job["command"]]
                import_module("flows.cli.app").app(standalone_mode=False)
            else:
                getattr(import_module(f"flows.{job['flow']}"), job["flow"])(
                    job["project"], date.fromisoformat(job["night"])
                )
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, it is written down and the process ends
        sys.stderr.write(f"{os.getpid()} failed\n{traceback.format_exc()}")
    finally:
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def _tempered(job: Job) -> Iterator[None]:
    """Prepare a process for its fault: `die` or `pause` (kind, number, when), `span` of its leases, `unleased`.

    `commits` names a file that lists what it commits.
    """
    from tasks import prefect_task
    from tasks.lake import lease

    lease.LOOK_SECONDS = 0.05
    prefect_task.RETRY_DELAYS_SECONDS[:] = [0.2, 0.2, 0.2]
    if "span" in job:
        lease.SPAN = timedelta(seconds=job["span"])
    if "unleased" in job:
        vars(import_module("flows.steps.exclusive_run"))["acquire_lease"] = lambda *_: nullcontext()
        import_module("flows.workspace").Workspace.with_lease = lambda workspace, _lease: workspace  # nor does a fence
    if "commits" in job:
        _listed(Path(job["commits"]))
    for fault, number in (("die", signal.SIGKILL), ("pause", signal.SIGSTOP)):
        if fault in job:
            _struck(job[fault], number)
    yield


def _listed(path: Path) -> None:
    """Write down which table each write of this process commits to, in order."""
    write = Lake.append_if_absent

    def written(lake: Lake, project: str, table: str, *args: Any, **options: Any) -> bool:
        with path.open("a", encoding="utf-8") as commits:
            commits.write(f"{table}\n")
        return write(lake, project, table, *args, **options)

    vars(sys.modules[Lake.__module__])["Lake"].append_if_absent = written


def _struck(at: Sequence[Any], how: signal.Signals) -> None:
    """Signal this process before or after the n-th write: to a table of the lake, or a call that changes MLflow.

    Parameters
    ----------
    at : (str, int, str)
        The table or the call of MLflow's client, or `commit` for any table, or `*` for any of both; which one of them,
        from 1; `before` or `after`.
    """
    from tasks.registry.mlflow_server import Server

    what, number, when = at
    counted = count(1)

    def strike(write: Callable[..., Any], name_at: int, *kinds: str) -> Callable[..., Any]:
        def written(*args: Any, **options: Any) -> Any:
            name = args[name_at]
            mine = what in {name, *kinds} and ("commit" in kinds or name in WRITES)
            due = mine and next(counted) == number
            if due and when == "before":
                os.kill(os.getpid(), how)
            result = write(*args, **options)
            if due and when == "after":
                os.kill(os.getpid(), how)
            return result

        return written

    for owner, method, name_at, kinds in (
        (Lake, "append_if_absent", 2, ("commit", "*")),
        (Server, "ask", 1, ("*",)),
        (Server, "_ask_unless", 2, ("*",)),
    ):
        setattr(owner, method, strike(getattr(owner, method), name_at, *kinds))


def wait_until_stopped(pid: int, seconds: float = 60) -> None:
    """Wait until a process is paused."""
    deadline = time.monotonic() + seconds
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline, f"{pid} never paused"
        time.sleep(0.05)
