"""`python -m tasks.serve.processes.service_supervisor SETTINGS`: keeps the workers of the service running.

It opens one socket a worker on the same port (SO_REUSEPORT) and keeps all of them, so that a worker that is replaced
loses no connection that waits in its queue. It serves health and metrics, and starts the controller, which keeps
packages and routes in step with the decision record; if the controller dies, the workers go on answering.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from tasks.child_environment import without_secrets
from tasks.errors import Unreachable
from tasks.logs import line
from tasks.registry.signing import VERSIONS
from tasks.serve.processes.admin_app import AdminApp
from tasks.serve.processes.background_task import end_with
from tasks.serve.processes.shared_counters import CounterLayout, SharedCounters, rows_waiting, shared_memory
from tasks.serve.processes.turning_loops import TurningLoops
from tasks.serve.service_settings import BACKLOG, CARRY_SECONDS, ServiceSettings, read_settings
from tasks.serving_store import ServingStore, public_keys
from tasks.serving_store.project_notes import forget_notes

LOG = logging.getLogger("leeway.serve")
POLL_SECONDS = 0.1
FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.1, 10.0
STEADY_SECONDS = 30.0


@dataclass
class Child:
    """A process that is started again when it ends, after a pause that doubles each time."""

    command: Sequence[str]
    environment: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    began: float = 0.0
    due: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def keep(self, now: float) -> None:
        """Start it if it is due, or notice that it ended."""
        if self.process is None:
            if now >= self.due:
                self._start(now)
        elif (code := self.process.poll()) is not None:
            self.pause = FIRST_PAUSE_SECONDS if now - self.began > STEADY_SECONDS else self.pause
            LOG.error(line("process_ended", code=code, command=self.command[2], pause_seconds=self.pause))
            self.process = None
            self._wait(now)

    def _start(self, now: float) -> None:
        try:
            self.process = subprocess.Popen(
                list(self.command), env=dict(self.environment), pass_fds=self.descriptors, start_new_session=True
            )
        except OSError as error:  # such as too many processes or files: it may start later
            reason = error.strerror or type(error).__name__
            LOG.error(line("process_not_started", command=self.command[-1], reason=reason))  # noqa: TRY400 - it is tried again
            self._wait(now)
        else:
            self.starts, self.began = self.starts + 1, now

    def _wait(self, now: float) -> None:
        self.due = now + self.pause
        self.pause = min(2 * self.pause, MOST_PAUSE_SECONDS)

    def signal(self, number: int) -> None:
        """Send it a signal if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


@dataclass
class Children:
    """The workers, and the controller if there is one."""

    workers: list[Child]
    controller: list[Child] = field(default_factory=list)
    turning: TurningLoops | None = None

    async def keep(self, server: uvicorn.Server) -> None:
        """Keep all of them running until the server ends."""
        loop = asyncio.get_running_loop()
        while not server.should_exit:
            for child in (*self.workers, *self.controller):
                child.keep(loop.time())
            self._end_hung()
            await asyncio.sleep(POLL_SECONDS)

    def _end_hung(self) -> None:
        """End the workers with an event loop that does not turn; they are started again as any that end."""
        pids = [child.process.pid if child.process is not None else 0 for child in self.workers]
        for slot in self.turning.hung(pids) if self.turning is not None else ():
            LOG.error(line("worker_hung", worker=slot))
            self.workers[slot].signal(signal.SIGKILL)

    async def stop(self, worker_seconds: float) -> None:
        """Let the workers finish their requests and close their logs, then let the controller land these.

        Parameters
        ----------
        worker_seconds : float
            See `ServiceSettings.worker_stop_seconds`.
        """
        await _ended(self.workers, worker_seconds)
        await _ended(self.controller, CARRY_SECONDS)


async def _ended(children: Sequence[Child], patience_seconds: float) -> None:
    """Ask children to end, and wait; end those that are left."""
    for child in children:
        child.signal(signal.SIGTERM)
    for _ in range(int(patience_seconds / POLL_SECONDS)):
        if not any(child.is_alive for child in children):
            return
        await asyncio.sleep(POLL_SECONDS)
    for child in children:
        if child.is_alive:
            LOG.error(line("process_killed", command=child.command[2], waited_seconds=patience_seconds))
        child.signal(signal.SIGKILL)


class AdminServer(uvicorn.Server):
    """The server of the admin port; before it stops, the workers and the controller are stopped."""

    def __init__(self, app: AdminApp, settings: ServiceSettings, children: Children, counters: SharedCounters) -> None:
        super().__init__(uvicorn.Config(app, **_admin_options(settings)))
        self._children, self._counters, self._settings = children, counters, settings

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the other processes, then this server; a signal ends this process as soon as that is done."""
        await self._children.stop(self._settings.worker_stop_seconds)
        report_lost(self._counters)
        await super().shutdown(sockets)


def listeners(settings: ServiceSettings) -> list[socket.socket]:
    """Return one listening socket a worker, all on one address.

    Raises
    ------
    Unreachable
        When the address is in use, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened: list[socket.socket] = []
    try:
        for _ in range(settings.workers):
            one = socket.socket(family, socket.SOCK_STREAM)
            opened.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind((settings.host, settings.port))
            one.listen(BACKLOG)
            one.setblocking(False)  # noqa: FBT003 - the method takes it by position
    except OSError as error:
        for one in opened:
            one.close()
        raise Unreachable(
            f"{settings.host}:{settings.port} cannot be opened ({error.strerror}); stop what uses it, or choose "
            "another --port"
        ) from error
    return opened


def require_free(host: str, port: int) -> None:
    """Raise Unreachable if another program listens on an address: SO_REUSEPORT would share it unnoticed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unreachable(
                f"{host}:{port} cannot be opened ({error.strerror}); stop what uses it, or choose another port"
            ) from error


async def supervise(path: Path, settings: ServiceSettings, environ: Mapping[str, str]) -> None:
    """Run the service until a signal."""
    require_free(settings.host, settings.port)
    require_free(settings.admin_host, settings.admin_port)
    if settings.grpc_port:
        require_free(settings.host, settings.grpc_port)
    layout = CounterLayout(settings.projects, settings.workers)
    memory = shared_memory(layout)
    counters, sockets = SharedCounters(layout, memory), listeners(settings)
    scrubbed = without_secrets(environ, "LEEWAY_LAKE")  # so that it is hidden from code of projects
    module = "tasks.serve.processes.service_worker"
    workers = [
        Child(
            [sys.executable, "-P", "-m", module, str(path), str(slot), str(one.fileno()), str(memory)],
            scrubbed,
            (one.fileno(), memory),
        )
        for slot, one in enumerate(sockets)
    ]
    unsigning = {name: value for name, value in environ.items() if name not in VERSIONS.secrets}
    controller = [Child(settings.controller, unsigning)] if settings.controller else []
    store = ServingStore(Path(settings.root), public_keys(settings.trusted))
    for project in settings.projects if controller else ():
        forget_notes(store.root / project)  # before a worker reads them
    looks = [max(1, round(seconds / POLL_SECONDS)) for seconds in (settings.hung_seconds, settings.longest_start)]
    turning = TurningLoops(counters, *looks)
    children = Children(workers, controller, turning)
    app = AdminApp(
        counters,
        store,
        lambda: [child.is_alive for child in workers],
        lambda: sum(child.starts for child in workers),
        settings.budget_ms / 1000,
    )
    server = AdminServer(app, settings, children, counters)
    keeping = asyncio.create_task(children.keep(server), name="keep")
    keeping.add_done_callback(end_with(server))
    LOG.info(line("service_starts", host=settings.host, port=settings.port, workers=settings.workers))
    await server.serve()
    keeping.cancel()


def report_lost(counters: SharedCounters) -> None:
    """Log how many answered rows were in the queues of workers that ended without writing them."""
    for project in counters.layout.projects[1:]:
        lost = sum(rows_waiting(counters, slot, project) for slot in range(counters.layout.workers))
        if lost:
            LOG.error(line("log_rows_lost", project=project, rows=lost))


def _admin_options(settings: ServiceSettings) -> dict[str, Any]:
    return {
        "host": settings.admin_host,
        "port": settings.admin_port,
        "interface": "asgi3",
        "lifespan": "off",
        "ws": "none",
        "loop": "uvloop",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": 1,
    }


def main() -> None:
    """Run the supervisor with the settings in a file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s supervisor %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    (path,) = sys.argv[1:]
    try:
        uvloop.run(supervise(Path(path), read_settings(Path(path)), os.environ))
    except Unreachable as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
