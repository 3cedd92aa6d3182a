"""What serves follows the decision record: promotions and rollbacks, with or without MLflow, whatever its aliases."""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import time
import warnings
from contextlib import closing, suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import psutil
import pytest

from flows.cli.commands.service.run_service import Address
from flows.loaded_version import fetched
from flows.serving import publisher as publisher_module
from flows.serving.controller import follow_once
from flows.serving.fault_log import Duty, FaultLog
from flows.serving.leeway_client import LeewayClient
from flows.serving.package_version import packaged
from tasks import clock
from tasks.errors import DataError, EvidenceError, Terminal, Unreachable
from tasks.lake import append_entry
from tasks.records import DegreeEntry, RecordedVersion, RetrainingEntry
from tasks.registry import VERSIONS, Registry, Version, load_keys
from tasks.registry.signing import public_pem
from tasks.serve.champions import Champions
from tasks.serving_store import ApiKeys, ServablePackage, new_key
from tests.integration.served_project import Project, project_of_a_test
from tests.running_service import until
from tests.servers import free_port
from tests.unit.people.test_audit import night
from tests.unit.serve.packages import ROW, write_suite

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports


def curl(project: str, key: str, port: int) -> Any:
    """Run the curl command of the page for a project of flats, and return the reply."""
    page = (ROOT / "deployments" / "SERVING.md").read_text(encoding="utf-8")
    command = page.partition("```sh\ncurl")[2].partition("```")[0]
    sent, _, body = command.partition("-d ")
    assert json.loads(body.strip().strip("'"))["row"]["id"]
    sent = sent.replace("house-prices", project).replace(":8500", f":{port}").replace("\\\n", " ")
    words = ["curl", *(word.replace("$KEY", key) for word in shlex.split(sent)), "-d", json.dumps({"row": ROW})]
    return json.loads(subprocess.run(words, capture_output=True, check=True, timeout=30).stdout)


def mlflow_client(host: str, port: int) -> Any:
    """Return MLflow's own client of a scoring server; the import warns about MLflow's own type hints."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    return ScoringServerClient(host, port)


@pytest.fixture
def project(
    tmp_path: Path, mlflow_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Project:
    return project_of_a_test(tmp_path, mlflow_url, request, monkeypatch)


def test_the_record_decides_what_serves(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = project.publisher
    assert publisher.publish() is None
    project.registry.set_alias(project.name, "champion", 2)
    assert publisher.publish() is None
    assert project.serving() is None
    project.promote(1)
    assert (publisher.publish(), publisher.publish()) == ("version 1", None)
    project.recorded(RetrainingEntry, 2, "retrained", action="registered", digest=project.digests[2])
    assert publisher.publish() is None
    publisher.prepare()
    # Version 2 was packaged while it waited: neither its promotion nor a rollback needs MLflow.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    project.promote(2)
    assert (publisher.publish(), project.serving()) == ("version 2", 2)
    project.roll_back(2, to=1)
    assert (project.publisher.publish(), project.serving()) == ("version 1", 1)
    # Another contract needs another package: without MLflow the one before it goes on.
    spec = project.path.read_text(encoding="utf-8")
    project.path.write_text(spec.replace("degree: partial", "degree: partial, audit_share: 0.5"), encoding="utf-8")
    with pytest.raises(Unreachable):
        project.publisher.publish()
    assert project.serving() == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.registry.url)
    assert project.publisher.publish() == "version 1"


def test_a_service_that_runs_leaves_each_row_to_a_person_once_the_degree_has_fallen_until_one_raises_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, moment = project.publisher, clock.now()
    project.promote(1)
    assert publisher.publish() == "version 1"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the record is enough: MLflow is away from here on
    champions = Champions(project.store, [project.name])

    def answered() -> tuple[bool, bool]:
        """Let the worker follow the route; return whether a person decides, and whether it is shown a proposal."""
        for name in champions.changed():
            found = champions.load(name)
            assert found is not None
            champions.exchange(found)
        serving = champions.get(project.name)
        assert serving is not None
        (given,) = serving.version.answers([serving.read(ROW)])
        return bool(given.answer["deferred"]), bool(given.answer.get("proposal", False))

    assert answered() == (False, False)
    append_entry(project.lake, project.name, night(3, "partial", "assist"))
    assert publisher.publish() == "version 1"
    assert answered() == (True, True)
    raised = DegreeEntry(name="r", night=moment.date(), time=moment, action="partial", reason="", actor="ann")
    append_entry(project.lake, project.name, raised)
    publisher.publish()
    assert answered() == (False, False)


def test_a_waiting_version_that_cannot_be_served_is_no_fault_of_the_champion(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.promote(1)
    project.recorded(RetrainingEntry, 2, "retrained", action="registered", digest="0" * 64)
    faults, paused, publisher = FaultLog(project.store.root), dict[Duty, float](), project.publisher
    with caplog.at_level(logging.INFO, "leeway"):
        follow_once(publisher, faults, paused, 10.0)
        follow_once(publisher, faults, paused, 20.0)
    assert project.serving() == 1
    assert [message.split()[0] for message in caplog.messages] == ["published", "next_version_not_prepared"]
    assert not (project.store.root / project.name / "publisher_fault.txt").exists()
    # The pause after a fault is that of preparing alone: a promotion is published at once.
    project.promote(2)
    follow_once(publisher, faults, paused, 20.1)
    assert project.serving() == 2
    (project.store.root / project.name / "route.json").write_bytes(b"damaged")
    assert project.publisher.publish() == "version 2"


def test_a_damaged_package_is_repaired_and_its_route_is_written_again(project: Project) -> None:
    project.promote(1)
    publisher = project.publisher
    assert (publisher.publish(), publisher.publish()) == ("version 1", None)
    champions = Champions(project.store, [project.name])
    before, route = champions.load(project.name), project.store.route(project.name)
    assert before is not None
    assert route is not None
    damaged = project.store.root / project.name / route.package / "model.onnx"
    damaged.write_bytes(b"damaged")
    restarted = Champions(project.store, [project.name])
    assert restarted.load(project.name) is None
    assert (publisher.publish(), publisher.publish()) == ("version 1", None)
    assert restarted.changed() == [project.name]
    assert restarted.load(project.name) is not None
    # A worker that has it already goes on with the same version under the new route.
    champions.exchange(before)
    again = champions.load(project.name)
    assert again is not None
    assert again.version is before.version


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the versions that are packaged, in their order."""
    numbers: list[int] = []

    def counted(version: Version, *arguments: Any) -> ServablePackage:
        numbers.append(version.number)
        return packaged(version, *arguments)

    monkeypatch.setattr(publisher_module, "packaged", counted)
    return numbers


def test_a_version_that_cannot_be_served_is_packaged_once_for_each_spec(project: Project, made: list[int]) -> None:
    project.promote(1)
    publisher, spec = project.publisher, project.path.read_text(encoding="utf-8")
    for tries, hidden in enumerate(("city", "city, flat"), start=1):
        project.path.write_text(f"{spec}privacy: {{pseudonymise: [{hidden}]}}\n", encoding="utf-8")
        for _ in range(3):
            with pytest.raises(DataError, match="would need the secret key"):
                publisher.publish()
        assert made == [1] * tries
    project.path.write_text(spec, encoding="utf-8")
    assert publisher.publish() == "version 1"


def test_a_version_that_is_not_as_recorded_is_fetched_again_after_a_minute(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.promote(1)
    project.recorded(RetrainingEntry, 2, "retrained", action="registered", digest="0" * 64)
    publisher = project.publisher
    assert publisher.publish() == "version 1"
    for url in (project.registry.url, "http://127.0.0.1:9"):  # the second time nothing is fetched
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        with pytest.raises(EvidenceError):
            publisher.prepare()
    monkeypatch.setattr(publisher_module, "monotonic", lambda: time.monotonic() + publisher_module.RETRY_SECONDS)
    with pytest.raises(Unreachable):
        publisher.prepare()


def test_whatever_keeps_one_version_from_being_prepared_the_other_one_is(
    project: Project, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.promote(1)
    project.promote(2)
    publisher = project.publisher
    assert publisher.publish() == "version 2"
    publisher._next = (RecordedVersion(3, "0" * 64), RecordedVersion(1, project.digests[1]))

    def fetched_or_not(registry: Registry, name: str, recorded: RecordedVersion, since: datetime | None) -> Any:
        if recorded.number == 3:
            raise OSError(28, "No space left on device")
        return fetched(registry, name, recorded, since)

    monkeypatch.setattr(publisher_module, "fetched", fetched_or_not)
    with pytest.raises(OSError, match="No space left"):
        publisher.prepare()
    assert made == [2, 1]


def test_what_single_rows_cannot_be_checked_for_is_named(project: Project) -> None:
    project.promote(1)
    write_suite(
        project.path.parent,
        [
            ("expect_column_values_to_match_regex", {"column": "city", "regex": "(?i)bonn"}),
            ("expect_multicolumn_sum_to_equal", {"column_list": ["area", "rooms"], "sum_total": 5}),
        ],
    )
    with pytest.raises(DataError, match=r"the pattern sets flags.*it is none of") as refused:
        project.publisher.publish()
    assert "severity warning" in str(refused.value)
    write_suite(project.path.parent)
    spec = project.path.read_text(encoding="utf-8")
    project.path.write_text(spec + "privacy: {pseudonymise: [city]}\n", encoding="utf-8")
    with pytest.raises(DataError, match="would need the secret key"):
        project.publisher.publish()


def test_other_machines_reach_the_service_through_encryption_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.168.1.7", "::", "shop.example.org"):  # noqa: S104 - refused
        with pytest.raises(Terminal, match="unencrypted"):
            Address(host, 8500).check()
        Address(host, 8500, behind_proxy=True).check()
        Address(host, 8500, (tmp_path, tmp_path)).check()
    assert Address("::1", 8500).url == "http://[::1]:8500"


def test_a_service_that_started_before_the_first_key_serves_its_versions_and_has_no_signing_key(
    project: Project, tmp_path: Path
) -> None:
    keys, stash = project.home / "keys", tmp_path / "stash"
    stash.mkdir()
    for name in ("signing.pem", "signing.pub.pem"):
        (keys / name).rename(stash / name)
    another = load_keys(tmp_path / "another", {})
    secret = {VERSIONS.private: (tmp_path / "another" / "keys" / "signing.pem").read_text()}
    leeway, port = str(Path(sys.executable).parent / "leeway"), free_port()
    with (project.home / "log").open("wb") as log:
        command = [leeway, "serve", project.name, "--port", str(port)]
        process = subprocess.Popen(command, env={**os.environ, **secret}, stdout=log, stderr=log)
    service = psutil.Process(process.pid)
    try:

        def says(text: str) -> bool:
            return text in (project.home / "log").read_text()

        until(lambda: any("flows.serving.controller" in child.cmdline() for child in service.children()), 300)
        project.promote(1)
        until(lambda: says("not_published"), 300)
        for each in (service, *service.children()):
            assert not set(VERSIONS.secrets) & set(each.environ())
        (controller,) = (each for each in service.children() if "flows.serving.controller" in each.cmdline())
        assert controller.environ()[VERSIONS.public].encode() == public_pem(another.trusted[0])
        assert sorted(path.name for path in keys.iterdir()) == ["packages"]  # no key of versions was made
        for name in ("signing.pub.pem", "signing.pem"):  # as a retraining makes it
            (stash / name).rename(keys / name)
        until(lambda: says("version_serves"), 300)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}


def test_the_command_serves_the_champion_and_follows_a_rollback_at_once(project: Project) -> None:
    project.promote(1)
    project.promote(2)
    leeway = str(Path(sys.executable).parent / "leeway")
    made = subprocess.run([leeway, "serve-key", "shop"], capture_output=True, text=True, check=True, timeout=60)
    key, port = made.stdout.split()[0], free_port()
    command = [leeway, "serve", project.name, "--port", str(port)]
    with (project.home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

        def version() -> int | None:
            with suppress(OSError, HTTPException), closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("POST", f"/v1/projects/{project.name}/predict", json.dumps({"row": ROW}), headers)
                reply = connection.getresponse()
                content = json.loads(reply.read())
                return int(content["version"]) if reply.status == 200 else None
            return None

        def wait_for(number: int, seconds: float) -> float:
            began = time.monotonic()
            while version() != number:
                assert time.monotonic() - began < seconds, (project.home / "log").read_text()
                time.sleep(0.02)
            return time.monotonic() - began

        wait_for(2, 120)
        answer = curl(project.name, key, port)["answer"]
        assert answer["id"] == "7|2026-02-03"
        client = mlflow_client(f"any:{key}@127.0.0.1", port)
        client.ping()
        frame = pd.DataFrame([ROW, ROW | {"rooms": None}])
        assert client.invoke(frame).get_predictions().iloc[0, 0] == answer["prediction"]
        project.registry.set_alias(project.name, "champion", 1)
        until = time.monotonic() + 30
        while len(list(project.store.packages(project.name))) < 2:  # what a rollback restores is packaged as well
            assert time.monotonic() < until
            time.sleep(0.1)
        project.roll_back(2, to=1)
        print(wait_for(1, 10))  # noqa: T201 - on a quiet machine it is below half a second
        assert "not_published" not in (project.home / "log").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}


def test_a_stop_lands_what_was_logged_and_labelled(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.promote(1)
    spec = project.path.read_text(encoding="utf-8")
    project.path.write_text(spec + "serving: {up: true, log: true, labels: true}\n", encoding="utf-8")
    key, text = new_key("tests", ("predict", "labels"))
    monkeypatch.setenv("LEEWAY_API_KEYS", msgspec.json.encode(ApiKeys((key,))).decode())
    port, admin_port = free_port(), free_port()
    where = ["--port", str(port), "--admin-port", str(admin_port)]
    command = [str(Path(sys.executable).parent / "leeway"), "serve", "--opted-in", *where]
    with (project.home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with LeewayClient(f"http://127.0.0.1:{port}", text, deadline_seconds=120, attempts=1000) as client:
            assert client.predict(project.name, ROW).version == 1
            assert client.send_labels(project.name, [{"flat": 7, "day": "2026-02-03", "price": 5}]) == 1
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) in {0, -signal.SIGTERM}
    landed = {path.parent.name: path.read_text() for path in (project.path.parent / "served").rglob("*.jsonl")}
    assert landed.keys() == {"rows", "labels"}, (project.home / "log").read_text()
    assert '"area":71.5' in landed["rows"]
    assert '"price":5' in landed["labels"]
