"""The ports of the local stack: chosen at a home's first start, the same ever after, so that addresses stay true."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection
from pathlib import Path

from flows.stack.process_registry import promised
from tasks.errors import Terminal, Unreachable

LOOPBACK = "127.0.0.1"
PREFERRED = {"prefect": 4200, "mlflow": 5000}
HIGHEST = 65535
FILE = "ports.json"


def ports_of(home: Path, host: str, say: Callable[[str], None]) -> dict[str, int]:
    """Return a port for each server: the variable's, else the one this home has had, else the preferred, else any.

    A remembered port that somebody else holds today is said, and kept for the next start.
    """
    path = home / FILE
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    chosen, others = {}, promised(home)
    for name, preferred in PREFERRED.items():
        wanted = known.get(name, preferred)
        chosen[name] = free_port(f"LEEWAY_{name.upper()}_PORT", wanted, host, others)
        if name in known and chosen[name] != wanted:
            say(f"port {wanted}, where {name} was before, is not free; this time it is {chosen[name]}")
    path.write_text(json.dumps({**chosen, **known}))
    return chosen


def free_port(variable: str, preferred: int, host: str = LOOPBACK, others: Collection[int] = ()) -> int:
    """Return the port a variable names, else the preferred one if it is free, else any free one.

    Parameters
    ----------
    others : collection of int
        Ports that are somebody else's although nobody listens on them yet: a server takes seconds to start.

    Raises
    ------
    Terminal
        When the variable names no port.
    Unreachable
        When the host is no address of this machine, or has no free port.
    """
    wanted = os.environ.get(variable)
    if wanted:
        if not (wanted.isascii() and wanted.isdigit() and 0 < int(wanted) <= HIGHEST):
            raise Terminal(f"{variable} is {wanted!r}; expected the number of a port")
        return int(wanted)
    for port in (0 if preferred in others else preferred, 0):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unreachable(f"no port of {host} can be had; is that an address of this machine?")
