"""Answered rows are logged with what may be kept of them; a log that is full or broken costs rows, never an answer."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from flows.serving import log_carrier
from flows.serving.log_carrier import LogCarrier
from tasks.errors import EvidenceError
from tasks.inference import answers
from tasks.model.input_matrix import input_matrix
from tasks.row_contract.compiled_contract import contract_digest
from tasks.serve.champions import Champions, Serving
from tasks.serve.processes import prediction_log
from tasks.serve.processes.log_file import LogFile
from tasks.serve.processes.prediction_log import PredictionLog
from tasks.serve.processes.shared_counters import CounterLayout, SharedCounters, WorkerCounters, shared_memory
from tasks.serve.served_version import AnsweredRow
from tasks.serve.service_request import ServiceRequest
from tasks.serve.service_settings import LogTerms, ServiceSettings
from tasks.serving_store import ServingStore
from tasks.serving_store.logged_rows import ANSWER, Draw, LoggedAnswer, inputs_digest, logged_answers, numbers_of
from tasks.serving_store.sent_files import keep_sent, waiting_files
from tasks.validate.typing.row_ids import row_ids
from tests.coroutines import run_apart
from tests.unit.serve.packages import KEY, MOMENT, ROW, fitted, package_of, rows_of_flats, spec_of, write_suite

FROZEN = Path(__file__).parent / "frozen" / "log_protocol_1.jsonl"


class Logged:
    """A log of flats, and the version that answers."""

    def __init__(self, folder: Path, kind: str = "linear", **terms: Any) -> None:
        self.folder = folder
        write_suite(folder)
        store = ServingStore(folder / "serving", [KEY.public_key()])
        package, files = package_of(folder, fitted(kind), privacy={"drop": ["owner"], "consent": "agreed"})
        store.publish(package, store.add_package(package, files, KEY), KEY, MOMENT)
        champions = Champions(store, ["flats"])
        loaded = champions.load("flats")
        assert loaded is not None
        self.serving: Serving = loaded
        layout = CounterLayout(["flats", "houses"], 1)
        descriptor = shared_memory(layout)
        self.shared = SharedCounters(layout, descriptor)
        os.close(descriptor)
        self.terms = {"flats": LogTerms(label="price", **terms)}
        self.log = self.restarted()

    @property
    def counters(self) -> WorkerCounters:
        return WorkerCounters(self.shared, 0)

    def restarted(self) -> PredictionLog:
        return PredictionLog(self.folder / "serving", self.terms, self.counters, 0)

    def answered(self, *rows: dict[str, Any], project: str = "flats") -> list[AnsweredRow]:
        """Answer rows of one request, and hand them to the log as rows of a project."""
        serving = replace(self.serving, route=msgspec.structs.replace(self.serving.route, project=project))
        version = self.serving.version
        made = version.answers([version.reader.read(row) for row in rows])

        async def add() -> None:
            settings = ServiceSettings(projects=("flats",), root="", trusted=())
            scope = {"method": "POST", "path": "/", "headers": [(b"x-request-id", b"mine")]}
            request = ServiceRequest(scope, None, settings, asyncio.get_running_loop().time())
            self.log.add(request, serving, list(zip(rows, made, strict=True)), Draw())

        run_apart(add())
        return made

    def count(self, name: str, project: str = "flats") -> int:
        return self.shared.of_project(0, project, f"log_{name}")

    @property
    def files(self) -> list[Path]:
        return sorted((self.folder / "serving" / "prediction_log" / "flats").glob("*"))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for file in self.files for line in file.read_bytes().splitlines()]


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    return Logged(tmp_path)


def flat(number: int, **values: Any) -> dict[str, Any]:
    return ROW | {"flat": number} | values


def test_a_line_has_the_columns_of_the_contract_and_how_they_were_answered(logged: Logged) -> None:
    (made,) = logged.answered(flat(7, owner="s3cret", price=5, agreed=True, extra="s3cret", rooms=None))
    logged.log.write()
    (line,) = logged.lines()
    answer = line.pop(ANSWER)
    assert line == {**ROW, "rooms": None, "price": None}
    assert (answer["row_id"], answer["request"], answer["worker"], answer["number"]) == ("7|2026-02-03", "mine", 0, 1)
    assert (answer["version"], answer["digest"]) == (1, logged.serving.version.digest)
    assert answer["contract"] == contract_digest(logged.serving.version.contract)
    assert numbers_of(answer["bits"])[1] == made.answer["prediction"]
    (file,) = logged.files
    assert "s3cret" not in file.read_text()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass", "forest"])
def test_what_a_line_says_of_the_inputs_and_the_answer_is_what_the_batch_computes(tmp_path: Path, kind: str) -> None:
    logged = Logged(tmp_path, kind)
    rows = rows_of_flats(30, seed=5)
    asked = [
        {
            "flat": number,
            "day": row["day"].isoformat(),
            "built": row["built"].isoformat(),
            **{name: None if row[name] is None or row[name] != row[name] else row[name] for name in ("area", "rooms")},
            **{name: row[name] if isinstance(row[name], bool | str) else None for name in ("garden", "city")},
        }
        for number, row in enumerate(rows.astype(object).to_dict("records"))
    ]
    logged.answered(*asked)
    logged.log.write()
    model = fitted(kind)
    inputs = input_matrix(rows, model.schema)
    batch = answers(inputs, model)
    found = logged_answers(logged.files[0].read_bytes())
    assert [one.inputs for one in found] == [inputs_digest(row) for row in inputs]
    wanted = zip(batch.score.tolist(), batch.prediction.tolist(), batch.confidence.tolist(), strict=True)
    assert [numbers_of(one.bits) for one in found] == list(wanted)
    assert [one.unsure for one in found] == batch.unsure.tolist()


def test_a_full_queue_costs_rows_and_no_answer(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "MOST_QUEUED", 3)
    assert len(logged.answered(*(flat(number) for number in range(5)))) == 5
    logged.log.write()
    logged.answered(flat(5))  # what was written makes room
    logged.log.write()
    assert [line["flat"] for line in logged.lines()] == [0, 1, 2, 5]
    assert (logged.count("queued"), logged.count("written"), logged.count("full")) == (4, 4, 2)


def test_the_queue_is_bounded_in_bytes_and_a_project_takes_no_room_of_another(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged.terms["houses"] = logged.terms["flats"]
    monkeypatch.setattr(prediction_log, "MOST_QUEUED_BYTES", 2 * 4_000)
    logged.log = logged.restarted()
    long = "7" * 900
    assert len(logged.answered(*(flat(number, flat=f"{number}{long}", extra=long) for number in range(9)))) == 9
    logged.answered(flat(1), project="houses")
    # Each takes 900 bytes for its id and at least 512 more, and none for the column that is not logged.
    assert logged.count("queued") + logged.count("full") == 9
    assert logged.count("queued") == 2
    assert (logged.count("queued", "houses"), logged.count("full", "houses")) == (1, 0)


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Let the system refuse to make a file larger: what is written up to there stays, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_rows_and_leaves_whole_lines(logged: Logged, caplog: pytest.LogCaptureFixture) -> None:
    logged.answered(flat(1))
    logged.log.write()
    size = logged.files[0].stat().st_size
    with largest_file(size + 100):
        for number in (2, 3):
            logged.answered(flat(number))
            logged.log.write()
    assert logged.files[0].stat().st_size == size
    logged.answered(flat(4))
    logged.log.write()
    assert [line["flat"] for line in logged.lines()] == [1, 4]
    assert (logged.count("queued"), logged.count("written"), logged.count("failed")) == (4, 2, 2)
    assert caplog.text.count("rows_not_logged") == 1


def test_what_cannot_be_cut_off_is_the_end_of_its_file(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    logged.answered(flat(1))
    logged.log.write()

    def refused(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with largest_file(logged.files[0].stat().st_size + 100), monkeypatch.context() as patched:
        patched.setattr(os, "ftruncate", refused)
        logged.answered(flat(2))
        logged.log.write()
    assert not logged.files[0].read_bytes().endswith(b"\n")
    logged.answered(flat(3))
    logged.log.start()
    logged.log.close()
    assert carrier(logged).carry() == 2
    landed = [file.read_bytes() for file in (logged.folder / "served" / "rows").iterdir()]
    assert sorted(json.loads(content)["flat"] for content in landed) == [1, 3]


def test_a_file_that_cannot_be_opened_leaves_no_descriptor_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl" / "taken").mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(IsADirectoryError):
        LogFile(tmp_path, "a.jsonl")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_fault_is_reported_once_for_each_project(logged: Logged, caplog: pytest.LogCaptureFixture) -> None:
    logged.terms["houses"] = logged.terms["flats"]
    logged.log = logged.restarted()
    for project in ("flats", "houses"):
        folder = logged.folder / "serving" / "prediction_log" / project
        folder.parent.mkdir(exist_ok=True)
        folder.write_bytes(b"")  # no folder can be made there
    for _ in range(2):
        for project in ("flats", "houses"):
            logged.answered(flat(1), project=project)
            logged.log.write()
    reported = [message.split("project=")[1].split()[0] for message in caplog.messages]
    assert reported == ["flats", "houses"]


def test_the_files_of_another_worker_are_not_counted(logged: Logged) -> None:
    folder = logged.folder / "serving" / "prediction_log" / "flats"
    folder.mkdir(parents=True)
    for name in ("2026-11-12-0-ab.jsonl", "2026-11-12-20261112T101112.000000Z-1-ab.jsonl"):
        (folder / name).write_bytes(b"x" * 5_000)
    for slot in (10, 11, 12):
        log = PredictionLog(logged.folder / "serving", {"flats": LogTerms(max_bytes=5_000)}, logged.counters, slot)
        logged.log = log
        logged.answered(flat(slot))
        log.write()
    assert (logged.count("written"), logged.count("failed")) == (3, 0)
    mine = folder / "2026-11-13-20261113T101112.000000Z-12-ab.jsonl"
    mine.write_bytes(b"x" * 5_000)
    logged.log = PredictionLog(logged.folder / "serving", {"flats": LogTerms(max_bytes=5_000)}, logged.counters, 12)
    logged.answered(flat(13))
    logged.log.write()
    assert logged.count("failed") == 1


def test_files_that_wait_have_a_limit(tmp_path: Path) -> None:
    logged = Logged(tmp_path, max_bytes=600)
    for number in range(4):
        logged.answered(flat(number))
        logged.log.write()
    assert sum(file.stat().st_size for file in logged.files) < 1_200
    assert logged.count("written") + logged.count("failed") == 4
    assert logged.count("failed") > 0


def test_a_share_of_the_rows_is_chosen_by_their_ids(tmp_path: Path) -> None:
    logged = Logged(tmp_path, share=0.3)
    rows = [flat(number) for number in range(400)]
    for _ in range(2):
        logged.answered(*rows)
    logged.log.write()
    chosen = [line["flat"] for line in logged.lines()]
    assert chosen[: len(chosen) // 2] == chosen[len(chosen) // 2 :]
    # 120 of 400 are expected, with a standard deviation of 9.2.
    assert 83 < len(chosen) // 2 < 157


def test_what_a_killed_process_had_queued_is_counted_as_lost(logged: Logged) -> None:
    logged.answered(flat(1), flat(2))
    logged.log.write()
    logged.answered(flat(3))
    logged.restarted()
    assert (logged.count("queued"), logged.count("written"), logged.count("lost")) == (3, 2, 1)


def carrier(logged: Logged) -> LogCarrier:
    return LogCarrier(logged.folder / "serving", spec_of(serving={"log": True}), logged.folder)


def test_a_file_lands_once_it_is_closed_with_every_line(logged: Logged) -> None:
    logged.answered(flat(1), flat(2), flat(1, area=90.0))
    logged.log.write()
    assert carrier(logged).carry() == 0  # it is written to
    (file,) = logged.files
    content = file.read_bytes()
    logged.log.start()
    logged.log.close()
    assert carrier(logged).carry() == 1
    (landed,) = (logged.folder / "served" / "rows").iterdir()
    assert landed.name == file.name
    assert [(row["flat"], row["area"]) for row in map(json.loads, landed.read_bytes().splitlines())] == [
        (1, 71.5),
        (2, 71.5),
        (1, 90.0),
    ]
    # A carrier that is killed before it removes the file carries it again: the same delivery.
    before = landed.read_bytes()
    file.write_bytes(content)
    assert carrier(logged).carry() == 1
    assert [path.read_bytes() for path in (logged.folder / "served" / "rows").iterdir()] == [before]
    assert logged.files == []


WRITER = """
import os, sys, time
from pathlib import Path
from tasks.serve.processes.log_file import LogFile
file = LogFile(Path(sys.argv[1]), "2026-02-03-0-ab.jsonl")
file.append(Path(sys.argv[2]).read_bytes() + b'{"flat": 9, "@ans')
print("written", flush=True)
time.sleep(60)
"""


def test_the_file_of_a_killed_worker_lands_without_its_broken_line(logged: Logged) -> None:
    folder = logged.folder / "serving" / "prediction_log" / "flats"
    command = [sys.executable, "-c", WRITER, str(folder), str(FROZEN)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        assert carrier(logged).carry() == 0
        writer.kill()
        writer.wait(timeout=30)
    assert carrier(logged).carry() == 1
    (landed,) = (logged.folder / "served" / "rows").iterdir()
    assert landed.read_bytes() == FROZEN.read_bytes()


LABELLED = datetime(2026, 2, 4, 5, tzinfo=UTC)  # in Los Angeles the day before


def label(flat: Any, price: float) -> dict[str, Any]:
    return {"flat": flat, "day": "2026-02-03", "price": price}


def landed_labels(folder: Path) -> list[list[tuple[Any, float]]]:
    """Return the labels that have landed, by delivery in the order of their names."""
    files = sorted((folder / "served" / "labels").iterdir())
    return [[(row["flat"], row["price"]) for row in map(json.loads, file.read_bytes().splitlines())] for file in files]


@pytest.fixture
def label_carrier(tmp_path: Path) -> LogCarrier:
    return LogCarrier(tmp_path / "serving", spec_of(serving={"labels": True, "delivery_minutes": 10}), tmp_path)


def sent(carrier: LogCarrier, minute: float, *labels: dict[str, Any]) -> Path:
    """Keep the labels of a request; return their file."""
    moment = LABELLED + timedelta(minutes=minute)
    keep_sent(carrier.root, "flats", labels, moment)
    return waiting_files(carrier.root, "flats")[-1][1]


def test_labels_land_as_one_delivery_and_the_last_of_a_row_counts(tmp_path: Path, label_carrier: LogCarrier) -> None:
    for minute, price in enumerate((1, 2, 1)):
        sent(label_carrier, minute, label(7, price))
    sent(label_carrier, 3, label(8, 5))
    waiting = [path for _, path, _ in waiting_files(label_carrier.root, "flats")]
    assert [file.stat().st_mode & 0o777 for file in waiting] == [0o600] * 4
    assert waiting == sorted(waiting)
    assert label_carrier.carry_labels(LABELLED + timedelta(minutes=9)) == 0
    assert label_carrier.carry_labels(LABELLED + timedelta(minutes=11)) == 4
    assert landed_labels(tmp_path) == [[(7, 1), (8, 5)]]
    assert waiting_files(label_carrier.root, "flats") == []


def test_a_label_that_is_set_back_is_another_delivery_and_lands_last(tmp_path: Path, label_carrier: LogCarrier) -> None:
    for minute, price in ((0, 1), (20, 2), (40, 1)):
        sent(label_carrier, minute, label(7, price))
        assert label_carrier.carry_labels(LABELLED + timedelta(minutes=minute + 15)) == 1
    assert landed_labels(tmp_path) == [[(7, 1)], [(7, 2)], [(7, 1)]]
    landed = sorted((tmp_path / "served" / "labels").iterdir())
    assert len({file.read_bytes() for file in landed}) == 3  # equal content would be one delivery
    assert [file.name[:26] for file in landed] == [f"2026-02-03-20260204T05{at}00" for at in ("00", "20", "40")]


def test_a_number_and_its_text_are_one_id(tmp_path: Path, label_carrier: LogCarrier) -> None:
    sent(label_carrier, 0, label(7, 1), label("8", 3), label("07", 9))
    sent(label_carrier, 1, label("7", 2), label(8.0, 4), label(" 7", 5) | {"day": "2026-02-03T00:00"})
    assert label_carrier.carry_labels(LABELLED + timedelta(minutes=11)) == 2
    (landed,) = (tmp_path / "served" / "labels").iterdir()
    frame = pd.DataFrame([json.loads(line) for line in landed.read_bytes().splitlines()], dtype=object)
    assert row_ids(frame, label_carrier.spec).names.is_unique
    assert sorted(frame["price"]) == [4, 5, 9]


def test_many_labels_are_several_deliveries_in_their_order(
    tmp_path: Path, label_carrier: LogCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute, price in enumerate((1, 2, 3)):
        sent(label_carrier, minute, label(7, price))
    monkeypatch.setattr(log_carrier, "DELIVERY_BYTES", 10)
    assert label_carrier.carry_labels(LABELLED + timedelta(minutes=11)) == 3
    assert landed_labels(tmp_path) == [[(7, 1)], [(7, 2)], [(7, 3)]]


def test_labels_with_an_id_that_the_spec_no_longer_has_land_for_the_night_to_report(
    tmp_path: Path, label_carrier: LogCarrier
) -> None:
    sent(label_carrier, 0, {"house": 7, "price": 1})
    assert label_carrier.carry_labels(LABELLED + timedelta(minutes=11)) == 1
    (landed,) = (tmp_path / "served" / "labels").iterdir()
    assert json.loads(landed.read_bytes())["house"] == 7
    assert waiting_files(label_carrier.root, "flats") == []


def test_labels_that_were_erased_or_came_while_others_landed_are_left_alone(
    label_carrier: LogCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased, mine = sent(label_carrier, 0, label(7, 1)), sent(label_carrier, 1, label(8, 2))
    found = waiting_files(label_carrier.root, "flats")
    erased.unlink()
    monkeypatch.setattr(log_carrier, "waiting_files", lambda *_: found)  # as found before the erasure
    later: list[Path] = []

    def land(*_: object) -> None:
        later.append(sent(label_carrier, 2, label(9, 3)))
        mine.unlink()  # erased while it lands

    monkeypatch.setattr(LogCarrier, "_land", land)
    assert label_carrier.carry_labels(LABELLED + timedelta(minutes=11)) == 1
    assert [path for _, path, _ in waiting_files(label_carrier.root, "flats")] == later


def test_labels_that_an_earlier_version_kept_land_first(tmp_path: Path, label_carrier: LogCarrier) -> None:
    sent(label_carrier, 1, label(7, 2))
    old = label_carrier.root / "prediction_labels" / "flats" / f"{'f' * 64}.jsonl"
    old.write_text(json.dumps(label(7, 1)) + "\n" + json.dumps(label(8, 1)) + "\n")
    os.utime(old, (LABELLED.timestamp(), LABELLED.timestamp()))
    assert label_carrier.carry_labels(LABELLED + timedelta(minutes=11)) == 2
    assert landed_labels(tmp_path) == [[(8, 1), (7, 2)]]


def test_a_file_that_cannot_be_read_is_moved_away_and_all_others_land(logged: Logged) -> None:
    folder = logged.folder / "serving" / "prediction_log" / "flats"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text('{"flat": 1}\n')
    (folder / "b.jsonl").write_bytes(FROZEN.read_bytes())
    with pytest.raises(EvidenceError, match=r"1 files .* cannot be read, such as a\.jsonl: line 1 .* has no answer"):
        carrier(logged).carry()
    assert logged.files == []
    (moved,) = (logged.folder / "serving" / "prediction_log_unreadable" / "flats").iterdir()
    assert moved.read_text() == '{"flat": 1}\n'
    assert [path.name for path in (logged.folder / "served" / "rows").iterdir()] == ["b.jsonl"]
    assert carrier(logged).carry() == 0


PROTOCOL_5 = {"contract": "cdef", "tables": "12.30", "arm": "champion", "serial": 17, "rounding": 1e-12}


@pytest.mark.parametrize(
    ("protocol", "added"),
    [
        (1, {}),
        (2, {"contract": "cdef"}),
        (3, {"contract": "cdef", "tables": "12.30"}),
        (4, {"contract": "cdef", "tables": "12.30", "arm": "champion"}),
        (5, PROTOCOL_5),
        (6, {**PROTOCOL_5, "user": "00000000000000ab"}),
    ],
)
def test_a_line_of_each_protocol_is_read(protocol: int, added: dict[str, Any]) -> None:
    content = FROZEN.with_name(f"log_protocol_{protocol}.jsonl").read_bytes()
    first, second = logged_answers(content)
    assert first == LoggedAnswer(
        protocol=protocol,
        **added,
        row_id="7|2026-02-03",
        request="mine-1",
        time="2026-02-03T04:05:06.789000+00:00",
        version=3,
        digest="ab" * 32,
        inputs=inputs_digest(np.array([71.5, np.nan])),
        bits=first.bits,
        unsure=False,
        latency_ms=1.25,
        worker=0,
        number=1,
    )
    assert numbers_of(first.bits) == (0.5, 71.25, -3.0)
    assert second.unsure
    newer = f'"protocol":{protocol}'.encode()
    with pytest.raises(EvidenceError, match=r"has protocol 7; this Leeway reads \(1, 2, 3, 4, 5, 6\)"):
        logged_answers(content.replace(newer, b'"protocol":7'))


@pytest.mark.parametrize("state", ["", "12.30", "-.4", "-.-"])
def test_a_line_names_a_state_of_the_feature_tables(state: str) -> None:
    assert [answer.tables for answer in logged_answers(line_of(state))] == [state]


@pytest.mark.parametrize("state", ["12", "1.2.3", "x.y", "-1.2", "1.2\n", f"{10**30}.1"])
def test_a_line_with_another_state_than_a_night_can_open_has_no_answer(state: str) -> None:
    with pytest.raises(EvidenceError, match="line 1 of the prediction log has no answer"):
        logged_answers(line_of(state))


def line_of(state: str) -> bytes:
    """Return a line of the log that names a state of the feature tables."""
    texts = dict.fromkeys(("row_id", "request", "time", "digest", "inputs", "bits", "contract"), "")
    answer = {**texts, "protocol": 3, "version": 1, "unsure": False, "latency_ms": 1.0, "worker": 0, "number": 1}
    return json.dumps({ANSWER: {**answer, "tables": state}}).encode() + b"\n"
