"""`python -m tasks.serve.processes.service_worker SETTINGS SLOT SOCKET MEMORY`: one worker of the service.

It loads what the routes name, repeats the references, and then answers on a socket that the supervisor keeps open.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from socket import socket
from typing import Any

import uvicorn
import uvloop

from tasks.errors import EvidenceError
from tasks.logs import line
from tasks.serve.champions import Champions
from tasks.serve.processes.http_limits import LimitedProtocol, close_slow
from tasks.serve.processes.shared_counters import CounterLayout, SharedCounters, WorkerCounters
from tasks.serve.row_answering import RowAnswering
from tasks.serve.service_app import ServiceApp
from tasks.serve.service_settings import ServiceSettings, read_settings
from tasks.serving_store import ServingStore, public_keys, read_keys
from tasks.serving_store.api_keys import FILE as KEYS_FILE

LOG = logging.getLogger("leeway.serve")
WATCH_SECONDS = 0.05
FORGETTING = 0.5


def worker_config(app: Any, settings: ServiceSettings) -> uvicorn.Config:
    """Return how uvicorn serves an application."""
    protocol = type(
        "Protocol",
        (LimitedProtocol,),
        {"max_connections": settings.max_connections, "max_header_bytes": settings.max_header_bytes},
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
        timeout_keep_alive=int(settings.idle_seconds),
        timeout_graceful_shutdown=int(settings.drain_seconds),
        ssl_certfile=settings.certificate or None,
        ssl_keyfile=settings.private_key or None,
    )


class Watch:
    """What a worker looks after between requests: routes, keys, its lag, slow connections, and its supervisor."""

    def __init__(self, app: ServiceApp, settings: ServiceSettings, counters: WorkerCounters) -> None:
        self._app, self._settings, self._counters = app, settings, counters
        self._answering, self._root = app.answering, Path(settings.root)
        self._keys_stamp = _stamp(self._root)
        self._parent = os.getppid()

    async def run(self, server: uvicorn.Server) -> None:
        """Look every 50 milliseconds until the server ends, or the supervisor has ended."""
        loop = asyncio.get_running_loop()
        while not server.should_exit:
            due = loop.time() + WATCH_SECONDS
            await asyncio.sleep(WATCH_SECONDS)
            late = max(0.0, loop.time() - due)
            answering = self._answering
            answering.lag_seconds = max(late, FORGETTING * answering.lag_seconds)
            self._counters.set("lag_us", int(answering.lag_seconds * 1e6))
            self._counters.set("in_flight", answering.in_flight)
            close_slow(server.server_state.connections, loop.time(), self._settings.request_seconds)
            await self._follow_routes()
            self._follow_keys()
            if os.getppid() != self._parent:
                LOG.error(line("supervisor_ended", pid=self._parent))
                server.should_exit = True

    async def _follow_routes(self) -> None:
        champions = self._answering.champions
        for project in champions.changed():
            found = await asyncio.to_thread(champions.load, project)
            if found is not None:
                champions.exchange(found)
            report(champions, self._counters)

    def _follow_keys(self) -> None:
        stamp = _stamp(self._root)
        if stamp != self._keys_stamp:
            self._keys_stamp = stamp
            try:
                self._app.keys = read_keys(self._root)
            except EvidenceError as error:
                LOG.error(line("keys_refused", reason=str(error)))  # noqa: TRY400 - the reason is all


def report(champions: Champions, counters: WorkerCounters) -> None:
    """Write to the shared counters which versions answer."""
    for project in champions.projects:
        serving = champions.get(project)
        counters.set_project(project, "version", serving.version.number if serving else 0)
        counters.set_project(project, "serial", serving.route.serial if serving else 0)
        counters.set_project(project, "reload_faults", int(project in champions.faults))
    counters.set("ready", int(all(champions.get(project) is not None for project in champions.projects)))


async def serve(settings: ServiceSettings, listener: socket, counters: WorkerCounters) -> None:
    """Answer requests until a signal."""
    store = ServingStore(
        Path(settings.root),
        public_keys(settings.trusted),
        public_keys(settings.trusted_versions or settings.trusted),
    )
    champions = Champions(store, settings.projects)
    for project in settings.projects:
        if (found := champions.load(project)) is not None:
            champions.exchange(found)
    report(champions, counters)
    app = ServiceApp(RowAnswering(champions, settings, counters), read_keys(Path(settings.root)))
    server = uvicorn.Server(worker_config(app, settings))
    watch = asyncio.create_task(Watch(app, settings, counters).run(server))
    try:
        await server.serve(sockets=[listener])
    finally:
        counters.set("ready", 0)
        watch.cancel()


def _stamp(root: Path) -> tuple[int, int] | None:
    try:
        found = (root / KEYS_FILE).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def main() -> None:
    """Run a worker; the supervisor gives it the settings, its slot, its socket and the memory of the counters."""
    path, slot, descriptor, memory = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker-" + slot + " %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # a client that sends no HTTP must not fill the log
    settings = read_settings(Path(path))
    shared = SharedCounters(CounterLayout(settings.projects, settings.workers), int(memory))
    counters = WorkerCounters(shared, int(slot))
    counters.set("pid", os.getpid())
    uvloop.run(serve(settings, socket(fileno=int(descriptor)), counters))


if __name__ == "__main__":
    main()
