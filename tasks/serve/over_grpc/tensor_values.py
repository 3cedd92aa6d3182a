"""Tensors of messages as the JSON form of the protocol has them, and back.

A message has no null: NaN of a floating-point tensor and an empty text are missing values, in requests and replies.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import numpy as np

from tasks.serve.over_grpc.inference_messages import CLASSES
from tasks.serve.replies import Refusal

CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
RAW = {
    "BOOL": "?",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
LENGTH = struct.Struct("<I")
NO_DECISION = -1


def json_request(message: Any) -> dict[str, Any]:
    """Return a ModelInferRequest as the body of a request over REST.

    Raises
    ------
    Refusal
        400, when a tensor has another type or length than it says, or a number without a finite value.
    """
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise _fault(f"found {len(raw)} raw contents for {len(message.inputs)} tensors; expected one for each")
    inputs = []
    for place, tensor in enumerate(message.inputs):
        values = _raw_values(tensor, raw[place]) if raw else _values(tensor)
        cells = [_cell(value, tensor.name) for value in values]
        inputs.append({"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), "data": cells})
    return {"inputs": inputs, **({"id": message.id} if message.id else {})}


def infer_response(content: dict[str, Any], *, is_raw: bool) -> Any:
    """Return the body of a reply over REST as a ModelInferResponse.

    Parameters
    ----------
    is_raw : bool
        Whether the request had raw contents: then the reply has them too.
    """
    reply = CLASSES["ModelInferResponse"](
        model_name=content["model_name"], model_version=content["model_version"], id=content["id"]
    )
    for output in content["outputs"]:
        kind, data = output["datatype"], [_filled(value, output["datatype"]) for value in output["data"]]
        tensor = reply.outputs.add(name=output["name"], datatype=kind, shape=output["shape"])
        if is_raw:
            reply.raw_output_contents.append(_raw_bytes(data, kind))
        else:
            getattr(tensor.contents, CONTENTS[kind]).extend(data)
    return reply


def _values(tensor: Any) -> Sequence[Any]:
    if tensor.datatype not in CONTENTS:
        raise _fault(f"the datatype of {_shown(tensor)} is none of {', '.join(CONTENTS)} without raw contents")
    return list(getattr(tensor.contents, CONTENTS[tensor.datatype]))


def _raw_values(tensor: Any, content: bytes) -> Sequence[Any]:
    if tensor.datatype == "BYTES":
        return _texts(tensor, content)
    if tensor.datatype not in RAW:
        raise _fault(f"the datatype of {_shown(tensor)} is none of {', '.join(RAW)}, BYTES")
    kind = np.dtype(RAW[tensor.datatype])
    if len(content) % kind.itemsize:
        raise _fault(f"the raw contents of {_shown(tensor)} are no whole number of values")
    return list(np.frombuffer(content, dtype=kind).tolist())


def _texts(tensor: Any, content: bytes) -> list[bytes]:
    """Return texts that have their lengths before them."""
    texts, place = [], 0
    while place < len(content):
        end = place + LENGTH.size
        length = LENGTH.unpack_from(content, place)[0] if end <= len(content) else len(content)
        if end + length > len(content):
            raise _fault(f"a text of {_shown(tensor)} is longer than the raw contents")
        texts.append(content[end : end + length])
        place = end + length
    return texts


def _cell(value: Any, name: str) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise _fault(f"a text of {name[:80]!a} is not UTF-8") from None
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - NaN
            return None
        if value in {np.inf, -np.inf}:
            raise Refusal(
                HTTPStatus.BAD_REQUEST, "not_finite", f"{name[:80]!a} has an infinite number; send NaN if missing"
            )
    return value


def _filled(value: Any, kind: str) -> Any:
    """Return a value of a reply, in which a missing number is NaN, a missing text is empty, and no decision is -1."""
    if kind == "BYTES":
        return str(value or "").encode()
    if value is None:
        return NO_DECISION if kind.startswith("INT") else np.nan
    return value


def _raw_bytes(data: Sequence[Any], kind: str) -> bytes:
    if kind == "BYTES":
        return b"".join(LENGTH.pack(len(text)) + text for text in data)
    return np.array(data, dtype=RAW[kind]).tobytes()


def _shown(tensor: Any) -> str:
    return ascii(tensor.name[:80])


def _fault(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "bad_tensors", message)
