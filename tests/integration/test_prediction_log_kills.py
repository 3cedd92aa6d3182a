"""Workers are killed while they answer: each row that was answered is in the lake once, or counted as lost."""

from __future__ import annotations

import json
import signal
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.serving.log_carrier import LogCarrier
from tasks import clock
from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows, deliveries
from tasks.serve.service_settings import LogTerms
from tasks.serving_store.sent_files import keep_sent
from tasks.spec import read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.running_service import Client, Packages, running, two_versions, until
from tests.unit.serve.packages import SPEC_TEXT, write_suite

KILLS = 3


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    return two_versions(tmp_path_factory.mktemp("suite"))


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
        with Client(service, "a") as one, Client(service, "b") as other:
            for kill in range(KILLS):
                before = len(one.replies)
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
    assert {status for status, _ in one.replies + other.replies} == {200}
    acknowledged = {*one.acknowledged, *other.acknowledged}
    asked = {f"{each.name}-{number}|2026-02-03" for each in (one, other) for number in range(1, each.asked + 1)}
    assert len(rows) == len(set(rows))
    assert set(rows) <= {*asked, "7|2026-02-03"}
    assert (counts["full"], counts["failed"]) == (0, 0)
    assert len(acknowledged - set(rows)) <= counts["lost"]
    assert len(acknowledged) > 300


@pytest.mark.parametrize("is_for_all", [False, True])
def test_a_service_that_is_stopped_lets_every_row_land_that_it_answered(
    tmp_path: Path, packages: Packages, *, is_for_all: bool
) -> None:
    path, root = written(tmp_path / "flats"), tmp_path / "serving"
    more: dict[str, Any] = {
        "workers": 2,
        "logs": {"flats": LogTerms(seconds=60.0)},
        "labels": {"flats": "price"},
        "controller": (sys.executable, "-m", "flows.serving.controller", str(tmp_path), str(path)),
    }
    with running(tmp_path, packages, **more) as service, Client(service, "a") as client:
        label, labels = {"flat": 7, "day": "2026-02-03", "price": 5}, path.parent / "served" / "labels"
        keep_sent(root, "flats", [label], clock.now() - timedelta(days=1))
        until(lambda: len(list(labels.glob("20*"))) == 1, 120)  # the controller runs
        until(partial(client.has_more_than, 100))
        assert LogCarrier(root, read_spec(path), path.parent).carry() == 0  # both workers write to their files
        keep_sent(root, "flats", [label], clock.now())
        for process in service.workers if is_for_all else ():  # as a manager of services may do; the controller is one
            process.send_signal(signal.SIGTERM)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) in {0, -signal.SIGTERM}
    assert {status for status, _ in client.replies} == {200}
    landed = [line for file in (path.parent / "served" / "rows").iterdir() for line in file.read_bytes().splitlines()]
    ids = [json.loads(line)["@answer"]["row_id"] for line in landed]
    assert len(ids) == len(set(ids))
    assert set(client.acknowledged) <= set(ids)
    assert len(list(labels.iterdir())) == 2
