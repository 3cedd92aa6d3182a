"""A prediction service as processes, with versions that a test has packaged."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from tasks.serve.service_settings import ServiceSettings
from tasks.serving_store import ApiKeys, ServablePackage, ServingStore, new_key, public_pems, write_keys
from tests.servers import free_port
from tests.unit.serve.packages import KEY, MOMENT, ROW, fitted, package_of, write_suite

Packages = list[tuple[ServablePackage, Any]]


@dataclass
class Running:
    """A running service with two versions, the first of which serves."""

    store: ServingStore
    settings: ServiceSettings
    digests: list[str]
    packages: Packages
    key: str
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.settings.port, timeout=10)

    def ask(self, connection: http.client.HTTPConnection | None = None, row: Any = ROW) -> tuple[int, Any]:
        """Return the status and content of a reply; without a connection, on a new one."""
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        with closing(self.connection()) as new:
            used = connection or new
            used.request("POST", "/v1/projects/flats/predict", json.dumps({"row": row}), headers)
            reply = used.getresponse()
            return reply.status, json.loads(reply.read())

    def admin(self, path: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.settings.admin_port, timeout=10)) as connection:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = [line for line in self.admin("/metrics")[1].splitlines() if line.startswith((name + "{", name + " "))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def publish(self, number: int) -> None:
        self.store.publish(self.packages[number - 1][0], self.digests[number - 1], KEY, MOMENT)

    @property
    def workers(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children()
        return []


def two_versions(folder: Path) -> Packages:
    """Return two versions of flats that answer differently."""
    write_suite(folder)
    return [package_of(folder, fitted(kind), number) for number, kind in enumerate(("linear", "forest"), start=1)]


@dataclass
class Client:
    """A client that asks without a pause, on one connection, and keeps every reply and failure.

    With a name, it asks for rows of its own: each one has another id.
    """

    service: Running
    name: str = ""
    replies: list[tuple[int, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    asked: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def acknowledged(self) -> list[str]:
        """The ids of the rows that were answered."""
        return [reply["answer"]["id"] for status, reply in self.replies if status == 200]

    def has_more_than(self, count: int) -> bool:
        """Return whether more replies than these have come."""
        return len(self.replies) > count

    def _run(self) -> None:
        connection = self.service.connection()
        while not self._stop.is_set():
            self.asked += 1
            row = ROW | {"flat": f"{self.name}-{self.asked}"} if self.name else ROW
            try:
                self.replies.append(self.service.ask(connection, row))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                connection = self.service.connection()
        connection.close()


@contextmanager
def running(folder: Path, packages: Packages, *, published: bool = True, **changes: Any) -> Iterator[Running]:
    """Start a service of the packages' project that ends with the block; the first one serves, if it is published."""
    root, project = folder / "serving", packages[0][0].project
    store = ServingStore(root, [KEY.public_key()])
    digests = [store.add_package(package, files, KEY) for package, files in packages]
    key, text = new_key("tests", ("predict", "labels"))
    write_keys(root, ApiKeys((key,)))
    settings = ServiceSettings(
        projects=(project,),
        root=str(root),
        trusted=public_pems([KEY.public_key()]),
        **{"port": free_port(), "admin_port": free_port(), "budget_ms": 20_000.0, **changes},
    )
    if published and store.route(project) is None:
        store.publish(packages[0][0], digests[0], KEY, MOMENT)
    secret = {"LEEWAY_SIGNING_KEY": "a private key", "AWS_SECRET_ACCESS_KEY": "another secret"}
    command = [sys.executable, "-m", "tasks.serve.processes.service_supervisor", str(settings.write())]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env={**os.environ, **secret}, stdout=log, stderr=log)
    service = Running(store, settings, digests, packages, text, process)
    try:
        until(lambda: service.admin("/ready")[0] == (200 if published else 503))
        yield service
    finally:
        service.process.send_signal(signal.SIGTERM)
        try:
            service.process.wait(timeout=20)
        finally:
            service.process.kill()


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds; a server that does not answer yet counts as not."""
    limit = time.monotonic() + seconds
    while True:
        with suppress(OSError, http.client.HTTPException):
            if holds():
                return
        assert time.monotonic() < limit
        time.sleep(0.02)
