"""The Open Inference Protocol over gRPC: the answers, keys, limits and deadlines are those of REST."""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any

import grpc
import pytest

from tasks.serve.over_grpc.inference_messages import CLASSES, SERVICE
from tasks.serve.over_grpc.tensor_values import infer_response, json_request
from tests.running_service import Running, running, two_versions, until
from tests.servers import free_port
from tests.unit.serve.packages import ROW

TEXTS = ("flat", "day", "city", "built")
ROWS = [ROW | {"flat": f"{number}", "area": 30.0 + number, "rooms": 1.0 + number % 4} for number in range(5)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("grpc")
    limits: dict[str, Any] = {"max_rows": 50, "max_body_bytes": 100_000, "request_seconds": 1.0, "max_connections": 5}
    with running(folder, two_versions(folder), grpc_port=free_port(), **limits) as found:
        yield found


def call(service: Running, name: str, message: Any = None, *, key: str | None = "", **options: Any) -> Any:
    """Make a call with a key, by default that of the tests."""
    with grpc.insecure_channel(f"127.0.0.1:{service.settings.grpc_port}") as channel:
        made = channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=CLASSES[f"{name}Request"].SerializeToString,
            response_deserializer=CLASSES[f"{name}Response"].FromString,
        )
        metadata = options.pop("metadata", ())
        given = () if key is None else (("authorization", f"Bearer {key or service.key}"),)
        return made(message or CLASSES[f"{name}Request"](), metadata=(*given, *metadata), timeout=20, **options)


def infer_request(rows: Sequence[dict[str, Any]], *, is_raw: bool = False, **parts: Any) -> Any:
    request = CLASSES["ModelInferRequest"](model_name="flats", **parts)
    for name in rows[0]:
        kind = "BYTES" if name in TEXTS else "BOOL" if name == "garden" else "FP64"
        values = [row[name] for row in rows]
        data = [str(value).encode() for value in values] if kind == "BYTES" else values
        tensor = request.inputs.add(name=name, datatype=kind, shape=[len(rows)])
        if is_raw:
            texts = b"".join(struct.pack("<I", len(text)) + text for text in data) if kind == "BYTES" else b""
            request.raw_input_contents.append(
                texts or struct.pack(f"<{len(data)}{'?' if kind == 'BOOL' else 'd'}", *data)
            )
        else:
            contents = {"BYTES": "bytes_contents", "BOOL": "bool_contents", "FP64": "fp64_contents"}[kind]
            getattr(tensor.contents, contents).extend(data)
    return request


def by_rest(service: Running, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the outputs of a request over REST by their names."""
    request = infer_request(rows)
    with closing(service.connection()) as connection:
        headers = {"authorization": f"Bearer {service.key}", "content-type": "application/json"}
        connection.request("POST", "/v2/models/flats/infer", json.dumps(json_request(request)), headers)
        reply = json.loads(connection.getresponse().read())
    return {output["name"]: output["data"] for output in reply["outputs"]}


def outputs(reply: Any) -> dict[str, list[Any]]:
    """Return the outputs of a reply by their names."""
    found: dict[str, list[Any]] = {}
    for place, output in enumerate(reply.outputs):
        if reply.raw_output_contents:
            content, kind = reply.raw_output_contents[place], {"FP64": "d", "BOOL": "?", "INT64": "q"}
            if output.datatype == "BYTES":
                continue
            found[output.name] = list(struct.unpack(f"<{output.shape[0]}{kind[output.datatype]}", content))
            continue
        name = {"FP64": "fp64_contents", "BOOL": "bool_contents", "BYTES": "bytes_contents"}[output.datatype]
        values = list(getattr(output.contents, name))
        found[output.name] = [value.decode() for value in values] if output.datatype == "BYTES" else values
    return found


@pytest.mark.parametrize("is_raw", [False, True])
def test_answers_are_those_of_rest_bit_for_bit(service: Running, is_raw: bool) -> None:
    reply = call(service, "ModelInfer", infer_request(ROWS, is_raw=is_raw, id="mine"))
    assert (reply.model_name, reply.model_version, reply.id) == ("flats", "1", "mine")
    wanted, found = by_rest(service, ROWS), outputs(reply)
    assert set(found) >= {"prediction", "deferred", "confidence"}
    assert {name: values for name, values in wanted.items() if name in found} == found


def test_nan_and_a_tensor_that_is_left_out_are_missing_values(service: Running) -> None:
    missing = [{name: value for name, value in row.items() if name != "city"} | {"rooms": math.nan} for row in ROWS]
    with closing(service.connection()) as connection:
        _, content = service.ask(connection, ROWS[0] | {"rooms": None, "city": None})
    found = outputs(call(service, "ModelInfer", infer_request(missing)))
    assert found["prediction"][0] == content["answer"]["prediction"]


def test_a_service_says_what_it_is_and_whether_it_is_ready(service: Running) -> None:
    assert call(service, "ServerLive", key=None).live
    assert call(service, "ServerReady", key=None).ready
    assert call(service, "ServerMetadata", key=None).name == "leeway"
    model = CLASSES["ModelReadyRequest"](name="flats", version="1")
    assert call(service, "ModelReady", model).ready
    described = call(service, "ModelMetadata", CLASSES["ModelMetadataRequest"](name="flats"))
    assert list(described.versions) == ["1"]
    assert {each.name: each.datatype for each in described.inputs}["area"] == "FP64"


def wrong(**parts: Any) -> Any:
    request = infer_request(ROWS)
    for name, value in parts.items():
        request.inputs[list(ROWS[0]).index(name)].contents.fp64_contents[0] = value
    return request


REFUSED: dict[str, tuple[Any, dict[str, Any], grpc.StatusCode, str]] = {
    "no key": (infer_request(ROWS), {"key": None}, grpc.StatusCode.UNAUTHENTICATED, "API key is missing"),
    "another model": (
        CLASSES["ModelInferRequest"](model_name="houses"), {}, grpc.StatusCode.NOT_FOUND, "no such path or project",
    ),
    "another version": (infer_request(ROWS, model_version="7"), {}, grpc.StatusCode.NOT_FOUND, "no such path"),
    "no tensors": (CLASSES["ModelInferRequest"](model_name="flats"), {}, grpc.StatusCode.INVALID_ARGUMENT, "'inputs'"),
    "infinite": (wrong(area=math.inf), {}, grpc.StatusCode.INVALID_ARGUMENT, "'area' has an infinite number"),
    "beyond the contract": (
        wrong(area=5000.0), {}, grpc.StatusCode.INVALID_ARGUMENT, "row 0: expect_column_values_to_be_between:area",
    ),
    "too many rows": (infer_request(ROWS * 11), {}, grpc.StatusCode.OUT_OF_RANGE, "55 rows"),
    "too large": (
        infer_request([ROW | {"city": "x" * 200_000}]), {}, grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max",
    ),
    "raw contents for one tensor": (
        infer_request(ROWS, raw_input_contents=[b""]), {}, grpc.StatusCode.INVALID_ARGUMENT, "1 raw contents for 7",
    ),
    "no time": (
        infer_request(ROWS), {"metadata": (("x-deadline-ms", "0"),)}, grpc.StatusCode.INVALID_ARGUMENT, "X-Deadline-Ms",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_call_that_is_not_answered_has_the_status_and_message_of_rest(case: str, service: Running) -> None:
    request, options, code, said = REFUSED[case]
    with pytest.raises(grpc.RpcError) as refused:
        call(service, "ModelInfer", request, **options)
    text = str(refused.value.details())
    assert (refused.value.code(), said in text) == (code, True), text


def test_a_call_without_a_message_ends_and_takes_no_place_of_others_for_ever(service: Running) -> None:
    is_over = threading.Event()
    with grpc.insecure_channel(f"127.0.0.1:{service.settings.grpc_port}") as channel:
        silent: Any = channel.stream_unary(f"/{SERVICE}/ServerLive")
        held = silent.future(b"" for _ in range(1) if is_over.wait())
        assert held.exception(timeout=30).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        is_over.set()
        with pytest.raises(grpc.RpcError, match="the call has no message"):
            silent(iter(()))


def test_connections_are_limited_and_one_that_sends_nothing_is_closed(service: Running) -> None:
    address, own = f"127.0.0.1:{service.settings.grpc_port}", [("grpc.use_local_subchannel_pool", 1)]
    with ExitStack() as opened:
        for _ in range(service.settings.max_connections):
            channel = opened.enter_context(grpc.insecure_channel(address, own))
            grpc.channel_ready_future(channel).result(timeout=20)
        with pytest.raises(grpc.RpcError) as refused:
            call(service, "ServerLive")
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    until(lambda: is_live(service))
    with closing(socket.create_connection(("127.0.0.1", service.settings.grpc_port), timeout=30)) as silent:
        while silent.recv(100):
            pass


def is_live(service: Running) -> bool:
    """Return whether a new connection is answered."""
    try:
        return bool(call(service, "ServerLive").live)
    except grpc.RpcError:
        return False


def test_ids_are_repeated_and_a_promotion_reaches_open_channels(service: Running) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{service.settings.grpc_port}") as channel:
        infer = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=CLASSES["ModelInferRequest"].SerializeToString,
            response_deserializer=CLASSES["ModelInferResponse"].FromString,
        )
        metadata = (("authorization", f"Bearer {service.key}"), ("x-request-id", "mine-7"))
        reply, answered = infer.with_call(infer_request(ROWS), metadata=metadata)
        assert ("x-request-id", "mine-7") in tuple(answered.trailing_metadata())
        assert reply.model_version == "1"
        service.publish(2)
        until(lambda: infer(infer_request(ROWS), metadata=metadata).model_version == "2")


def test_a_missing_value_of_a_reply_is_nan_an_empty_text_or_no_decision() -> None:
    made = {"shape": [1], "data": [None]}
    content = {
        "model_name": "flats", "model_version": "1", "id": "a",
        "outputs": [
            {"name": "prediction", "datatype": "FP64", **made}, {"name": "decision", "datatype": "INT64", **made},
            {"name": "class", "datatype": "BYTES", **made},
        ],
    }  # fmt: skip
    first, second, third = infer_response(content, is_raw=False).outputs
    assert math.isnan(first.contents.fp64_contents[0])
    assert (second.contents.int64_contents[0], third.contents.bytes_contents[0]) == (-1, b"")
