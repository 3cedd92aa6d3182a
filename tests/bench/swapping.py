"""What a swap of the version that answers costs, while clients ask without a pause: no request fails, none is mixed.

Each reply is compared with what the version that it names answers. Next to it: what a worker takes until its first
answer, and the memory that it holds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import psutil
from rich.console import Console

from tasks.serve.served_version import ServedVersion
from tasks.serving_store import ServablePackage
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.sizes import sized
from tests.running_service import Client, Packages, Running, running, two_versions, until
from tests.unit.serve.packages import ROW

SWAPS = sized(1_000, 3)
CLIENTS = 4


def bench_swaps(console: Console) -> Figures:
    figures = Figures(f"{SWAPS:,} swaps of the version that answers, while {CLIENTS} clients ask without a pause")
    with own_place() as place:
        packages = two_versions(place)
        began = time.monotonic()
        with running(place, packages) as service:
            (worker,) = _workers(service)
            cpu, held = worker.cpu_times(), worker.memory_info().rss / 1e6
            started = time.monotonic() - began
            figures.add("first answer of a worker", Time(started, cpu.user + cpu.system))
            console.print(f"a worker holds {held:,.0f} MB when it begins to answer")
            before = worker.cpu_times()
            waits, counted = _swapped(service, packages)
            after, now = worker.cpu_times(), worker.memory_info().rss / 1e6
            spent = after.user + after.system - before.user - before.system
            figures.add("a swap", Time(float(np.median(waits)), spent / SWAPS))
    console.print(
        f"{counted.total():,} replies: {counted['right']:,} of the version that they name, {counted['mixed']} of "
        f"another, {counted['failed']} failed; 99 % of the swaps were seen within "
        f"{np.quantile(waits, 0.99) * 1000:,.0f} ms of their publication; the worker holds {now:,.0f} MB"
    )
    return figures


def _swapped(service: Running, packages: Packages) -> tuple[list[float], Counter[str]]:
    """Return how long each swap took until a client saw it, and how many replies were right."""
    expected = {package.version: _answer(package, files) for package, files in packages}
    waits = []
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(service)) for _ in range(CLIENTS)]
        for swap in range(SWAPS):
            number = 2 - swap % 2
            published = time.monotonic()
            service.publish(number)
            until(partial(_all_see, clients, number))
            waits.append(time.monotonic() - published)
    counted: Counter[str] = Counter(failed=sum(len(client.failures) for client in clients))
    for status, reply in (one for client in clients for one in client.replies):
        is_right = status == 200 and reply["answer"]["prediction"] == expected[reply["version"]]
        counted["right" if is_right else "mixed" if status == 200 else "failed"] += 1
    return waits, counted


def _all_see(clients: Sequence[Client], version: int) -> bool:
    """Return whether the newest reply to each client is of a version."""
    return all(client.replies and client.replies[-1][1].get("version") == version for client in clients)


def _answer(package: ServablePackage, files: Any) -> float:
    version = ServedVersion(package, files)
    return float(version.answers([version.reader.read(ROW)])[0].answer["prediction"])


def _workers(service: Running) -> list[psutil.Process]:
    until(lambda: len(service.workers) == 1)
    return service.workers
