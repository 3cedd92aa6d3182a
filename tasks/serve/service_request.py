"""A request as the endpoints see it: its project, its headers, its body within limits, and its deadline."""

from __future__ import annotations

import asyncio
import re
import secrets
from http import HTTPStatus
from itertools import count
from typing import Any

from tasks.serve.replies import Refusal
from tasks.serve.service_settings import ServiceSettings
from tasks.serving_store import ApiKey

REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
TRACE_PARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
MILLISECONDS = re.compile(rb"\d{1,6}(\.\d{1,3})?")
_PREFIX, _NUMBERS = secrets.token_hex(6), count(1)


class Disconnected(Exception):  # noqa: N818 - no error: the client has gone
    """The client has gone before its request arrived."""


class ServiceRequest:
    """A request.

    Attributes
    ----------
    method, path : str
        As sent.
    headers : dict of bytes to bytes
        By lower-case name; of repeated ones the last.
    arrived : float
        When it was read, in the seconds of the event loop.
    key : ApiKey or None
        The API key that it has shown, once that is known.
    """

    def __init__(self, scope: Any, receive: Any, settings: ServiceSettings, arrived: float) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.arrived = arrived
        self.key: ApiKey | None = None
        self._receive, self._settings = receive, settings
        given = self.headers.get(b"x-request-id")
        self.id = given.decode() if given and REQUEST_ID.fullmatch(given) else f"{_PREFIX}-{next(_NUMBERS):x}"

    @property
    def echoed(self) -> list[tuple[bytes, bytes]]:
        """The headers that every reply repeats."""
        trace = self.headers.get(b"traceparent")
        named = [(b"x-request-id", self.id.encode())]
        return [*named, (b"traceparent", trace)] if trace and TRACE_PARENT.fullmatch(trace) else named

    @property
    def names_version(self) -> bool:
        """Whether the path names the version that answers."""
        return "/versions/" in self.path

    @property
    def budget_seconds(self) -> float:
        """How long the request may take: `X-Deadline-Ms`, else the budget of the service.

        Raises
        ------
        Refusal
            400, when the header is no number of milliseconds above 0 and within the limit.
        """
        text, settings = self.headers.get(b"x-deadline-ms"), self._settings
        if text is None:
            return settings.budget_ms / 1000
        milliseconds = float(text) if MILLISECONDS.fullmatch(text) else 0.0
        if not 0 < milliseconds <= settings.most_budget_ms:
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                "bad_deadline",
                f"X-Deadline-Ms is no number of milliseconds above 0 and up to {settings.most_budget_ms:.0f}; "
                "send what is left of the caller's time, or leave it out",
            )
        return milliseconds / 1000

    def age_seconds(self) -> float:
        """Return the time since it was read."""
        return asyncio.get_running_loop().time() - self.arrived

    async def json_bytes(self) -> bytes:
        """Return the body of a request with JSON.

        Raises
        ------
        Refusal
            413 when it is too large, 415 when it is not plain JSON.
        """
        kind = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise Refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "not_json_type",
                "the content type is not application/json; send JSON and name its type",
            )
        if self.headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise Refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoded", "the body is compressed; send it without Content-Encoding"
            )
        length = self.headers.get(b"content-length")
        if length is not None and int(length) > self._settings.max_body_bytes:
            raise self._too_large()
        return await self._body()

    async def _body(self) -> bytes:
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            if len(body) > self._settings.max_body_bytes:
                raise self._too_large()
            return body
        parts, size = [body], len(body)
        while message["type"] == "http.request" and message.get("more_body"):
            if size > self._settings.max_body_bytes:
                raise self._too_large()
            message = await self._receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        if message["type"] != "http.request":
            raise Disconnected
        if size > self._settings.max_body_bytes:
            raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> Refusal:
        return Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_large",
            f"the body is larger than {self._settings.max_body_bytes} bytes; send fewer rows at once",
            headers=[(b"connection", b"close")],
        )
