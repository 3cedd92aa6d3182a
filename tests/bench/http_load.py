"""Requests over many kept-alive connections from one thread, and what a server spends on them."""

from __future__ import annotations

import random
import selectors
import socket
from dataclasses import dataclass, field
from time import monotonic

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


@dataclass
class Schedule:
    """When requests of an open loop are due, and how long after that each was answered.

    A request that had to wait until it was sent, because replies were late, is late itself: nothing is left out
    (G. Tene, How not to measure latency, on coordinated omission).
    """

    due_seconds: list[float]
    latencies_ms: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Return the latency that a share of the requests does not exceed, in milliseconds."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def poisson_schedule(per_second: float, seconds: float) -> Schedule:
    """Return requests at random moments, the same each time, that do not depend on any reply."""
    rng, due, now = random.Random(0), list[float](), 0.0
    while (now := now + rng.expovariate(per_second)) < seconds:
        due.append(now)
    return Schedule(due)


def open_loop(port: int, asked: bytes, schedule: Schedule, connections: int = 4 * CONNECTIONS) -> int:
    """Send requests when they are due, and measure from then on; return how many were not answered with 200."""
    selector, failed, sent = selectors.DefaultSelector(), 0, 0
    idle = [Answered(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
    opened, due_of, began = list(idle), dict[int, float](), monotonic()
    for one in opened:
        selector.register(one.connection, selectors.EVENT_READ, one)
    while len(schedule.latencies_ms) < len(schedule.due_seconds):
        while idle and sent < len(schedule.due_seconds) and began + schedule.due_seconds[sent] <= monotonic():
            one = idle.pop()
            due_of[id(one)] = began + schedule.due_seconds[sent]
            one.connection.sendall(asked)
            sent += 1
        left = began + schedule.due_seconds[sent] - monotonic() if idle and sent < len(schedule.due_seconds) else 30.0
        for key, _ in selector.select(timeout=max(0.0, left)):
            if (whole := key.data.reply()) is not None:
                schedule.latencies_ms.append(1000 * (monotonic() - due_of[id(key.data)]))
                failed += not whole.startswith(b"HTTP/1.1 200 ")
                idle.append(key.data)
    for one in opened:
        one.connection.close()
    return failed
