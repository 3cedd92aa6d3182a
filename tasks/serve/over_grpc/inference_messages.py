"""The messages of the Open Inference Protocol, as its published proto has them: package `inference`, numbers and types.

They are described here as data, so that no code is generated; see
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
Fields = tuple[str, ...]
"""The fields of a message, in the order of their numbers from 1 on: `type name`, with * for a repeated one."""
TENSOR: Fields = ("string name", "string datatype", "int64* shape", "parameters parameters")
MESSAGES: Mapping[str, Fields] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("bool live",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("bool ready",),
    "ModelReadyRequest": ("string name", "string version"),
    "ModelReadyResponse": ("bool ready",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("string name", "string version", "string* extensions"),
    "ModelMetadataRequest": ("string name", "string version"),
    "ModelMetadataResponse.TensorMetadata": ("string name", "string datatype", "int64* shape"),
    "ModelMetadataResponse": (
        *("string name", "string* versions", "string platform"),
        *("ModelMetadataResponse.TensorMetadata* inputs", "ModelMetadataResponse.TensorMetadata* outputs"),
    ),
    "InferParameter": ("bool bool_param", "int64 int64_param", "string string_param"),
    "InferTensorContents": (
        *("bool* bool_contents", "int32* int_contents", "int64* int64_contents", "uint32* uint_contents"),
        *("uint64* uint64_contents", "float* fp32_contents", "double* fp64_contents", "bytes* bytes_contents"),
    ),
    "ModelInferRequest.InferInputTensor": (*TENSOR, "InferTensorContents contents"),
    "ModelInferRequest.InferRequestedOutputTensor": ("string name", "parameters parameters"),
    "ModelInferRequest": (
        *("string model_name", "string model_version", "string id", "parameters parameters"),
        *("ModelInferRequest.InferInputTensor* inputs", "ModelInferRequest.InferRequestedOutputTensor* outputs"),
        "bytes* raw_input_contents",
    ),
    "ModelInferResponse.InferOutputTensor": (*TENSOR, "InferTensorContents contents"),
    "ModelInferResponse": (
        *("string model_name", "string model_version", "string id", "parameters parameters"),
        *("ModelInferResponse.InferOutputTensor* outputs", "bytes* raw_output_contents"),
    ),
}
ONE_OF = {"InferParameter": "parameter_choice"}
Field = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "bool": Field.TYPE_BOOL,
    "int32": Field.TYPE_INT32,
    "int64": Field.TYPE_INT64,
    "uint32": Field.TYPE_UINT32,
    "uint64": Field.TYPE_UINT64,
    "float": Field.TYPE_FLOAT,
    "double": Field.TYPE_DOUBLE,
    "string": Field.TYPE_STRING,
    "bytes": Field.TYPE_BYTES,
}


def _message_classes() -> dict[str, Any]:
    """Return the class of each message by its name."""
    file = descriptor_pb2.FileDescriptorProto(name="leeway/open_inference_grpc.proto", package=PACKAGE, syntax="proto3")
    described: dict[str, Any] = {}
    for name in sorted(MESSAGES, key=lambda name: name.count(".")):
        outer, _, inner = name.rpartition(".")
        described[name] = (described[outer].nested_type if outer else file.message_type).add(name=inner or name)
    for name, fields in MESSAGES.items():
        _describe(described[name], name, fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


def _describe(message: Any, name: str, fields: Fields) -> None:
    if name in ONE_OF:
        message.oneof_decl.add(name=ONE_OF[name])
    for number, text in enumerate(fields, start=1):
        kind, field_name = text.split()
        if kind == "parameters":
            _add_map(message, name, field_name, number)
            continue
        label = Field.LABEL_REPEATED if kind.endswith("*") else Field.LABEL_OPTIONAL
        of_choice = {"oneof_index": 0} if name in ONE_OF else {}
        message.field.add(name=field_name, number=number, label=label, **_type(kind.removesuffix("*")), **of_choice)


def _type(kind: str) -> dict[str, Any]:
    if kind in SCALARS:
        return {"type": SCALARS[kind]}
    return {"type": Field.TYPE_MESSAGE, "type_name": f".{PACKAGE}.{kind}"}


def _add_map(message: Any, name: str, field_name: str, number: int) -> None:
    """Add a map from texts to parameters: to the wire, it is a repeated message of a key and a value."""
    options = descriptor_pb2.MessageOptions(map_entry=True)
    entry = message.nested_type.add(name="ParametersEntry", options=options)
    for place, (part, kind) in enumerate((("key", "string"), ("value", "InferParameter")), start=1):
        entry.field.add(name=part, number=place, label=Field.LABEL_OPTIONAL, **_type(kind))
    message.field.add(name=field_name, number=number, label=Field.LABEL_REPEATED, **_type(f"{name}.ParametersEntry"))


CLASSES = _message_classes()
