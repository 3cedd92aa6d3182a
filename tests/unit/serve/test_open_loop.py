"""The load of the benches leaves no wait out: a request counts from when it is due, not from when it could be sent."""

from __future__ import annotations

import socket
from threading import Thread
from time import sleep

import pytest

from tests.bench.http_load import Schedule, open_loop, poisson_schedule

STALL_SECONDS = 0.3
REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def answering(listener: socket.socket, requests: int) -> None:
    """Answer requests of one connection, the first one after a stall."""
    connection, _ = listener.accept()
    for number in range(requests):
        connection.recv(100)
        sleep(STALL_SECONDS * (number == 0))
        connection.sendall(REPLY)
    connection.close()


def test_a_stall_counts_for_all_requests_that_were_due_in_it() -> None:
    due = [0.0, 0.1, 0.2, 0.4]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=answering, args=(listener, len(due)))
        server.start()
        schedule = Schedule(due)
        assert open_loop(listener.getsockname()[1], b"GET", schedule, connections=1) == 0
        server.join()
    stalled = [1000 * (STALL_SECONDS - each) for each in due[:3]]
    assert all(found >= least for found, least in zip(schedule.latencies_ms, stalled, strict=False))
    assert schedule.quantile(1.0) == max(schedule.latencies_ms)
    assert schedule.quantile(0.0) == min(schedule.latencies_ms)


def test_a_schedule_is_the_same_each_time_and_has_about_the_rate() -> None:
    first = poisson_schedule(1000, 2)
    assert first.due_seconds == poisson_schedule(1000, 2).due_seconds == sorted(first.due_seconds)
    assert len(first.due_seconds) == pytest.approx(2000, rel=0.1)
