"""The Open Inference Protocol, version 2, over REST: one tensor of shape (n,) or (n, 1) for each column."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tasks.row_contract.row_reader import cells
from tasks.serve.json_body import decoded
from tasks.serve.replies import Refusal, Reply, json_reply
from tasks.serve.row_answering import Answered, RowAnswering
from tasks.serve.served_version import ServedVersion
from tasks.serve.service_request import ServiceRequest

TYPES = {"number": "FP64", "boolean": "BOOL", "category": "BYTES", "time": "BYTES"}
READ = {
    "FP64",
    "FP32",
    "FP16",
    "BOOL",
    "BYTES",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
}
NAMES = {"inputs", "id", "parameters", "outputs"}


async def server_metadata(_request: ServiceRequest, _answering: RowAnswering, _project: str) -> Reply:
    """Return the name of the server."""
    return json_reply({"name": "leeway", "version": "1", "extensions": []})


async def live(_request: ServiceRequest, _answering: RowAnswering, _project: str) -> Reply:
    """Return that this worker is live."""
    return json_reply({"live": True})


async def ready(_request: ServiceRequest, answering: RowAnswering, _project: str) -> Reply:
    """Return whether this worker is ready; see `Champions.is_ready`."""
    is_ready = answering.champions.is_ready
    return json_reply({"ready": is_ready}, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


async def model_ready(_request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
    """Return whether a project has a verified version."""
    serving = answering.serving(project)
    return json_reply({"name": project, "ready": True, "version": str(serving.version.number)})


async def model_metadata(_request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
    """Return the tensors of a project."""
    version = answering.serving(project).version
    inputs = [{"name": name, "datatype": TYPES[kind], "shape": [-1]} for name, _, kind in cells(version.contract)]
    outputs = [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in _outputs(version)]
    return json_reply(
        {
            "name": project,
            "versions": [str(version.number)],
            "platform": "leeway_onnx",
            "inputs": inputs,
            "outputs": outputs,
        }
    )


async def infer(request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
    """Answer a request of tensors."""
    content = decoded(await request.json_bytes())
    serving = answering.serving(project)
    rows = rows_of_tensors(content)
    return json_reply(_reply(content, await answering.answers(request, serving, rows), request.id))


def rows_of_tensors(content: Any) -> list[dict[str, Any]]:
    """Return the rows of a request of tensors.

    Examples
    --------
    >>> rows_of_tensors({"inputs": [{"name": "area", "datatype": "FP64", "shape": [2], "data": [50.0, 60.0]}]})
    [{'area': 50.0}, {'area': 60.0}]
    """
    if not isinstance(content, dict) or not set(content) <= NAMES:
        raise _fault(f"expected an object with the names {sorted(NAMES)}")
    inputs = content.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise _fault("'inputs' is not a list of at least one tensor")
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        name, values = _tensor(tensor)
        if name in columns:
            raise _fault(f"the tensor {name[:80]!a} occurs twice")
        columns[name] = values
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise _fault(f"the tensors have {sorted(lengths)} rows; expected as many in each")
    if lengths == {0}:
        raise _fault("the tensors have no rows")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _tensor(tensor: Any) -> tuple[str, list[Any]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise _fault("a tensor is no object with a name")
    shown = ascii(tensor["name"][:80])
    if tensor.get("datatype") not in READ:
        raise _fault(f"the datatype of {shown} is none of {', '.join(sorted(READ))}")
    data, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(data, list):
        raise _fault(f"the tensor {shown} has no list 'data'; binary data is not read")
    if data and all(isinstance(value, list) and len(value) == 1 for value in data):
        data = [value[0] for value in data]
    if shape not in ([len(data)], [len(data), 1]):
        raise _fault(f"the shape of {shown} is not [{len(data)}] or [{len(data)}, 1], as its data")
    return tensor["name"], data


def _outputs(version: ServedVersion) -> list[tuple[str, str]]:
    prediction = ("prediction", "BYTES" if version.schema.class_names else "FP64")
    outputs = [prediction, ("deferred", "BOOL"), ("confidence", "FP64"), ("id", "BYTES")]
    if version.schema.task == "binary":
        outputs.append(("decision", "INT64"))
    if version.schema.interval is not None:
        outputs += [("lower", "FP64"), ("upper", "FP64")]
    return outputs


def _reply(content: dict[str, Any], answered: Answered, request_id: str) -> dict[str, Any]:
    version, rows = answered
    outputs = [
        {"name": name, "datatype": kind, "shape": [len(rows)], "data": [answer.get(name) for answer in rows]}
        for name, kind in _outputs(version)
    ]
    return {
        "model_name": version.project,
        "model_version": str(version.number),
        "id": content["id"] if isinstance(content.get("id"), str) else request_id,
        "outputs": outputs,
    }


def _fault(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "bad_tensors", f"{message}; see /v2/models/PROJECT for the tensors")
