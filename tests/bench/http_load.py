"""Requests over many kept-alive connections from one thread, and what a server spends on them."""

from __future__ import annotations

import selectors
import socket
from dataclasses import dataclass, field

import psutil

CONNECTIONS = 32
END = b"\r\n\r\n"


@dataclass
class Answered:
    """A connection that waits for a reply; `received` is what has come of it."""

    connection: socket.socket
    received: bytes = field(default=b"")

    def reply(self) -> bytes | None:
        """Return the reply once it is whole."""
        self.received += self.connection.recv(65_536)
        head, ended, body = self.received.partition(END)
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if not ended or len(body) < int(lengths[0].partition(b":")[2]):
            return None
        self.received = b""
        return head + END + body


def request(path: str, body: bytes, key: str) -> bytes:
    """Return a POST request."""
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def cpu_seconds(pid: int, port: int, asked: bytes, requests: int) -> tuple[float, bytes]:
    """Return the CPU seconds of a process for requests that are all answered with 200, and the last reply."""
    process, reply = psutil.Process(pid), b""
    selector = selectors.DefaultSelector()
    waiting = [Answered(socket.create_connection(("127.0.0.1", port))) for _ in range(min(CONNECTIONS, requests))]
    before = process.cpu_times()
    for one in waiting:
        selector.register(one.connection, selectors.EVENT_READ, one)
        one.connection.sendall(asked)
    sent, done = len(waiting), 0
    while done < requests:
        for key, _ in selector.select(timeout=30):
            if (whole := key.data.reply()) is not None:
                assert whole.startswith(b"HTTP/1.1 200 "), whole
                reply, done = whole, done + 1
                if sent < requests:
                    key.data.connection.sendall(asked)
                    sent += 1
    after = process.cpu_times()
    for one in waiting:
        one.connection.close()
    return after.user + after.system - before.user - before.system, reply.partition(END)[2]
