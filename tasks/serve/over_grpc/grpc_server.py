"""Calls of the Open Inference Protocol over gRPC, answered by the same application as requests over REST.

A call becomes a request of that application, with its metadata as headers, so that keys, limits, deadlines, refusals
and answers are the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import grpc
import msgspec

from tasks.serve.over_grpc.inference_messages import CLASSES, SERVICE
from tasks.serve.over_grpc.tensor_values import infer_response, json_request
from tasks.serve.replies import Refusal
from tasks.serve.service_settings import ServiceSettings

CODES = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: grpc.StatusCode.OUT_OF_RANGE,
    HTTPStatus.UNPROCESSABLE_ENTITY: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
}
ECHOED = ("x-request-id", "traceparent", "retry-after")
READY = "ready"
Application = Any
"""An ASGI application."""
Call = Callable[[Any, Any], Awaitable[Any]]
"""From a message and its context to a reply."""


class InferenceCalls:
    """Answers calls.

    Parameters
    ----------
    app : ASGI application
        That of a worker.
    """

    def __init__(self, app: Application, settings: ServiceSettings) -> None:
        self._app, self._settings = app, settings

    def handler(self) -> Any:
        """Return the handlers of all calls, as gRPC takes them."""
        calls = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }
        methods = {
            name: grpc.stream_unary_rpc_method_handler(  # the same to a client, but the message is awaited here
                self._once_arrived(call),
                request_deserializer=CLASSES[f"{name}Request"].FromString,
                response_serializer=CLASSES[f"{name}Response"].SerializeToString,
            )
            for name, call in calls.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def _once_arrived(self, call: Call) -> Call:
        """Return a call that is refused if its message takes longer to arrive than that of a request over REST."""

        async def answered(_messages: Any, context: Any) -> Any:
            most_seconds = self._settings.request_seconds
            try:
                message = await asyncio.wait_for(context.read(), most_seconds)
            except TimeoutError:
                text = f"the message did not arrive within {most_seconds:g} s; send it at once"
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, text)
            if message is grpc.aio.EOF:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call has no message; send one")
            return await call(message, context)

        return answered

    async def _server_live(self, _message: Any, context: Any) -> Any:
        content = await self._content(context, "GET", "/v2/health/live")
        return CLASSES["ServerLiveResponse"](live=content["live"])

    async def _server_ready(self, _message: Any, context: Any) -> Any:
        status, content = await self._asked(context, "GET", "/v2/health/ready")
        return CLASSES["ServerReadyResponse"](ready=status == HTTPStatus.OK and content[READY])

    async def _model_ready(self, message: Any, context: Any) -> Any:
        status, content = await self._asked(context, "GET", f"{_model(message.name, message.version)}/ready")
        if status not in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}:
            await _abort(context, status, content)
        return CLASSES["ModelReadyResponse"](ready=status == HTTPStatus.OK)

    async def _server_metadata(self, _message: Any, context: Any) -> Any:
        return CLASSES["ServerMetadataResponse"](**await self._content(context, "GET", "/v2"))

    async def _model_metadata(self, message: Any, context: Any) -> Any:
        content = await self._content(context, "GET", _model(message.name, message.version))
        return CLASSES["ModelMetadataResponse"](**content)

    async def _model_infer(self, message: Any, context: Any) -> Any:
        try:
            body = msgspec.json.encode(json_request(message))
        except Refusal as refusal:
            await _abort(context, refusal.status, {"error": refusal.message})
        path = f"{_model(message.model_name, message.model_version)}/infer"
        content = await self._content(context, "POST", path, body)
        return infer_response(content, is_raw=bool(message.raw_input_contents))

    async def _content(self, context: Any, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        """Return the content of a reply; a refusal ends the call with its status."""
        status, content = await self._asked(context, method, path, body)
        if status != HTTPStatus.OK:
            await _abort(context, status, content)
        return content

    async def _asked(self, context: Any, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
        headers = {key.lower(): value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        if (left_seconds := context.time_remaining()) is not None and "x-deadline-ms" not in headers:
            left_ms = min(1000 * left_seconds, self._settings.most_budget_ms)
            headers["x-deadline-ms"] = f"{max(left_ms, 0.001):.3f}"
        headers |= {"content-type": "application/json", "content-length": str(len(body))}
        headers.pop("content-encoding", None)
        replies: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            replies.append(message)

        sent = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._app({"type": "http", "method": method, "path": path, "headers": sent}, receive, send)
        start, content = replies
        repeated = {name.decode(): value.decode() for name, value in start["headers"] if name.decode() in ECHOED}
        context.set_trailing_metadata(tuple(repeated.items()))
        return start["status"], msgspec.json.decode(content["body"])


def _model(name: str, version: str) -> str:
    return f"/v2/models/{name}/versions/{version}" if version else f"/v2/models/{name}"


async def _abort(context: Any, status: int, content: dict[str, Any]) -> None:
    said = content.get("error")
    text = said["message"] if isinstance(said, dict) else str(said)
    await context.abort(CODES.get(HTTPStatus(status), grpc.StatusCode.INTERNAL), text)


def grpc_server(app: Application, settings: ServiceSettings) -> grpc.aio.Server:
    """Return the server of a worker, on the port for gRPC; workers share it, as they do that for REST.

    Raises
    ------
    RuntimeError
        When the address cannot be opened.
    """
    options = [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_metadata_size", settings.max_header_bytes),
        ("grpc.max_connection_idle_ms", int(settings.idle_seconds * 1000)),
        ("grpc.max_concurrent_streams", settings.max_in_flight),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.server_handshake_timeout_ms", int(settings.request_seconds * 1000)),
        ("grpc.http2.max_ping_strikes", 2),
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=settings.max_connections)
    server.add_generic_rpc_handlers((InferenceCalls(app, settings).handler(),))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.grpc_port}"
    if settings.certificate:
        private_key, certificate = Path(settings.private_key).read_bytes(), Path(settings.certificate).read_bytes()
        server.add_secure_port(address, grpc.ssl_server_credentials([(private_key, certificate)]))
    else:
        server.add_insecure_port(address)
    return server
