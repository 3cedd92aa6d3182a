"""`python -m tasks.serve.processes.service_worker SETTINGS SLOT SOCKET MEMORY`: one worker of the service.

It loads what the routes name, repeats the references, and then answers on a socket that the supervisor keeps open.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any, TypeVar

import uvicorn
import uvloop

from tasks.errors import EvidenceError
from tasks.logs import line
from tasks.serve.candidates import Candidates
from tasks.serve.champions import Champions
from tasks.serve.paired_answering import PairedAnswering
from tasks.serve.processes.background_task import end_with
from tasks.serve.processes.http_limits import LimitedProtocol, close_slow
from tasks.serve.processes.prediction_log import PredictionLog
from tasks.serve.processes.shared_counters import NO_PROJECT, CounterLayout, SharedCounters, WorkerCounters
from tasks.serve.row_answering import UNPAIRED_SHARE, RowAnswering
from tasks.serve.service_app import ServiceApp
from tasks.serve.service_settings import BACKLOG, ServiceSettings, read_settings
from tasks.serving_store import UNREAD, ApiKeys, ServingStore, file_stamp, public_keys, read_keys, version_keys
from tasks.serving_store.api_keys import FILE as KEYS_FILE

LOG = logging.getLogger("leeway.serve")
WATCH_SECONDS = 0.05
FORGETTING = 0.5
SWITCH_SECONDS = 0.0005  # until the thread of the log lets go of the interpreter; the default is ten times that


class ServiceLoop(uvloop.Loop):
    """An event loop that ends a TLS handshake after the time for a request: before it, no limit sees the connection."""

    def __init__(self, handshake_seconds: float) -> None:
        super().__init__()
        self._handshake_seconds = handshake_seconds

    async def create_server(self, *where: Any, **options: Any) -> Any:
        """Listen, with TLS if there is a certificate."""
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", self._handshake_seconds)
        return await super().create_server(*where, **options)


def worker_config(app: Any, settings: ServiceSettings, refused: Callable[[int], None]) -> uvicorn.Config:
    """Return how uvicorn serves an application.

    Parameters
    ----------
    refused : callable
        Counts a status that a connection is refused with before its request reaches the application.
    """
    protocol = type(
        "Protocol",
        (LimitedProtocol,),
        {
            "max_connections": settings.max_connections,
            "max_header_bytes": settings.max_header_bytes,
            "refused": staticmethod(refused),
        },
    )
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="uvloop",
        interface="asgi3",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=int(settings.idle_seconds),
        timeout_graceful_shutdown=int(settings.drain_seconds),
        ssl_certfile=settings.certificate or None,
        ssl_keyfile=settings.private_key or None,
    )


class WorkerServer(uvicorn.Server):
    """The server of a worker, and that for gRPC if there is one.

    Once its last request is answered, what is left of the prediction log is written.

    A signal ends the process as soon as the server has stopped, so this is a part of stopping it.
    """

    def __init__(self, config: uvicorn.Config, log: PredictionLog | None, settings: ServiceSettings) -> None:
        super().__init__(config)
        self._log, self._settings = log, settings
        self._calls: Any = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start the log, then the servers."""
        if self._log is not None:
            self._log.start()
        await super().startup(sockets)
        if self._settings.grpc_port:
            from tasks.serve.over_grpc.grpc_server import grpc_server

            self._calls = grpc_server(self.config.app, self._settings)
            await self._calls.start()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop the servers, then the log."""
        if self._calls is not None:
            await self._calls.stop(self._settings.drain_seconds)
        await super().shutdown(sockets)
        if self._log is not None:
            await asyncio.to_thread(self._log.close)


Loaded = TypeVar("Loaded")


class Watch:
    """What a worker looks after between requests: routes, keys, its lag, slow connections, and its supervisor."""

    def __init__(
        self, app: ServiceApp, settings: ServiceSettings, counters: WorkerCounters, candidates: Candidates
    ) -> None:
        self._app, self._settings, self._counters, self._candidates = app, settings, counters, candidates
        self._answering, self._root = app.answering, Path(settings.root)
        self._turns = 0
        self._keys_stamp: tuple[int, int] | None = UNREAD
        self._keys_fault = ""
        self._parent = os.getppid()
        self.follow_keys()

    async def run(self, server: uvicorn.Server) -> None:
        """Look every 50 milliseconds until the server ends, or the supervisor has ended."""
        loop, counters = asyncio.get_running_loop(), self._counters
        while not server.should_exit:
            self._beat()
            due = loop.time() + WATCH_SECONDS
            await asyncio.sleep(WATCH_SECONDS)
            late = max(0.0, loop.time() - due)
            answering = self._answering
            answering.lag_seconds = max(late, FORGETTING * answering.lag_seconds)
            counters.set("lag_us", int(answering.lag_seconds * 1e6))
            counters.set("in_flight", answering.in_flight)
            close_slow(server.server_state.connections, loop.time(), self._settings.request_seconds)
            await self._follow_routes()
            counters.set("ready", int(answering.champions.is_ready))
            await self._follow_rollouts()
            self.follow_keys()
            if os.getppid() != self._parent:
                LOG.error(line("supervisor_ended", pid=self._parent))
                server.should_exit = True

    async def _follow_routes(self) -> None:
        champions = self._answering.champions
        for project in champions.changed():
            found = await self._loaded(champions.load, project)
            if found is not None:
                champions.exchange(found)
            report(champions, self._counters)

    async def _follow_rollouts(self) -> None:
        for project in self._candidates.changed():
            found = await self._loaded(self._candidates.load, project)
            self._candidates.exchange(found, asyncio.get_running_loop().time())

    async def _loaded(self, load: Callable[[str], Loaded], project: str) -> Loaded:
        """Return what a thread has loaded; the worker is alive meanwhile, however long the proof of a version takes."""
        loading = asyncio.create_task(asyncio.to_thread(load, project))
        while not loading.done():
            await asyncio.wait([loading], timeout=WATCH_SECONDS)
            self._beat()
        return loading.result()

    def _beat(self) -> None:
        """Show the supervisor that the event loop of this worker turns."""
        self._turns += 1
        self._counters.set("turns", self._turns)

    def follow_keys(self) -> None:
        """Read the API keys if their file has changed; while it cannot be read, none is accepted: it may be revoked."""
        stamp = file_stamp(self._root / KEYS_FILE)
        if stamp == self._keys_stamp != UNREAD:
            return
        try:
            self._app.keys, self._keys_stamp, fault = read_keys(self._root), stamp, ""
        except (EvidenceError, OSError) as error:
            self._app.keys, self._keys_stamp, fault = ApiKeys(), UNREAD, str(error)
        if fault and fault != self._keys_fault:
            LOG.error(line("keys_refused", reason=fault))
        self._keys_fault = fault


def report(champions: Champions, counters: WorkerCounters) -> None:
    """Write to the shared counters which versions answer."""
    for project in champions.projects:
        serving = champions.get(project)
        counters.set_project(project, "version", serving.version.number if serving else 0)
        counters.set_project(project, "serial", serving.route.serial if serving else 0)
        counters.set_project(project, "reload_faults", int(project in champions.faults))


async def serve(settings: ServiceSettings, listener: socket, counters: WorkerCounters, slot: int) -> None:
    """Answer requests until a signal."""
    root = Path(settings.root)
    versions = partial(version_keys, root) if settings.follows_version_keys else None
    store = ServingStore(root, public_keys(settings.trusted), versions)
    champions = Champions(store, settings.projects, is_controlled=bool(settings.controller))
    for project in settings.projects:
        if (found := champions.load(project)) is not None:
            champions.exchange(found)
    report(champions, counters)
    log = PredictionLog(root, settings.logs, counters, slot) if settings.logs else None
    candidates = Candidates(store, settings.projects, slot, UNPAIRED_SHARE * settings.budget_ms / 1000)
    app = ServiceApp(RowAnswering(champions, settings, counters, log, PairedAnswering(candidates)), ApiKeys())
    config = worker_config(app, settings, lambda status: counters.request(NO_PROJECT, status, 0.0))
    server = WorkerServer(config, log, settings)
    watch = asyncio.create_task(Watch(app, settings, counters, candidates).run(server), name="watch")
    watch.add_done_callback(end_with(server))
    try:
        await server.serve(sockets=[listener])
    finally:
        counters.set("ready", 0)
        watch.cancel()


def main() -> None:
    """Run a worker; the supervisor gives it the settings, its slot, its socket and the memory of the counters."""
    path, slot, descriptor, memory = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker-" + slot + " %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # a client that sends no HTTP must not fill the log
    settings = read_settings(Path(path))
    shared = SharedCounters(CounterLayout(settings.projects, settings.workers), int(memory))
    counters = WorkerCounters(shared, int(slot))
    counters.begin(os.getpid())
    sys.setswitchinterval(SWITCH_SECONDS)
    listener = socket(fileno=int(descriptor))
    uvloop.run(
        serve(settings, listener, counters, int(slot)), loop_factory=lambda: ServiceLoop(settings.request_seconds)
    )


if __name__ == "__main__":
    main()
