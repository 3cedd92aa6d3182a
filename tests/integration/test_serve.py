"""The prediction service as processes: started, exchanged, attacked, killed and stopped under requests."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tasks.serving_store import (
    ApiKeys,
    Route,
    ServingStore,
    public_pems,
    read_keys,
    write_keys,
)
from tasks.serving_store.signed_document import sign_document
from tasks.serving_store.traffic_route import PURPOSE
from tasks.user_code.confined.confinement import hidden_folders
from tests.running_service import Client, Packages, Running, running, two_versions, until
from tests.unit.serve.packages import KEY, MOMENT

HEAVY = ("prefect", "pandas", "pyarrow", "sklearn", "mlflow", "deltalake", "great_expectations", "scipy", "pydantic")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    return two_versions(tmp_path_factory.mktemp("suite"))


def test_a_worker_imports_nothing_heavy_and_answers_what_it_verified(tmp_path: Path, packages: Packages) -> None:
    store = ServingStore(tmp_path, [KEY.public_key()])
    package, files = packages[0]
    digest = store.add_package(package, files, KEY)
    store.publish(package, digest, KEY, MOMENT)
    code = (
        "import sys; from pathlib import Path\n"
        "from tasks.serve.processes import service_supervisor, service_worker\n"
        "from tasks.serving_store import ServingStore, public_keys\n"
        "from tasks.serve.champions import Champions\n"
        f"store = ServingStore(Path({str(tmp_path)!r}), public_keys({public_pems([KEY.public_key()])!r}))\n"
        "print(Champions(store, ['flats']).load('flats').version.number)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n")[:2] == ["1", "[]"]


def test_exchanges_under_requests_lose_and_mix_nothing(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages, workers=2) as service:
        right = {1: service.ask()[1]["answer"]}
        service.publish(2)
        began = time.monotonic()
        until(lambda: {service.ask()[1]["version"] for _ in range(8)} == {2}, seconds=10)
        assert time.monotonic() - began < 5  # a busy machine; on a quiet one it is a tenth of a second
        right[2] = service.ask()[1]["answer"]
        assert right[1] != right[2]
        with Client(service) as one, Client(service) as other:
            for number in [1, 2] * 5:
                service.publish(number)
                time.sleep(0.15)
        replies = one.replies + other.replies
        assert one.failures == other.failures == []
        assert {reply["version"] for _, reply in replies} == {1, 2}
        assert all(status == 200 and reply["answer"] == right[reply["version"]] for status, reply in replies)
        assert service.metric("leeway_serve_rows_total") >= len(replies)


def test_what_does_not_verify_leaves_the_version_that_serves(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages) as service:
        route = Path(service.settings.root) / "flats" / "route.json"
        old = route.read_bytes()
        folder = route.parent / service.digests[1]
        sound = (folder / "model.onnx").read_bytes()

        def log() -> str:
            return (tmp_path / "log").read_text()

        def logged_more(reason: str, before: int) -> bool:
            return log().count(reason) > before

        def refused() -> bool:
            return service.metric("leeway_serve_route_refused") == 1

        def stays() -> None:
            until(refused)
            assert service.ask()[1]["version"] == 1
            assert json.loads(service.admin("/ready")[1])["projects"]["flats"]["degraded"]

        (folder / "model.onnx").write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        service.publish(2)
        stays()
        (folder / "model.onnx").write_bytes(sound)
        service.publish(2)
        until(lambda: service.ask()[1]["version"] == 2)
        assert not refused()
        # An old route, no route at all, and a newer route that another key has signed: version 2 goes on.
        newer = msgspec.structs.replace(route_of(service), serial=2**50, package=service.digests[0], version=1)
        foreign = sign_document(newer.to_json(), PURPOSE.format(project="flats"), Ed25519PrivateKey.generate())
        signed_by_none = "'leeway route of flats' is signed by none of the 1 trusted keys"
        for content, reason in ((b"no route", signed_by_none), (old, "an old route"), (foreign, signed_by_none)):
            before = log().count(reason)
            route.with_name("draft").write_bytes(content)
            route.with_name("draft").replace(route)
            until(partial(logged_more, reason, before))
            assert refused()
            assert service.ask()[1]["version"] == 2
        assert "model.onnx has changed" in log()
        assert "71.5" not in log()


def route_of(service: Running) -> Route:
    route = service.store.route("flats")
    assert route is not None
    return route


def test_a_killed_worker_is_replaced_and_its_counters_go_on(
    tmp_path: Path, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWAY_LAKE", str(tmp_path / "lake"))
    with running(tmp_path, packages) as service:
        assert [service.ask()[0] for _ in range(5)] == [200] * 5
        assert service.metric("leeway_serve_rows_total") == 5
        (worker,) = service.workers
        environment = worker.environ()
        assert not [name for name in environment if "SECRET" in name or "SIGNING" in name]
        assert str(tmp_path / "lake") in map(str, hidden_folders(tmp_path, environment))
        worker.kill()
        # Connections wait in the socket that the supervisor keeps until the next worker takes them.
        assert service.ask()[0] == 200
        assert service.metric("leeway_serve_rows_total") == 6
        assert service.metric("leeway_serve_worker_starts_total") == 2
        assert service.workers[0].pid != worker.pid


def test_a_worker_that_hangs_is_replaced(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages, hung_seconds=5.0) as service:
        assert service.ask()[0] == 200
        (worker,) = service.workers
        worker.suspend()  # the process runs, for all that its supervisor can see, and answers nothing
        until(lambda: service.metric("leeway_serve_worker_starts_total") > 1)
        until(lambda: service.ask()[0] == 200)
        assert service.workers[0].pid != worker.pid


def test_slow_and_large_requests_are_ended_and_hurt_no_other(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages, request_seconds=1.0, max_connections=20) as service:
        address = ("127.0.0.1", service.settings.port)
        slow = [socket.create_connection(address, timeout=10) for _ in range(3)]
        slow[0].sendall(b"POST /v1/projects/flats/predict HTTP/1.1\r\nhost: x\r\n")
        asked = f"POST /v1/projects/flats/predict HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {service.key}\r\n"
        slow[1].sendall(f"{asked}content-type: application/json\r\ncontent-length: 9\r\n\r\n{{".encode())
        assert service.ask()[0] == 200
        for one in slow:  # the third has sent no byte
            assert one.recv(65_536) == b""
        until(lambda: service.metric("leeway_serve_requests_in_flight") == 0)
        for one in slow:
            one.close()
        with closing(socket.create_connection(address, timeout=10)) as large:
            large.sendall(b"GET /v2 HTTP/1.1\r\nhost: x\r\n" + b"a: " + b"b" * 20_000 + b"\r\n\r\n")
            assert large.recv(65_536).startswith(b"HTTP/1.1 431 ")
        with closing(socket.create_connection(address, timeout=10)) as endless:
            endless.sendall(b"GET /v2 HTTP/1.1\r\nhost: x\r\na: " + b"b" * 20_000)
            assert endless.recv(65_536).startswith(b"HTTP/1.1 431 ")
        with closing(socket.create_connection(address, timeout=10)) as trailing:
            chunked = b"POST /v2 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na: "
            trailing.sendall(chunked)
            until(lambda: b"use GET, HEAD" in trailing.recv(65_536, socket.MSG_PEEK))
            trailing.sendall(b"b" * 20_000)
            until(lambda: b"HTTP/1.1 431 " in trailing.recv(65_536, socket.MSG_PEEK))
        with closing(socket.create_connection(address, timeout=10)) as many:
            many.sendall(b"GET /v2 HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 500 + b"\r\n")
            assert many.recv(65_536).startswith(b"HTTP/1.1 431 ")
        with closing(socket.create_connection(address, timeout=10)) as none:
            none.sendall(b"\x16\x03\x01\x00 not http\r\n\r\n")
            assert none.recv(65_536).startswith(b"HTTP/1.1 400 ")
        with closing(socket.create_connection(address, timeout=10)) as pipelined:
            ask = b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
            pipelined.sendall(ask * 3)
            until(lambda: pipelined.recv(65_536, socket.MSG_PEEK).count(b'{"live":true}') == 3)
        opened = [socket.create_connection(address, timeout=10) for _ in range(25)]
        until(
            lambda: any(
                one.recv(64, socket.MSG_PEEK | socket.MSG_DONTWAIT).startswith(b"HTTP/1.1 503") for one in opened[20:]
            )
        )
        for one in opened:
            one.close()
        until(lambda: service.ask()[0] == 200)
        counted = service.admin("/metrics")[1]
        assert 'requests_total{project="",status="431"} 4' in counted
        assert 'requests_total{project="",status="400"} 1' in counted
        assert 'requests_total{project="",status="503"}' in counted


def test_a_revoked_key_and_a_stopped_service_answer_no_more(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages) as service:
        root = Path(service.settings.root)
        assert service.ask()[0] == 200
        assert (root / "api_keys.json").stat().st_mode & 0o077 == 0
        assert service.key not in (root / "api_keys.json").read_text()
        kept = read_keys(root)
        write_keys(root, ApiKeys())
        until(lambda: service.ask()[0] == 401, seconds=10)
        (root / "api_keys.json").write_text("{")  # no key is accepted while the file cannot be read
        time.sleep(0.3)
        assert service.ask()[0] == 401
        (root / "api_keys.json").unlink()
        (root / "api_keys.json").mkdir()
        time.sleep(0.3)
        assert service.ask()[0] == 401
        (root / "api_keys.json").rmdir()
        write_keys(root, kept)
        until(lambda: service.ask()[0] == 200, seconds=10)
        assert service.metric("leeway_serve_worker_starts_total") == 1
        workers = service.workers
        with Client(service) as client:
            until(lambda: len(client.replies) > 10)
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(timeout=20) in {0, -signal.SIGTERM}
        assert {status for status, _ in client.replies} == {200}
        psutil.wait_procs(workers, timeout=5)
        assert not any(worker.is_running() for worker in workers)
    # It starts again from what is on the disk.
    with running(tmp_path, packages) as service:
        assert service.ask()[1]["version"] == 1
        workers = service.workers
        service.process.kill()
        _, left = psutil.wait_procs(workers, timeout=15)
        assert left == []


def test_a_tls_handshake_that_does_not_come_is_ended_in_time(tmp_path: Path, packages: Packages) -> None:
    certificate, private_key = self_signed(tmp_path)
    files: dict[str, Any] = {"certificate": str(certificate), "private_key": str(private_key)}
    with running(tmp_path, packages, **files, request_seconds=1.0) as service:
        context = ssl.create_default_context(cafile=str(certificate))
        address = ("127.0.0.1", service.settings.port)
        with closing(socket.create_connection(address, timeout=20)) as silent:
            with context.wrap_socket(socket.create_connection(address, timeout=10), server_hostname="localhost") as one:
                one.sendall(b"GET /v2/health/ready HTTP/1.1\r\nhost: x\r\n\r\n")
                assert one.recv(65_536).startswith(b"HTTP/1.1 200 ")
            assert silent.recv(1) == b""  # the default of the event loop is a minute, and this socket waits 20 seconds


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of localhost and its key; return their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private
