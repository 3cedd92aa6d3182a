"""The ports of the local stack: chosen at the first start of a home and kept, so that addresses stay valid."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from flows.stack.process_registry import reserved_ports
from tasks.errors import Terminal, Unreachable

LOOPBACK = "127.0.0.1"
PREFERRED = {"prefect": 4200, "mlflow": 5000, "serve": 8500, "serve_admin": 8501}
OF_SERVERS, OF_SERVICE = ("prefect", "mlflow"), ("serve", "serve_admin")
HIGHEST = 65535
FILE = "ports.json"


def ports_of(home: Path, host: str, say: Callable[[str], None], names: Sequence[str] = OF_SERVERS) -> dict[str, int]:
    """Return a port for each name: that of its variable, else the one used before, else the preferred one, else any.

    When the port used before is not free, this is reported, and the port is used again at a later start.
    """
    path = home / FILE
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    chosen, reserved = {}, reserved_ports(home)
    for name in names:
        wanted = known.get(name, PREFERRED[name])
        chosen[name] = free_port(f"LEEWAY_{name.upper()}_PORT", wanted, host, reserved)
        if name in known and chosen[name] != wanted:
            say(f"port {wanted}, used by {name} before, is not free; using {chosen[name]} this time")
    path.write_text(json.dumps({**chosen, **known}))
    return chosen


def free_port(variable: str, preferred: int, host: str = LOOPBACK, reserved: Collection[int] = ()) -> int:
    """Return the port that a variable names, else the preferred one if it is free, else any free one.

    Parameters
    ----------
    reserved : collection of int
        Ports of servers that are still starting and do not listen yet.

    Raises
    ------
    Terminal
        When the value of the variable is not a port.
    Unreachable
        When the host is not an address of this machine, or has no free port.
    """
    wanted = os.environ.get(variable)
    if wanted:
        if not (wanted.isascii() and wanted.isdigit() and 0 < int(wanted) <= HIGHEST):
            raise Terminal(f"{variable} is {wanted!r}; expected a port number")
        return int(wanted)
    for port in (0 if preferred in reserved else preferred, 0):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unreachable(f"no port of {host} can be opened; is that an address of this machine?")
