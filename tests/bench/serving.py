"""What a request of one row costs the prediction service, against a constant reply and against FastAPI with the model.

The service does all of it: API key, strict JSON, contract, model, deferral, counters; `logged` adds the prediction log.
The constant reply is the floor that uvicorn sets. The latencies are of an open loop: requests come when they are due,
whether the ones before are answered or not, and a latency counts from then on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from rich.console import Console

from flows.stack.local_stack import free_port
from tasks.serve.service_settings import LogTerms, ServiceSettings
from tasks.serving_store import ApiKeys, ServingStore, new_key, public_pems, write_keys
from tests.bench.figures import Figures, Time
from tests.bench.http_load import cpu_seconds, open_loop, poisson_schedule, request
from tests.bench.places import own_place
from tests.bench.sizes import sized
from tests.unit.serve.packages import KEY, MOMENT, ROW, fitted, package_of, write_suite

REQUESTS = sized(20_000, 100)
ROUNDS = sized(3, 1)
PER_SECOND = sized(1_000.0, 100.0)
OPEN_SECONDS = sized(60.0, 0.5)
QUANTILES = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "most": 1.0}
PAUSE_SECONDS = 0.05
TICK_SECONDS = 0.01  # the kernel counts no less
PATH = "/v1/projects/flats/predict"
OURS = {"leeway", "logged"}


def bench_serve(console: Console) -> Figures:
    with own_place() as place:
        write_suite(place)
        store = ServingStore(place / "serving", [KEY.public_key()])
        package, files = package_of(place, fitted("regression"))
        digest = store.add_package(package, files, KEY)
        store.publish(package, digest, KEY, MOMENT)
        key, text = new_key("bench")
        write_keys(store.root, ApiKeys((key,)))
        folder = store.root / "flats" / digest
        figures = Figures(f"CPU of a server for {REQUESTS:,} requests of one row, 32 connections")
        replies = {}
        for name, path, content in (
            ("constant", "/", {"row": ROW}),
            ("fastapi", "/predict", ROW),
            ("leeway", PATH, {"row": ROW}),
            ("logged", PATH, {"row": ROW}),
        ):
            with _server(name, folder, store) as (pid, port):
                asked = request(path, json.dumps(content).encode(), text)
                spent = [cpu_seconds(pid, port, asked, REQUESTS) for _ in range(ROUNDS)]
                replies[name] = json.loads(spent[-1][1])
                late = latencies(port, asked)
                held = psutil.Process(pid).memory_info().rss / 1e6
            used = Time.median([Time(max(seconds, TICK_SECONDS)) for seconds, _ in spent])
            figures.add(name, used, None if name == "constant" else "constant")
            each = used.seconds / REQUESTS * 1e6
            console.print(f"{name}: {each:,.0f} us a request, {held:,.0f} MB")
            console.print(f"{name}: {late}")
        assert abs(replies["leeway"]["answer"]["prediction"] - replies["fastapi"]["prediction"]) < 1e-9
        return figures


def latencies(port: int, asked: bytes) -> str:
    """Return how long requests take that come at random moments, in words."""
    schedule = poisson_schedule(PER_SECOND, OPEN_SECONDS)
    failed = open_loop(port, asked, schedule)
    shown = ", ".join(f"{name} {schedule.quantile(share):.1f}" for name, share in QUANTILES.items())
    return f"{PER_SECOND:,.0f} requests/s for {OPEN_SECONDS:g} s: {shown} ms; {failed} not answered"


@contextmanager
def _server(name: str, folder: Path, store: ServingStore) -> Iterator[tuple[int, int]]:
    """Start a server; give the process that answers, and its port."""
    port, admin = free_port("", 0), free_port("", 0)
    command, ready = [sys.executable, "-m", "tests.bench.serving_peers", name, str(port), str(folder)], f"{port}/docs"
    if name in OURS:
        settings = ServiceSettings(
            projects=("flats",),
            root=str(store.root),
            trusted=public_pems([KEY.public_key()]),
            logs={"flats": LogTerms()} if name == "logged" else {},
            port=port,
            admin_port=admin,
            budget_ms=60_000,
        )
        command, ready = (
            [sys.executable, "-m", "tasks.serve.processes.service_supervisor", str(settings.write())],
            f"{admin}/ready",
        )
    with subprocess.Popen(command, env=dict(os.environ)) as server:
        try:
            while not _answers(f"http://127.0.0.1:{ready}"):
                assert server.poll() is None
                sleep(PAUSE_SECONDS)
            yield psutil.Process(server.pid).children()[0].pid if name in OURS else server.pid, port
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    with suppress(URLError, OSError), urlopen(url, timeout=5):  # noqa: S310 - an address of this bench
        return True
    return False
