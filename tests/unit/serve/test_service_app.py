"""Every request has an exact status and a message: right ones, wrong ones, and hostile ones."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.serve.champions import Champions
from tasks.serve.processes.shared_counters import (
    STATUS_START,
    STATUSES,
    CounterLayout,
    SharedCounters,
    WorkerCounters,
    shared_memory,
)
from tasks.serve.protocols import label_api
from tasks.serve.row_answering import RowAnswering
from tasks.serve.service_app import ServiceApp
from tasks.serve.service_settings import ServiceSettings
from tasks.serve.tick_batch import TickBatch
from tasks.serving_store import ApiKeys, ServingStore, new_key
from tasks.serving_store.sent_files import keep_sent
from tests.coroutines import run_apart
from tests.unit.serve.packages import KEY, MOMENT, ROW, fitted, package_of, write_suite

PREDICT, INFER, FRAME = "/v1/projects/flats/predict", "/v2/models/flats/infer", "/invocations"


@dataclass
class Service:
    """A service in this process, and keys for it."""

    app: ServiceApp
    counters: SharedCounters
    key: str
    other_key: str
    label_key: str

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body of a reply; names of headers have _ for -."""
        named = {"authorization": f"Bearer {self.key}", "content_type": "application/json"} | headers
        sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items() if value]
        scope = {"type": "http", "method": method, "path": path, "headers": sent}
        parts = [body[start : start + 65_536] for start in range(0, len(body), 65_536)] or [b""]
        messages = [
            {"type": "http.request", "body": part, "more_body": number < len(parts)}
            for number, part in enumerate(parts, start=1)
        ]
        replies: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            replies.append(message)

        run_apart(self.app(scope, receive, send))
        start, content = replies
        return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, content["body"]

    def predict(self, content: Any, path: str = PREDICT, **headers: str) -> tuple[int, Any]:
        """Return the status and the content of a reply to JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        status, _, reply = self.ask("POST", path, body, **headers)
        return status, json.loads(reply)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return service_of(*stored(tmp_path_factory.mktemp("app")))


def stored(folder: Path) -> tuple[ServingStore, Path]:
    """Return a store of flats with a route, and a folder."""
    write_suite(folder)
    store = ServingStore(folder / "serving", [KEY.public_key()])
    package, files = package_of(folder, fitted("binary"))
    store.publish(package, store.add_package(package, files, KEY), KEY, MOMENT)
    return store, folder


def service_of(store: ServingStore, folder: Path, **limits: Any) -> Service:
    """Return a service of flats."""
    settings = ServiceSettings(
        projects=("flats",),
        root=str(folder),
        trusted=(),
        budget_ms=60_000,
        max_rows=50,
        labels={"flats": "price"},
        feedback={"flats": ("redone", "clicked")},
        decisions=("flats",),
        **limits,
    )
    champions = Champions(store, ["flats"])
    if (found := champions.load("flats")) is not None:
        champions.exchange(found)
    layout = CounterLayout(["flats"], 1)
    descriptor = shared_memory(layout)
    counters = SharedCounters(layout, descriptor)
    os.close(descriptor)
    (key, text), (other, other_text) = new_key("mine"), new_key("elsewhere", projects=("houses",))
    label_key, label_text = new_key("labels", ("labels",))
    app = ServiceApp(RowAnswering(champions, settings, WorkerCounters(counters, 0)), ApiKeys((key, other, label_key)))
    return Service(app, counters, text, other_text, label_text)


def test_a_row_and_several_rows_have_the_same_answers(service: Service) -> None:
    status, one = service.predict({"row": ROW})
    assert (status, one["version"], one["project"]) == (200, 1, "flats")
    assert set(one["answer"]) == {"id", "prediction", "deferred", "confidence", "decision"}
    assert one["answer"]["id"] == "7|2026-02-03"
    other = ROW | {"flat": "b|c", "area": 70.2}
    status, both = service.predict({"rows": [ROW, other, ROW]})
    assert status == 200
    assert both["answers"][0] == both["answers"][2] == one["answer"]
    assert both["answers"][1]["id"] == "b\\|c|2026-02-03"


def test_a_row_that_a_person_decides_has_no_prediction(service: Service) -> None:
    answers = service.predict({"rows": [ROW | {"area": area} for area in range(40, 90)]})[1]["answers"]
    deferred = [answer for answer in answers if answer["deferred"]]
    assert 0 < len(deferred) < len(answers)
    assert all(answer["prediction"] is None and "confidence" not in answer and answer["reasons"] for answer in deferred)
    assert all(0 <= answer["prediction"] <= 1 for answer in answers if not answer["deferred"])


def test_the_three_protocols_agree(service: Service) -> None:
    rows = [ROW | {"flat": str(number), "area": 20.0 + 6 * number} for number in range(12)]
    own = service.predict({"rows": rows})[1]["answers"]
    kinds = {"area": "FP64", "rooms": "INT64", "garden": "BOOL"}
    tensors = [
        {"name": name, "datatype": kinds.get(name, "BYTES"), "shape": [12, 1], "data": [[row[name]] for row in rows]}
        for name in ROW
    ]
    status, inferred = service.predict({"id": "mine", "inputs": tensors}, INFER)
    assert (status, inferred["id"], inferred["model_version"]) == (200, "mine", "1")
    outputs = {output["name"]: output["data"] for output in inferred["outputs"]}
    wanted = [answer["prediction"] for answer in own]
    assert outputs["prediction"] == wanted
    assert outputs["decision"] == [answer.get("decision") for answer in own]
    split = {"columns": list(ROW), "data": [list(row.values()) for row in rows]}
    columns = {name: [row[name] for row in rows] for name in ROW}
    for content in (
        {"dataframe_split": split},
        {"dataframe_records": rows},
        {"instances": rows},
        {"inputs": rows},
        {"inputs": columns, "params": {}},
    ):
        assert service.predict(content, FRAME) == (200, {"predictions": wanted})
    assert service.predict({"inputs": rows}, "/v1/projects/flats/invocations")[1]["predictions"] == wanted
    assert service.predict({"inputs": tensors}, "/v2/models/flats/versions/1/infer")[0] == 200


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in ROW.items() if name not in names}


FAULTS: list[tuple[Any, int, str]] = [
    # JSON
    (b"", 400, "not_json"),
    (b"{", 400, "not_json"),
    (b"[1,", 400, "not_json"),
    (b'{"row": {}} x', 400, "not_json"),
    (b"\xff\xfe", 400, "not_json"),
    (b'\xef\xbb\xbf{"row": {}}', 400, "not_json"),
    (b"{'row': {}}", 400, "not_json"),
    (b'{"row": {"area": 01}}', 400, "not_json"),
    (b'{"row": {"area": 0x10}}', 400, "not_json"),
    (b'{"row": {"area": 1,}}', 400, "not_json"),
    (b'{"row": {"area": NaN}}', 400, "not_finite"),
    (b'{"row": {"area": Infinity}}', 400, "not_finite"),
    (b'{"row": {"area": -Infinity}}', 400, "not_finite"),
    (b'{"row": {"area": 1e400}}', 400, "not_finite"),
    (b'{"row": {"area": [NaN]}}', 400, "not_finite"),
    (b"NaN", 400, "not_finite"),
    (b'{"row": {"area": 1, "area": 2}}', 400, "repeated_name"),
    (b'{"row": {"area": 1, "city": "a:b", "area": 2}}', 400, "repeated_name"),
    (b'{"row": {"area": 1, "\\u0061rea": 2}}', 400, "repeated_name"),
    (b'{"row": {"area": 1, "city": "\\u003a", "area": 2}}', 400, "repeated_name"),
    (b'{"row": {}, "row": {}}', 400, "repeated_name"),
    (b'{"row": {"city": "\\ud800"}}', 400, "not_a_text"),
    (b'{"row": {"\\ud800": 1}}', 400, "not_a_text"),
    (b'{"row": {"city": ["\\ud800"]}}', 400, "not_a_text"),
    (b'{"rows": [["a", ["\\udfff"]]]}', 400, "not_a_text"),
    (b'["\\ud800"]', 400, "not_a_text"),
    (b'"\\ud800"', 400, "not_a_text"),
    (b"[" * 900 + b'"\\n"' + b"]" * 900, 400, "too_deep"),
    (b'{"row": {"a\\u0000": 1}}', 400, "not_a_text"),
    (b"[" * 100_000, 400, "too_deep"),
    (b'{"row": ' + b"[" * 50 + b"]" * 50 + b"}", 400, "too_deep"),
    (b'{"row": {"a":' * 50 + b"1" + b"}}" * 50, 400, "too_deep"),
    # the shape
    ([], 422, "no_rows"),
    ({}, 422, "no_rows"),
    (None, 422, "no_rows"),
    (5, 422, "no_rows"),
    ("row", 422, "no_rows"),
    (ROW, 422, "no_rows"),
    ({"rows": []}, 422, "no_rows"),
    ({"rows": {}}, 422, "no_rows"),
    ({"rows": None}, 422, "no_rows"),
    ({"row": ROW, "rows": [ROW]}, 422, "no_rows"),
    ({"row": ROW, "other": 1}, 422, "no_rows"),
    ({"rows": [ROW] * 51}, 413, "too_many_rows"),
    ({"row": []}, 422, "not_an_object"),
    ({"row": None}, 422, "not_an_object"),
    ({"row": "x"}, 422, "not_an_object"),
    ({"rows": [ROW, 5]}, 422, "not_an_object"),
    ({"rows": [[]]}, 422, "not_an_object"),
    # the cells
    ({"row": without("flat")}, 422, "missing_id:flat"),
    ({"row": ROW | {"flat": None}}, 422, "missing_id:flat"),
    ({"row": ROW | {"flat": "  "}}, 422, "missing_id:flat"),
    ({"row": ROW | {"flat": []}}, 422, "not_a_category:flat"),
    ({"row": ROW | {"flat": "x" * 1001}}, 422, "too_long:flat"),
    ({"row": ROW | {"flat": 10**1200}}, 422, "too_long:flat"),
    ({"row": without("day")}, 422, "missing_id:day"),
    ({"row": ROW | {"day": "NA"}}, 422, "missing_id:day"),
    ({"row": ROW | {"day": "03/04/2026"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "2026-02-30"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "2026-1-2"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "2026-W01-1"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "20260102"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": 20260102}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": 1.5}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": True}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "0001-01-01"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "9999-12-31T23:59:59Z"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "2026-01-02T25:00"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "2026-01-02T10:00+99:00"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"day": "2026-01-02+02:00"}}, 422, "not_a_time:day"),
    ({"row": ROW | {"built": "soon"}}, 422, "not_a_time:built"),
    ({"row": ROW | {"area": "big"}}, 422, "not_a_number:area"),
    ({"row": ROW | {"area": True}}, 422, "not_a_number:area"),
    ({"row": ROW | {"area": []}}, 422, "not_a_number:area"),
    ({"row": ROW | {"area": {}}}, 422, "not_a_number:area"),
    ({"row": ROW | {"area": "1,5"}}, 422, "not_a_number:area"),
    ({"row": ROW | {"area": "1_000"}}, 422, "not_a_number:area"),
    ({"row": ROW | {"area": "0x10"}}, 422, "not_a_number:area"),
    ({"row": ROW | {"area": "inf"}}, 422, "not_finite:area"),
    ({"row": ROW | {"area": "1e999"}}, 422, "not_finite:area"),
    ({"row": ROW | {"area": 2**53 + 1}}, 422, "not_exact:area"),
    ({"row": ROW | {"area": -(2**53) - 1}}, 422, "not_exact:area"),
    ({"row": ROW | {"area": 10**30}}, 422, "not_exact:area"),
    ({"row": ROW | {"garden": "maybe"}}, 422, "not_a_boolean:garden"),
    ({"row": ROW | {"garden": 2}}, 422, "not_a_boolean:garden"),
    ({"row": ROW | {"garden": []}}, 422, "not_a_boolean:garden"),
    ({"row": ROW | {"city": {"name": "Bonn"}}}, 422, "not_a_category:city"),
    ({"row": ROW | {"city": ["Bonn"]}}, 422, "not_a_category:city"),
    ({"row": ROW | {"city": "B" * 1001}}, 422, "too_long:city"),
    # the rules
    ({"row": without("area")}, 422, "expect_column_values_to_not_be_null:area"),
    ({"row": ROW | {"area": None}}, 422, "expect_column_values_to_not_be_null:area"),
    ({"row": ROW | {"area": ""}}, 422, "expect_column_values_to_not_be_null:area"),
    ({"row": ROW | {"area": 1000.5}}, 422, "expect_column_values_to_be_between:area"),
    ({"row": ROW | {"city": "bonn"}}, 422, "expect_column_values_to_match_regex:city"),
    ({"row": ROW | {"city": "B"}}, 422, "expect_column_value_lengths_to_be_between:city"),
    ({"row": ROW | {"rooms": 71.5}}, 422, "expect_column_pair_values_a_to_be_greater_than_b:area:rooms"),
]


@pytest.mark.parametrize(("content", "status", "code"), FAULTS)
def test_what_cannot_be_answered_is_named(service: Service, content: Any, status: int, code: str) -> None:
    found, reply = service.predict(content)
    error = reply["error"]
    codes = {error["code"]} | {detail["reason"] for detail in error.get("details", [])}
    assert (found, code in codes) == (status, True), reply
    assert "Traceback" not in json.dumps(reply)


RIGHT = [
    ROW,
    ROW | {"flat": "7"},
    ROW | {"flat": 7.0},
    ROW | {"area": "71.5"},
    ROW | {"area": " 71.5 "},
    ROW | {"area": 7.15e1},
    without("rooms", "garden", "city", "built"),
    ROW | {"rooms": None, "garden": None, "city": None, "built": None},
    ROW | {"rooms": "", "garden": "NA", "city": "", "built": "none"},
    ROW | {"garden": "yes"},
    ROW | {"garden": 1},
    ROW | {"city": " Bonn "},
    ROW | {"city": "unknown to the model"},
    ROW | {"day": "2026-02-03T12:00:00Z"},
    ROW | {"day": "2026-03-08T02:30"},
    ROW | {"area": 1000},
    ROW | {"area": -0.0, "rooms": -1},
    ROW | {"extra": {"nested": [1]}},
]


@pytest.mark.parametrize("row", RIGHT)
def test_what_the_contract_allows_is_answered(service: Service, row: dict[str, Any]) -> None:
    status, reply = service.predict({"row": row})
    assert status == 200, reply
    assert ("ignored_columns" in reply) == ("extra" in row)


REQUESTS: list[tuple[str, str, dict[str, str], int]] = [
    # who asks
    ("POST", PREDICT, {"authorization": ""}, 401),
    ("POST", PREDICT, {"authorization": "Bearer"}, 401),
    ("POST", PREDICT, {"authorization": "Bearer wrong"}, 401),
    ("POST", PREDICT, {"authorization": "Basic bGVld2F5"}, 401),
    ("POST", PREDICT, {"authorization": "Basic bGVld2F5OmFiYw=="}, 401),
    ("POST", PREDICT, {"authorization": "Basic ==="}, 401),
    ("POST", PREDICT, {"authorization": "", "x_api_key": "wrong"}, 401),
    ("POST", PREDICT, {"authorization": "Bearer OTHER"}, 403),
    ("GET", "/v1/projects/flats/schema", {"authorization": ""}, 401),
    ("GET", "/v1/projects/flats/schema", {"authorization": "Bearer OTHER"}, 403),
    ("GET", "/openapi.json", {"authorization": ""}, 401),
    ("GET", "/docs", {"authorization": ""}, 401),
    ("GET", "/nowhere", {"authorization": ""}, 401),
    ("POST", INFER, {"authorization": ""}, 401),
    ("POST", FRAME, {"authorization": ""}, 401),
    ("GET", "/v2/models/flats", {"authorization": ""}, 401),
    ("GET", "/v2/models/flats/ready", {"authorization": ""}, 401),
    ("GET", "/v2/models/flats/ready", {"authorization": "Bearer OTHER"}, 403),
    ("GET", "/v2/models/flats/versions/1/ready", {"authorization": ""}, 401),
    # where to
    ("GET", "/nowhere", {}, 404),
    ("POST", "/v1/projects/houses/predict", {}, 404),
    ("POST", "/v1/projects/../predict", {}, 404),
    ("POST", "/v2/models/flats/versions/2/infer", {}, 404),
    ("POST", "/v2/models/flats/versions//infer", {}, 404),
    ("GET", "/metrics", {}, 404),
    # how
    ("GET", PREDICT, {}, 405),
    ("HEAD", PREDICT, {}, 405),
    ("PUT", PREDICT, {}, 405),
    ("DELETE", PREDICT, {}, 405),
    ("OPTIONS", PREDICT, {}, 405),
    ("POST", "/v1/projects/flats/schema", {}, 405),
    ("POST", "/ping", {}, 405),
    # what
    ("POST", PREDICT, {"content_type": ""}, 415),
    ("POST", PREDICT, {"content_type": "text/csv"}, 415),
    ("POST", PREDICT, {"content_type": "application/x-www-form-urlencoded"}, 415),
    ("POST", PREDICT, {"content_encoding": "gzip"}, 415),
    ("POST", PREDICT, {"content_length": "1000001"}, 413),
    ("POST", PREDICT, {"x_deadline_ms": "0"}, 400),
    ("POST", PREDICT, {"x_deadline_ms": "-5"}, 400),
    ("POST", PREDICT, {"x_deadline_ms": "soon"}, 400),
    ("POST", PREDICT, {"x_deadline_ms": "1e3"}, 400),
    ("POST", PREDICT, {"x_deadline_ms": "999999"}, 400),
    ("POST", PREDICT, {"x_deadline_ms": "0.001"}, 504),
    # right ones
    ("POST", PREDICT, {}, 200),
    ("POST", PREDICT, {"content_type": "Application/JSON; charset=utf-8"}, 200),
    ("POST", PREDICT, {"content_encoding": "identity"}, 200),
    ("POST", PREDICT, {"x_deadline_ms": "9999.5"}, 200),
    ("POST", PREDICT, {"authorization": "", "x_api_key": "MINE"}, 200),
    ("GET", "/v1/projects/flats/schema", {}, 200),
    ("HEAD", "/v1/projects/flats/schema", {}, 200),
    ("GET", "/openapi.json", {}, 200),
    ("GET", "/docs", {}, 200),
    ("GET", "/v2", {"authorization": ""}, 200),
    ("GET", "/v2/health/live", {"authorization": ""}, 200),
    ("GET", "/v2/health/ready", {"authorization": ""}, 200),
    ("GET", "/v2/models/flats", {}, 200),
    ("GET", "/v2/models/flats/versions/1", {}, 200),
    ("GET", "/v2/models/flats/ready", {}, 200),
    ("GET", "/v2/models/flats/versions/1/ready", {}, 200),
    ("GET", "/ping", {"authorization": ""}, 200),
    ("HEAD", "/health", {"authorization": ""}, 200),
    ("GET", "/version", {"authorization": ""}, 200),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), REQUESTS)
def test_each_request_has_its_status(
    service: Service, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    keys = {"OTHER": service.other_key, "MINE": service.key}
    named = {name: " ".join(keys.get(word, word) for word in value.split(" ")) for name, value in headers.items()}
    body = json.dumps({"row": ROW}).encode() if method == "POST" else b""
    found, replied, content = service.ask(method, path, body, **named)
    assert found == status, content
    assert replied["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in replied
    assert (content == b"") == (method == "HEAD")
    assert ("allow" in replied, "www-authenticate" in replied) == (status == 405, status == 401)


WRONG_SHAPES: list[tuple[str, Any]] = [
    (INFER, []),
    (INFER, {}),
    (INFER, {"inputs": []}),
    (INFER, {"inputs": {}}),
    (INFER, {"inputs": [5]}),
    (INFER, {"inputs": [{"datatype": "FP64", "shape": [1], "data": [1]}]}),
    (INFER, {"inputs": [{"name": "area", "datatype": "FP99", "shape": [1], "data": [1]}]}),
    (INFER, {"inputs": [{"name": "area", "datatype": "FP64", "shape": [2], "data": [1]}]}),
    (INFER, {"inputs": [{"name": "area", "datatype": "FP64", "shape": [1, 2], "data": [[1, 2]]}]}),
    (INFER, {"inputs": [{"name": "area", "datatype": "FP64", "shape": [1], "data": "1"}]}),
    (INFER, {"inputs": [{"name": "area", "datatype": "FP64", "shape": [0], "data": []}]}),
    (INFER, {"inputs": [{"name": "area", "datatype": "FP64", "shape": [1], "data": [1]}] * 2}),
    (
        INFER,
        {
            "inputs": [
                {"name": "area", "datatype": "FP64", "shape": [1], "data": [1]},
                {"name": "rooms", "datatype": "FP64", "shape": [2], "data": [1, 2]},
            ]
        },
    ),
    (INFER, {"inputs": [], "more": 1}),
    (FRAME, []),
    (FRAME, {}),
    (FRAME, {"rows": [ROW]}),
    (FRAME, {"inputs": [ROW], "instances": [ROW]}),
    (FRAME, {"inputs": []}),
    (FRAME, {"inputs": {"area": [1], "rooms": [1, 2]}}),
    (FRAME, {"inputs": {"area": 1}}),
    (FRAME, {"instances": ROW}),
    (FRAME, {"dataframe_records": {}}),
    (FRAME, {"dataframe_split": {"columns": ["area"]}}),
    (FRAME, {"dataframe_split": {"columns": ["area", "area"], "data": [[1, 2]]}}),
    (FRAME, {"dataframe_split": {"columns": ["area"], "data": [[1, 2]]}}),
    (FRAME, {"dataframe_split": {"columns": [5], "data": [[1]]}}),
    (FRAME, {"dataframe_split": {"columns": ["area"], "data": [1]}}),
]


@pytest.mark.parametrize(("path", "content"), WRONG_SHAPES)
def test_other_protocols_refuse_what_has_no_rows(service: Service, path: str, content: Any) -> None:
    status, reply = service.predict(content, path)
    assert status == 400, reply
    assert isinstance(reply["error"] if path == INFER else reply["message"], str)


def test_mlflows_clients_may_write_nan_for_a_missing_number(service: Service) -> None:
    body = json.dumps({"inputs": [ROW | {"rooms": None}]})
    wanted = service.predict(body.encode(), FRAME)
    assert service.predict(body.replace("null", "NaN").encode(), FRAME) == wanted
    for wrong in ('"rooms": Infinity', '"rooms": NaN, "rooms": NaN', '"rooms": [NaN, 1e999]', '"rooms": NaN,'):
        assert service.predict(body.replace('"rooms": null', wrong).encode(), FRAME)[0] == 400
    assert service.predict(body.replace("null", "NaN").encode(), "/v2/models/flats/infer")[0] == 400


def test_every_fault_of_every_row_is_listed(service: Service) -> None:
    broken = {"flat": [], "area": "big", "garden": "maybe", "day": "soon"}
    status, reply = service.predict({"rows": [ROW, broken, broken | {"area": 1}]})
    faults = [(detail["row"], detail["reason"]) for detail in reply["error"]["details"]]
    assert status == 422
    assert {row for row, _ in faults} == {1, 2}
    assert (1, "not_a_number:area") in faults
    assert (2, "not_a_number:area") not in faults
    assert len(faults) == 7
    message = service.predict({"inputs": [broken]}, FRAME)[1]["message"]
    assert "row 0: not_a_number:area, expected a number" in message


def test_no_value_of_a_request_is_in_a_reply_that_refuses_it(service: Service) -> None:
    status, reply = service.predict({"row": ROW | {"area": "s3cret", "city": ["s3cret"], "day": "s3cret"}})
    assert status == 422
    assert "s3cret" not in json.dumps(reply)


def test_a_body_in_parts_is_read_up_to_the_limit(service: Service) -> None:
    padded = json.dumps({"row": ROW | {"extra": "x" * 200_000}}).encode()
    assert service.ask("POST", PREDICT, padded)[0] == 200
    status, headers, _ = service.ask("POST", PREDICT, b" " * 1_000_001)
    assert (status, headers["connection"]) == (413, "close")


def test_ids_of_a_request_and_its_trace_are_repeated(service: Service) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    _, headers, _ = service.ask("GET", "/version", x_request_id="mine-7", traceparent=trace)
    assert (headers["x-request-id"], headers["traceparent"]) == ("mine-7", trace)
    _, headers, _ = service.ask("GET", "/version", x_request_id="two words", traceparent="x")
    assert headers["x-request-id"] != "two words"
    assert "traceparent" not in headers


def test_a_worker_that_lags_behind_refuses_at_once(service: Service) -> None:
    answering = service.app.answering
    answering.lag_seconds = 40.0
    try:
        status, headers, _ = service.ask("POST", PREDICT, json.dumps({"row": ROW}).encode())
    finally:
        answering.lag_seconds = 0.0
    assert (status, headers["retry-after"] in {"1", "2", "3"}) == (429, True)


def test_at_most_as_many_requests_are_answered_at_once_as_the_limit_says(service: Service) -> None:
    answering = service.app.answering
    statuses = []
    for answering.in_flight in (255, 256):
        statuses.append(service.predict({"row": ROW})[0])
        statuses.append(service.predict({"labels": [LABEL]}, LABELS, authorization=f"Bearer {service.label_key}")[0])
    answering.in_flight = 0
    assert statuses == [200, 200, 429, 429]


def test_labels_take_a_place_until_they_are_on_the_disk(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    answering, seen = service.app.answering, list[int]()

    def keep(*arguments: Any) -> int:
        seen.append(answering.in_flight)
        return keep_sent(*arguments)

    monkeypatch.setattr(label_api, "keep_sent", keep)
    assert service.predict({"labels": [LABEL]}, LABELS, authorization=f"Bearer {service.label_key}")[0] == 200
    assert (seen, answering.in_flight) == ([1], 0)


def test_labels_that_have_not_landed_have_a_limit(tmp_path: Path) -> None:
    service = service_of(*stored(tmp_path), max_label_bytes=4_100)
    mine, statuses = f"Bearer {service.label_key}", []
    many = [LABEL | {"flat": flat} for flat in range(10, 50)]
    for _ in range(3):
        status, headers, body = service.ask("POST", LABELS, json.dumps({"labels": many}).encode(), authorization=mine)
        statuses.append(status)
    kept = list((tmp_path / "prediction_labels" / "flats").iterdir())
    assert statuses == [200, 200, 503]
    assert headers["retry-after"] in {"1", "2", "3"}
    assert (json.loads(body)["error"]["code"], len(kept)) == ("labels_full", 2)


def test_an_answer_that_is_late_is_not_sent(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    version = service.app.answering.serving("flats").version
    right = version.answers

    def slow(rows: Any) -> Any:
        time.sleep(0.06)
        return right(rows)

    monkeypatch.setattr(version, "answers", slow)
    for content in ({"row": ROW}, {"rows": [ROW, ROW]}):
        status, reply = service.predict(content, x_deadline_ms="50")
        assert (status, reply["error"]["code"]) == (504, "late")
    monkeypatch.undo()
    service.app.answering.serving("flats").batch.row_seconds = 50e-6


def test_one_slow_run_does_not_refuse_all_requests_after_it(service: Service) -> None:
    batch = service.app.answering.serving("flats").batch
    batch.row_seconds = 1.0
    statuses = [service.predict({"rows": [ROW, ROW]}, x_deadline_ms="1000")[0] for _ in range(8)]
    # Two rows fit into a second at half a second each: 1 x .9^7 = .48, so that the eighth request is answered.
    assert statuses == [504] * 7 + [200]
    batch.row_seconds = 50e-6


def test_the_estimate_of_a_version_is_its_own_and_weighs_large_runs_most(service: Service) -> None:
    serving = service.app.answering.serving("flats")
    other = TickBatch(serving.version)
    rows = [serving.version.reader.read(ROW)] * 64

    async def run() -> None:
        other.row_seconds = 8.0
        other.answers(rows)
        other.answers(rows[:1])

    run_apart(run())
    # A run of 64 rows counts a tenth, 8 -> 7.2; one of a row counts 1/640, 7.2 -> 7.19. The rows take microseconds.
    assert other.row_seconds == pytest.approx(7.2 * (1 - 0.1 / 64), abs=0.01)
    assert serving.batch.row_seconds < 0.1


def test_a_fault_of_the_model_shows_no_value(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = service.app.answering.serving("flats")

    def fail(_rows: Any) -> Any:
        raise RuntimeError("s3cret 71.5")

    monkeypatch.setattr(serving.version, "answers", fail)
    status, reply = service.predict({"row": ROW})
    assert (status, reply["error"]["code"]) == (500, "failed")
    assert "s3cret" not in json.dumps(reply)


def test_without_a_package_there_is_no_answer(tmp_path: Path) -> None:
    empty = service_of(ServingStore(tmp_path, [KEY.public_key()]), tmp_path)
    status, reply = empty.predict({"row": ROW})
    assert (status, reply["error"]["code"]) == (503, "no_version")
    assert empty.ask("GET", "/v2/health/ready")[0] == 503
    assert empty.ask("GET", "/ping")[0] == 503
    assert empty.ask("GET", "/docs")[0] == 200


def test_requests_and_rows_are_counted(service: Service) -> None:
    def counted(status: int) -> int:
        return service.counters.sum("flats", STATUS_START + STATUSES.index(status))

    before = counted(200), counted(422), service.counters.of_project(0, "flats", "rows")
    service.predict({"rows": [ROW, ROW]})
    service.predict({"row": {}})
    after = counted(200), counted(422), service.counters.of_project(0, "flats", "rows")
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 2]


def test_the_document_describes_the_rows_and_its_page_needs_no_other_server(service: Service) -> None:
    document = json.loads(service.ask("GET", "/openapi.json")[2])
    content = document["paths"][PREDICT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    row = content["oneOf"][0]["properties"]["row"]
    assert set(row["properties"]) == {*ROW, "price"}
    assert row["required"] == ["flat", "day"]
    assert (row["properties"]["day"]["type"], row["properties"]["flat"]["type"]) == (
        ["string"],
        ["string", "number", "boolean"],
    )
    assert content["oneOf"][1]["properties"]["rows"]["maxItems"] == 50
    replies = document["paths"][PREDICT]["post"]["responses"]
    assert all("X-Request-Id" in reply["headers"] for reply in replies.values())
    page = service.ask("GET", "/docs")[2].decode()
    assert "<code>area</code>" in page
    assert "http" not in page.replace("https://json-schema.org", "")
    schema = json.loads(service.ask("GET", "/v1/projects/flats/schema")[2])
    assert schema["row"] == row
    assert schema["version"] == 1


def test_the_document_names_only_the_projects_of_the_key(service: Service) -> None:
    other = f"Bearer {service.other_key}"
    assert json.loads(service.ask("GET", "/openapi.json", authorization=other)[2])["paths"] == {}
    assert "flats" not in service.ask("GET", "/docs", authorization=other)[2].decode()


LABEL = {"flat": 7, "day": "2026-02-03", "price": 1}
LABELS, FEEDBACK, DECISIONS = (f"/v1/projects/flats/{kind}" for kind in ("labels", "feedback", "decisions"))
EVENT = {"flat": 7, "day": "2026-02-03", "event": "redone"}
DECISION = {"flat": 7, "day": "2026-02-03", "decision": 1}


def test_labels_are_on_the_disk_before_the_reply_with_their_time(service: Service) -> None:
    mine, folder = (
        f"Bearer {service.label_key}",
        Path(service.app.answering.settings.root) / "prediction_labels" / "flats",
    )
    before = set(folder.iterdir()) if folder.exists() else set()
    counters = service.app.answering.counters
    busy = counters.of_project("flats", "busy_us")
    for _ in range(2):
        status, reply = service.predict({"labels": [LABEL, LABEL | {"flat": "8"}]}, LABELS, authorization=mine)
        assert (status, reply["labels"]) == (200, 2)
    assert counters.of_project("flats", "busy_us") == busy, "only predictions are timed"
    kept = sorted(set(folder.iterdir()) - before)
    lines = [[json.loads(line) for line in file.read_bytes().splitlines()] for file in kept]
    times = [{line.pop("@sent_at") for line in file} for file in lines]
    assert lines == [[LABEL, LABEL | {"flat": "8"}]] * 2
    assert [len(each) for each in times] == [1, 1]
    assert min(times[0]) < min(times[1])
    paths = json.loads(service.ask("GET", "/openapi.json", authorization=mine)[2])["paths"]
    assert list(paths) == [LABELS, FEEDBACK, DECISIONS]
    assert service.ask("GET", "/docs", authorization=mine)[0] == 200


def test_feedback_is_on_the_disk_before_the_reply_with_its_time(service: Service) -> None:
    status, reply = service.predict({"feedback": [EVENT]}, FEEDBACK, authorization=f"Bearer {service.label_key}")
    assert (status, reply["feedback"]) == (200, 1)
    (kept,) = (Path(service.app.answering.settings.root) / "prediction_feedback" / "flats").iterdir()
    (line,) = map(json.loads, kept.read_bytes().splitlines())
    assert line.pop("@sent_at") == line.pop("time")
    assert line == EVENT
    assert service.predict({"feedback": [EVENT]}, FEEDBACK)[0] == 403, "a key for predictions"
    assert service.ask("GET", FEEDBACK, authorization=f"Bearer {service.label_key}")[0] == 405


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ({"labels": [EVENT]}, 422, "no_feedback"),
        ({"feedback": []}, 422, "no_feedback"),
        ({"feedback": [EVENT] * 51}, 413, "too_many_rows"),
        ({"feedback": [EVENT, 5]}, 422, "not_an_object"),
        ({"feedback": [EVENT | {"event": "sold"}]}, 422, "unknown_event:event"),
        ({"feedback": [EVENT | {"event": ["redone"]}]}, 422, "unknown_event:event"),
        ({"feedback": [EVENT | {"event": None}]}, 422, "missing:event"),
        ({"feedback": [EVENT | {"day": ""}]}, 422, "missing:day"),
        ({"feedback": [EVENT | {"price": 5}]}, 422, "unknown_column:price"),
        ({"feedback": [EVENT | {"time": "2026-02-03"}]}, 422, "unknown_column:time"),
    ],
)
def test_feedback_with_faults_is_not_kept(service: Service, content: Any, status: int, code: str) -> None:
    found, reply = service.predict(content, FEEDBACK, authorization=f"Bearer {service.label_key}")
    error = reply["error"]
    codes = {error["code"]} | {detail["reason"] for detail in error.get("details", [])}
    assert (found, code in codes) == (status, True), reply


def test_a_decision_is_on_the_disk_before_the_reply_and_the_reply_has_nothing_of_the_model(service: Service) -> None:
    mine = f"Bearer {service.label_key}"
    status, reply = service.predict({"decisions": [DECISION]}, DECISIONS, authorization=mine)
    assert (status, set(reply), reply["decisions"]) == (200, {"project", "decisions", "request_id"}, 1)
    (kept,) = (Path(service.app.answering.settings.root) / "prediction_decisions" / "flats").iterdir()
    (line,) = map(json.loads, kept.read_bytes().splitlines())
    assert line.pop("@sent_at") == line.pop("time")
    assert line == DECISION
    assert service.predict({"decisions": [DECISION]}, DECISIONS)[0] == 403, "a key for predictions"
    assert service.ask("GET", DECISIONS, authorization=mine)[0] == 405


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ({"labels": [DECISION]}, 422, "no_decisions"),
        ({"decisions": []}, 422, "no_decisions"),
        ({"decisions": [DECISION] * 51}, 413, "too_many_rows"),
        ({"decisions": [DECISION | {"decision": None}]}, 422, "missing:decision"),
        ({"decisions": [DECISION | {"decision": 0.5}]}, 422, "not_a_boolean:decision"),
        ({"decisions": [DECISION | {"prediction": 5}]}, 422, "unknown_column:prediction"),
        ({"decisions": [{"day": "2026-02-03", "decision": 5}]}, 422, "missing:flat"),
    ],
)
def test_decisions_with_faults_are_not_kept(service: Service, content: Any, status: int, code: str) -> None:
    found, reply = service.predict(content, DECISIONS, authorization=f"Bearer {service.label_key}")
    error = reply["error"]
    codes = {error["code"]} | {detail["reason"] for detail in error.get("details", [])}
    assert (found, code in codes) == (status, True), reply


def test_a_key_may_do_what_it_was_made_for(service: Service) -> None:
    assert service.predict({"labels": [LABEL]}, LABELS)[0] == 403
    assert service.predict({"row": ROW}, authorization=f"Bearer {service.label_key}")[0] == 403


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "not_json"),
        ([], 422, "no_labels"),
        ({"labels": []}, 422, "no_labels"),
        ({"labels": {}}, 422, "no_labels"),
        ({"labels": [LABEL], "row": ROW}, 422, "no_labels"),
        ({"labels": [LABEL] * 51}, 413, "too_many_rows"),
        ({"labels": [5]}, 422, "not_an_object"),
        ({"labels": [{"flat": 7, "day": "2026-02-03"}]}, 422, "missing:price"),
        ({"labels": [LABEL | {"price": None}]}, 422, "missing:price"),
        ({"labels": [LABEL | {"price": "1"}]}, 422, "not_a_boolean:price"),
        ({"labels": [LABEL | {"price": 7}]}, 422, "not_a_boolean:price"),
        ({"labels": [LABEL | {"flat": ""}]}, 422, "missing:flat"),
        ({"labels": [LABEL | {"flat": []}]}, 422, "not_a_category:flat"),
        ({"labels": [LABEL | {"day": "03/04/2026"}]}, 422, "not_a_time:day"),
        ({"labels": [LABEL | {"area": 5}]}, 422, "unknown_column:area"),
    ],
)
def test_labels_with_faults_are_not_kept(service: Service, content: Any, status: int, code: str) -> None:
    found, reply = service.predict(content, LABELS, authorization=f"Bearer {service.label_key}")
    error = reply["error"]
    codes = {error["code"]} | {detail["reason"] for detail in error.get("details", [])}
    assert (found, code in codes) == (status, True), reply
