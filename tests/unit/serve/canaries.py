"""A worker in the process of a test, with a rollout of version 2 over version 1."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tasks.rollout import RolloutSums, limits
from tasks.serve.candidates import Candidates
from tasks.serve.champions import Champions
from tasks.serve.paired_answering import PairedAnswering
from tasks.serve.processes.shared_counters import WorkerCounters
from tasks.serve.row_answering import RowAnswering
from tasks.serve.service_app import ServiceApp
from tasks.serve.service_settings import ServiceSettings
from tasks.serving_store import ApiKeys, RolloutGrant, ServingStore, new_key
from tasks.serving_store.rollout_ledger import read_sums
from tests.coroutines import run_apart
from tests.unit.serve.packages import KEY, ROW, counters_of

PREDICT = "/v1/projects/flats/predict"
LIMITS = limits(0.2, 0.2, (-0.2, 0.2), 0.5)


@dataclass
class Canary:
    """A service in this process with a rollout of version 2 over version 1."""

    store: ServingStore
    grant: RolloutGrant
    logged: list[int] = field(default_factory=list)
    arms: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.champions = Champions(self.store, ["flats"])
        found = self.champions.load("flats")
        assert found is not None
        self.champions.exchange(found)
        self.candidates = Candidates(self.store, ["flats"], slot=0)
        settings = ServiceSettings(projects=("flats",), root=str(self.store.root), trusted=(), budget_ms=60_000)
        counters: WorkerCounters = counters_of("flats")
        answering = RowAnswering(self.champions, settings, counters, self, PairedAnswering(self.candidates))
        key, self.text = new_key("mine")
        self.app = ServiceApp(answering, ApiKeys((key,)))

    def add(self, _request: Any, serving: Any, answered: Any, draw: Any) -> None:
        """Take what would be logged."""
        self.logged += [serving.version.number] * len(answered)
        self.arms += [draw.arm] * len(answered)
        self.users += draw.users or [""] * len(answered)

    def let(self, **changes: Any) -> None:
        """Write a newer grant, and let the worker follow it."""
        self.grant = msgspec.structs.replace(self.grant, serial=self.grant.serial + 1, **changes)
        self.store.write_grant(self.grant, KEY)

    def ask(self, *rows: dict[str, Any], ident: str = "") -> dict[str, Any]:
        """Follow the grant, ask for rows, and return the content of the reply."""
        return self.post({"rows": list(rows)}, PREDICT, ident)

    def ask_all(self, requests: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Ask for several requests, one after the other, in one event loop."""
        return self._post_all([{"rows": rows} for rows in requests], PREDICT, "")

    def ask_at_once(self, requests: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Ask for several requests that arrive in one turn of the event loop."""

        async def asked() -> list[dict[str, Any]]:
            return await asyncio.gather(*(self._reply({"rows": rows}, PREDICT, "") for rows in requests))

        found: list[dict[str, Any]] = run_apart(asked())
        return found

    def post(self, content: dict[str, Any], path: str, ident: str = "") -> dict[str, Any]:
        """Follow the grant, send a request, and return the content of the reply."""
        return self._post_all([content], path, ident)[0]

    def _post_all(self, contents: list[dict[str, Any]], path: str, ident: str) -> list[dict[str, Any]]:
        async def asked() -> list[dict[str, Any]]:
            found = self.candidates.load("flats")  # each time, as if the controller had just renewed the lease
            self.candidates.exchange(found, asyncio.get_running_loop().time())
            return [await self._reply(content, path, ident) for content in contents]

        found: list[dict[str, Any]] = run_apart(asked())
        return found

    async def _reply(self, content: dict[str, Any], path: str, ident: str) -> dict[str, Any]:
        headers = [(b"authorization", f"Bearer {self.text}".encode()), (b"content-type", b"application/json")]
        if ident:
            headers.append((b"x-request-id", ident.encode()))
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        replies: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps(content).encode()}

        async def send(message: dict[str, Any]) -> None:
            replies.append(message)

        await self.app(scope, receive, send)
        assert replies[0]["status"] == 200, replies[1]["body"]
        reply: dict[str, Any] = json.loads(replies[1]["body"])
        return reply

    @property
    def sums(self) -> RolloutSums:
        """What the ledgers say."""
        return read_sums(self.store.root, "flats", self.grant.rollout, self.grant.stage)


def rows(count: int) -> list[dict[str, Any]]:
    """Return rows of different flats and sizes."""
    return [ROW | {"flat": str(number), "area": 20.0 + number % 100} for number in range(count)]
