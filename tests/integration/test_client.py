"""The client of one file against real services: what it returns, what it sends again, and when it ends."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.serving.leeway_client import (
    DeadlineError,
    KeyRefusedError,
    LeewayClient,
    RequestRefusedError,
    RowFault,
    RowsRefusedError,
    ServedAnswer,
    ServiceFaultError,
    UnavailableError,
    pause_seconds,
)
from tests.integration.test_serve import self_signed
from tests.running_service import Packages, Running, running, until
from tests.unit.serve.packages import ROW, fitted, package_of, write_suite

LONG = 60.0


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder)
    return [package_of(folder, fitted("linear"), 1)]


def client_of(service: Running, **options: Any) -> LeewayClient:
    return LeewayClient(service.address, service.key, **{"deadline_seconds": LONG, **options})


def test_it_returns_what_the_service_answers(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages, labels={"flats": "price"}) as service, client_of(service) as client:
        said = service.ask()[1]["answer"]
        answer = client.predict("flats", ROW | {"day": date(2026, 2, 3)})
        assert answer == ServedAnswer(**said, version=1, request_id=answer.request_id)
        assert len(answer.request_id) == 32
        other = ROW | {"area": 30}
        first, second = client.predict_many("flats", [ROW, other])
        assert (first.prediction, second.prediction) == (
            answer.prediction,
            service.ask(row=other)[1]["answer"]["prediction"],
        )
        assert client.predict_many("flats", []) == []
        schema = client.schema("flats")
        assert (schema.version, set(ROW) - set(schema.row["properties"])) == (1, set())
        assert client.send_labels("flats", [{"flat": 7, "day": "2026-02-03", "price": 5}]) == 1


def test_every_refusal_is_an_error_of_its_own_type(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages) as service, client_of(service) as client:
        with pytest.raises(RowsRefusedError, match=r"^422 1 of the rows break the contract") as refused:
            client.predict_many("flats", [ROW, ROW | {"area": None}])
        assert [(fault.row, fault.column) for fault in refused.value.faults] == [(1, "area")]
        assert isinstance(refused.value.faults[0], RowFault)
        assert (refused.value.status, refused.value.code) == (422, "row_refused")
        with pytest.raises(RequestRefusedError, match="413 found 1001 rows"):
            client.predict_many("flats", [ROW] * 1001)
        with pytest.raises(RequestRefusedError, match="404"):
            client.predict("no/such project", ROW)
        with pytest.raises(ValueError, match="not JSON compliant"):
            client.predict("flats", ROW | {"area": float("nan")})
        with pytest.raises(TypeError, match="found a value of type object"):
            client.predict("flats", ROW | {"area": object()})
        with LeewayClient(service.address, "no key") as other, pytest.raises(KeyRefusedError, match="401"):
            other.predict("flats", ROW)
        assert client.predict("flats", ROW).version == 1
        assert 'requests_total{project="flats",status="429"} 0' in service.admin("/metrics")[1]
    with pytest.raises(ValueError, match="expected one such as http"):
        LeewayClient("127.0.0.1:8500", "a key")


def test_one_connection_serves_many_calls_and_one_for_each_thread_at_most(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages) as service, client_of(service) as client:

        def opened() -> int:
            (worker,) = service.workers
            return sum(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections("tcp"))

        for _ in range(20):
            client.predict("flats", ROW)
        assert opened() == 1
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: client.predict("flats", ROW).prediction, range(200)))
        assert len(set(answers)) == 1
        assert opened() <= 4
        client.close()
        until(lambda: opened() == 0)


def test_a_kept_connection_that_was_closed_costs_no_attempt(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages) as service, client_of(service, attempts=1) as client:
        client.predict("flats", ROW)
        (worker,) = service.workers
        worker.kill()
        assert client.predict("flats", ROW).version == 1


def test_overload_is_asked_again_when_the_service_says_and_only_within_the_deadline(
    tmp_path: Path, packages: Packages
) -> None:
    waited: list[float] = []
    busy = running(tmp_path, packages, max_in_flight=0)
    with busy as service, client_of(service, attempts=3, sleep=waited.append) as client:
        with pytest.raises(UnavailableError, match=r"^429 more requests arrive") as refused:
            client.predict("flats", ROW)
        assert (refused.value.status, refused.value.code) == (429, "overloaded")
        assert len(waited) == 2
        assert all(1.0 <= pause <= 3.0 + 0.2 for pause in waited)
        until(lambda: 'requests_total{project="flats",status="429"} 3' in service.admin("/metrics")[1])
        with pytest.raises(UnavailableError):  # a second, at the least, is not left
            client.predict("flats", ROW, deadline_seconds=0.9)
        assert len(waited) == 2
        until(lambda: 'requests_total{project="flats",status="429"} 4' in service.admin("/metrics")[1])


def test_a_call_waits_for_the_first_version(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages, published=False) as service:
        refused = threading.Event()

        def pause(_: float) -> None:
            refused.set()
            time.sleep(0.02)

        with client_of(service, attempts=10_000, sleep=pause) as client, ThreadPoolExecutor(1) as thread:
            call = thread.submit(client.predict, "flats", ROW)
            assert refused.wait(LONG)
            service.publish(1)
            assert call.result().version == 1


def test_a_service_that_is_away_is_tried_again_and_one_that_is_silent_until_the_deadline(packages: Packages) -> None:
    assert packages
    waited: list[float] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with LeewayClient(address, "key", sleep=waited.append) as client:
            with pytest.raises(DeadlineError, match="the time of the call has passed"):
                client.predict("flats", ROW, deadline_seconds=0.2)
            assert waited == []
    with LeewayClient(address, "key", deadline_seconds=LONG, sleep=waited.append) as client:
        with pytest.raises(UnavailableError, match=r"no reply from 127\.0\.0\.1") as away:
            client.predict("flats", ROW)
        assert away.value.status is None
        assert len(waited) == 3


def test_a_deadline_that_cannot_be_met_is_refused_by_the_service_or_ends_here(
    tmp_path: Path, packages: Packages
) -> None:
    with running(tmp_path, packages) as service, client_of(service) as client, pytest.raises(DeadlineError):
        client.predict_many("flats", [ROW] * 1000, deadline_seconds=0.004)


def test_another_program_at_the_address_is_no_answer(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages) as service:
        address = f"http://127.0.0.1:{service.settings.admin_port}/"
        with LeewayClient(address, service.key) as client, pytest.raises(RequestRefusedError, match="404 without"):
            client.schema("flats")
    with closing(socket.create_server(("127.0.0.1", 0))) as other:

        def reply() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<p>welcome</p>\n")

        thread = threading.Thread(target=reply)
        thread.start()
        client = LeewayClient(f"http://127.0.0.1:{other.getsockname()[1]}", "key", deadline_seconds=LONG)
        with client, pytest.raises(ServiceFaultError, match="is there another program at this address"):
            client.predict("flats", ROW)
        thread.join()


def test_it_trusts_only_known_certificates(tmp_path: Path, packages: Packages) -> None:
    certificate, private_key = self_signed(tmp_path)
    with running(tmp_path, packages, certificate=str(certificate), private_key=str(private_key)) as service:
        address = f"https://localhost:{service.settings.port}"
        context = ssl.create_default_context(cafile=str(certificate))
        with LeewayClient(address, service.key, deadline_seconds=LONG, context=context) as client:
            assert client.predict("flats", ROW).version == 1
        client = LeewayClient(address, service.key, deadline_seconds=LONG)
        with client, pytest.raises(UnavailableError, match="localhost is not trusted"):
            client.predict("flats", ROW)


def test_a_date_in_retry_after_is_obeyed_too() -> None:
    assert pause_seconds(1, "Wed, 21 Oct 2015 07:28:00 GMT", 1.0) == 0.1
    assert pause_seconds(1, "Fri, 01 Jan 2123 00:00:00 GMT", 0.0) > 3600
    assert pause_seconds(2, "soon", 1.0) == 0.2


@contextmanager
def dripping(whole: bytes, parts: int) -> Iterator[str]:
    """A server that sends the start of a reply, and then its body in drops; with 0 parts it closes instead."""

    def serve(listener: socket.socket) -> None:
        taken, _ = listener.accept()
        with taken, taken.makefile("rb") as request:
            sizes = [line for line in iter(request.readline, b"\r\n") if line.lower().startswith(b"content-length")]
            request.read(int(sizes[0].split(b":")[1]))  # what is not read would reset the connection
            taken.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(whole)}\r\n\r\n".encode() + whole[:1])
            with suppress(OSError):
                for number in range(1, parts):
                    time.sleep(0.2)
                    taken.sendall(whole[number : number + 1])

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_reply_in_drops_ends_at_the_deadline_of_the_call() -> None:
    with (
        dripping(b"x" * 50, 50) as address,  # in 10 seconds; then it would not be an answer
        LeewayClient(address, "key", attempts=1, deadline_seconds=1.0) as client,
        pytest.raises(DeadlineError),
    ):
        client.predict("flats", ROW)


def test_a_reply_that_ends_early_is_no_answer() -> None:
    with (
        dripping(b"x" * 50, 0) as address,
        LeewayClient(address, "key", attempts=1, deadline_seconds=LONG) as client,
        pytest.raises(UnavailableError, match="49 bytes too early"),
    ):
        client.predict("flats", ROW)
