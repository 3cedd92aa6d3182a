"""Workers are killed while they answer: each row that was answered is in the lake once, or counted as lost."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from flows.serving.log_carrier import LogCarrier
from tasks import clock
from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows, deliveries
from tasks.serve.service_settings import LogTerms
from tasks.spec import read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.running_service import Packages, Running, running, until
from tests.unit.serve.packages import ROW, SPEC_TEXT, fitted, package_of, write_suite

KILLS = 3


@dataclass
class Asking:
    """A client that asks for rows of its own, and keeps the ids of those that were answered."""

    service: Running
    name: str
    acknowledged: list[str] = field(default_factory=list)
    asked: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def has_more_than(self, count: int) -> bool:
        return len(self.acknowledged) > count

    def _run(self) -> None:
        connection = self.service.connection()
        while not self._stop.is_set():
            self.asked += 1
            row = ROW | {"flat": f"{self.name}-{self.asked}"}
            try:
                status, reply = self.service.ask(connection, row)
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = self.service.connection()
                continue
            assert status == 200
            self.acknowledged.append(reply["answer"]["id"])
        connection.close()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder)
    return [package_of(folder, fitted(kind), number) for number, kind in enumerate(("linear", "forest"), start=1)]


def written(folder: Path) -> Path:
    """Write the project of flats with a log, and an empty landing zone; return its project.yaml."""
    for name in ("landing", "prices"):
        (folder / name).mkdir(parents=True)
    write_suite(folder)
    path = folder / "project.yaml"
    path.write_text(SPEC_TEXT.format(project="flats") + "serving: {log: true}\n", encoding="utf-8")
    return path


def taken_in(lake: Lake, path: Path) -> None:
    """Take in what landed, as a night does."""
    spec, moment = read_spec(path), clock.now()
    night = (moment + timedelta(days=1)).date()
    landed = take_in(lake, spec, path.parent, night)
    if landed:
        store(lake, spec, verdicts(landed, spec, path.parent), night, moment)


def test_every_answered_row_is_in_the_lake_once_or_counted_as_lost(tmp_path: Path, packages: Packages) -> None:
    path = written(tmp_path / "flats")
    spec = read_spec(path)
    terms = {"flats": LogTerms(seconds=0.3)}
    with running(tmp_path, packages, logs=terms) as service:
        carrier, lake = LogCarrier(Path(service.settings.root), spec, path.parent), Lake(str(tmp_path / "lake"))
        with Asking(service, "a") as one, Asking(service, "b") as other:
            for kill in range(KILLS):
                before = len(one.acknowledged)
                until(partial(one.has_more_than, before + 100))
                service.publish(1 + kill % 2)
                service.workers[0].kill()
                carrier.carry()
            taken_in(lake, path)
        until(lambda: service.metric("leeway_serve_worker_starts_total") == KILLS + 1)
        until(lambda: service.ask()[0] == 200)
        lines = service.admin("/metrics")[1].splitlines()
        time.sleep(0.5)
        counts = {
            outcome: int(float(next(line for line in lines if f'outcome="{outcome}"' in line).rpartition(" ")[2]))
            for outcome in ("lost", "full", "failed")
        }
    carrier.carry()
    assert list((Path(service.settings.root) / "prediction_log" / "flats").glob("[!.]*")) == []
    taken_in(lake, path)
    taken_in(lake, path)  # nothing is taken in twice
    rows = active_rows(lake, "flats", "rows", deliveries(lake, "flats"), columns=["row_id"])["row_id"].tolist()
    acknowledged = {*one.acknowledged, *other.acknowledged}
    asked = {f"{each.name}-{number}|2026-02-03" for each in (one, other) for number in range(1, each.asked + 1)}
    assert len(rows) == len(set(rows))
    assert set(rows) <= {*asked, "7|2026-02-03"}
    assert (counts["full"], counts["failed"]) == (0, 0)
    assert len(acknowledged - set(rows)) <= counts["lost"]
    assert len(acknowledged) > 300


def test_a_service_that_is_stopped_has_logged_every_row_that_it_answered(tmp_path: Path, packages: Packages) -> None:
    path = written(tmp_path / "flats")
    with running(tmp_path, packages, workers=2, logs={"flats": LogTerms(seconds=60.0)}) as service:
        carrier = LogCarrier(Path(service.settings.root), read_spec(path), path.parent)
        with Asking(service, "a") as client:
            until(partial(client.has_more_than, 100))
            assert carrier.carry() == 0  # both workers write to their files
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(timeout=30) in {0, -signal.SIGTERM}
    carrier.carry()
    landed = [line for file in (path.parent / "served" / "rows").iterdir() for line in file.read_bytes().splitlines()]
    ids = [json.loads(line)["@answer"]["row_id"] for line in landed]
    assert len(ids) == len(set(ids))
    assert set(client.acknowledged) <= set(ids)
