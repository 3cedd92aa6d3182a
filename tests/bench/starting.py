"""How long the local stack takes to answer against its slower server started alone; what it holds of memory idle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter, sleep
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from rich.console import Console

from flows.stack.local_stack import HOST, PROCFILE, QUIET, free_port, open_stack, start_worker
from flows.stack.process_registry import read_note
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.sizes import sized

PATIENCE_SECONDS = 180
STOP_SECONDS = 20
PAUSE_SECONDS = 0.05
SETTLE_SECONDS = sized(20, 5)  # the worker has started by then
HEALTH = {"prefect": "/api/health", "mlflow": "/health"}


def bench_stack(console: Console) -> Figures:
    with own_place() as home:
        began = perf_counter()
        with open_stack(home, worker=True, say=lambda _: None):
            together = Time(perf_counter() - began)
            start_worker(home)
            sleep(SETTLE_SECONDS)
            _say_memory(console, home)
    alone = {name: _alone(name) for name in sized(tuple(HEALTH), ())}
    slower = max(alone, key=lambda name: alone[name].seconds, default="")
    figures = Figures("the local stack, from an empty folder until it answers")
    figures.add("both servers, side by side", together, f"{slower} alone" if slower else None)
    for name, time in alone.items():
        figures.add(f"{name} alone", time)
    return figures


def _say_memory(console: Console, home: Path) -> None:
    """Say how much memory each member holds, with what it started; pages that processes share are counted once."""
    note = read_note(home)
    if note is None:
        raise AssertionError("the stack's supervisor is gone")
    noted = {"supervisor": note["keeper"], **note["members"]}
    running = {name: psutil.Process(member["pid"]) for name, member in noted.items() if "pid" in member}
    held = {"supervisor": _megabytes(running.pop("supervisor"))}
    for name, member in running.items():
        held[name] = sum(map(_megabytes, (member, *member.children(recursive=True))))
    each = ", ".join(f"{name} {size:,.0f}" for name, size in held.items())
    console.print(f"memory of the idle stack: {sum(held.values()):,.0f} MB ({each})")


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 1e6


def _alone(name: str) -> Time:
    """Start one line of the Procfile by itself; return how long it took to be healthy."""
    commands = dict(line.split(": ", 1) for line in PROCFILE.read_text().splitlines() if line)
    with own_place() as home:
        port = str(free_port("", 0))
        environment = {
            **os.environ,
            **QUIET,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PREFECT_HOME": str(home),
            "LEEWAY_HOME": str(home),
            "LEEWAY_HOST": HOST,
            f"LEEWAY_{name.upper()}_PORT": port,
        }
        began = perf_counter()
        server = subprocess.Popen(
            ["sh", "-c", commands[name]],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait(f"http://{HOST}:{port}{HEALTH[name]}", server)
            return Time(perf_counter() - began)
        finally:
            server.terminate()
            server.wait(STOP_SECONDS)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = perf_counter() + PATIENCE_SECONDS
    while perf_counter() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own http address
                return
        except (URLError, OSError):
            sleep(PAUSE_SECONDS)
    raise TimeoutError(f"{url} did not answer within {PATIENCE_SECONDS} s")
