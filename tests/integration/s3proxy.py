"""A proxy in front of an S3 server that does to chosen requests what networks and stores do to them.

It runs as a process of its own (`python -m tests.integration.s3proxy PORT UPSTREAM`), for a client that waits inside
a native
call may keep every thread of its process waiting. Requests below `/-/` set what it does, `/-/`, which no bucket
is called.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

Fault = Literal["503", "reset", "hang", "cut_upload", "cut_download", "lost_reply", "flipped_bit"]
AT_ONCE = struct.pack("ii", 1, 0)  # a socket that lingers for no time is reset when it is closed
OF_ONE_HOP = {"connection", "transfer-encoding", "keep-alive"}
BUSY = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
HANG_SECONDS = 2.0
CONTROL = "/-/"


@dataclass
class Planned:
    """A fault, the requests it befalls (method, and a regular expression for path and query), and how often."""

    fault: Fault
    method: str = ""
    path: str = ""
    left: int = 1

    def befalls(self, method: str, path: str) -> bool:
        return self.left > 0 and self.method in {"", method} and re.search(self.path, path) is not None


@dataclass(frozen=True)
class Proxy:
    """What a test holds of the proxy."""

    address: str

    def befall(self, fault: Fault, method: str = "", path: str = "", times: int = 1) -> None:
        """Let a fault befall the next requests that match."""
        self._ask("POST", asdict(Planned(fault, method, path, times)))

    def seen(self) -> list[tuple[str, str, Fault | None]]:
        """Return method, path and fault of every request."""
        return [(method, path, fault) for method, path, fault in self._ask("GET")]

    def faults(self) -> list[Fault]:
        """Return what befell, in order."""
        return [fault for _, _, fault in self.seen() if fault is not None]

    def forget(self) -> None:
        """Plan nothing, and forget what was seen."""
        self._ask("DELETE")

    def _ask(self, method: str, what: object = None) -> Any:
        body = None if what is None else json.dumps(what).encode()
        request = urllib.request.Request(self.address + CONTROL, body, method=method)  # noqa: S310 - our own process
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - our own process
            return json.loads(reply.read())


def moto_process(home: Path) -> Iterator[str]:
    """Start moto's S3 as a process of its own; give its address."""
    from tests.servers import free_port, serving

    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    with serving(command, home, f"{url}/moto-api/"):
        yield url


def proxy_process(home: Path, upstream: str) -> Iterator[Proxy]:
    """Start a proxy to a server."""
    from tests.servers import free_port, serving

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.integration.s3proxy", str(port), upstream]
    with serving(command, home, url + CONTROL):
        yield Proxy(url)


class _Way:
    """What is planned and what was seen; requests come in threads."""

    def __init__(self) -> None:
        self.planned: list[Planned] = []
        self.seen: list[tuple[str, str, Fault | None]] = []
        self.lock = threading.Lock()

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            due = next((each for each in self.planned if each.befalls(method, path)), None)
            if due is not None:
                due.left -= 1
            self.seen.append((method, path, due.fault if due else None))
            return due.fault if due else None


class _Handler(BaseHTTPRequestHandler):
    way = _Way()
    upstream = ""
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.path == CONTROL:
            self._answer(200, [], json.dumps(self._control(length)).encode())
            return
        fault = self.way.fault(self.command, self.path)
        if fault == "cut_upload":
            self.rfile.read(length // 2)
        if fault in {"reset", "cut_upload"}:
            self._reset()
            return
        body = self.rfile.read(length)
        if fault == "503":
            self._answer(503, [("Content-Type", "application/xml")], BUSY)
        elif fault == "hang":
            self.close_connection = True
            threading.Event().wait(HANG_SECONDS)
        else:
            self._pass_on(body, fault)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815 - the names it has upstream

    def _control(self, length: int) -> object:
        if self.command == "GET":
            return self.way.seen
        if self.command == "POST":
            self.way.planned.append(Planned(**json.loads(self.rfile.read(length))))
        else:
            self.way.planned.clear()
            self.way.seen.clear()
        return None

    def _pass_on(self, body: bytes, fault: Fault | None) -> None:
        upstream = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        headers = {name: text for name, text in self.headers.items() if name.lower() not in OF_ONE_HOP}
        try:
            upstream.request(self.command, self.path, body=body, headers=headers)
            reply = upstream.getresponse()
            content = reply.read()
        finally:
            upstream.close()
        if fault == "lost_reply":
            self._reset()
            return
        if fault == "flipped_bit" and content:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        self._answer(reply.status, reply.getheaders(), content, cut=fault == "cut_download")

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False) -> None:
        self.send_response_only(status)
        of_head = [text for name, text in headers if name.lower() == "content-length" and self.command == "HEAD"]
        for name, text in headers:
            if name.lower() not in OF_ONE_HOP | {"content-length"}:
                self.send_header(name, text)
        self.send_header("Content-Length", of_head[0] if of_head else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.connection.close()  # the reset goes out once the reading stream is closed as well

    def log_message(self, *_: Any) -> None:
        return


def main(port: int, upstream: str) -> None:
    """Serve until the process is ended."""
    _Handler.upstream = upstream
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
