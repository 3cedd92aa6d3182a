"""A client of the prediction service (`leeway serve`), in one file without dependencies that applications may copy.

It keeps connections open, gives each call a deadline, and sends a call again where that may help and does no harm:
after 429, 503 and a failed connection, with pauses, and never earlier than `Retry-After` says. Every other fault is an
error of its own type at once. Sending a call twice is safe: an answer has no effect, and equal labels count once.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from random import random
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.1, 5.0
PART_BYTES, MOST_IDLE_SECONDS = 65_536, 30.0
MOST_BUDGET_MS = 60_000  # the longest time that the service accepts
Row = Mapping[str, Any]


@dataclass(frozen=True)
class ServedAnswer:
    """The answer to a row, as the service describes it; `prediction` is None where a person decides without it."""

    id: str
    prediction: float | str | None
    deferred: bool
    version: int
    request_id: str
    confidence: float | None = None
    decision: int | None = None
    probabilities: Mapping[str, float] | None = None
    reasons: str | None = None
    proposal: bool = False
    audit: bool = False


@dataclass(frozen=True)
class ServedSchema:
    """What a project is asked for: the JSON schema of a row, and the version that answers now."""

    project: str
    version: int
    version_digest: str
    degree: str
    row: Mapping[str, Any]


@dataclass(frozen=True)
class RowFault:
    """What is wrong with a row: its place in the call, the column, the reason code, and what is expected."""

    row: int
    column: str
    reason: str
    expected: str


@dataclass(eq=False)
class LeewayError(Exception):
    """A call has no answer; `code` is the reason for programs, and `status` is None where there was no reply."""

    message: str
    status: int | None = None
    code: str = ""
    request_id: str = ""
    faults: Sequence[RowFault] = ()

    def __str__(self) -> str:
        return self.message


class RowsRefusedError(LeewayError):
    """Rows or labels break the contract (422); none was answered or kept."""


class KeyRefusedError(LeewayError):
    """The API key is missing or unknown, or may not be used for this (401, 403)."""


class RequestRefusedError(LeewayError):
    """The request is wrong in another way, such as too large or for an unknown project (other 4xx)."""


class DeadlineError(LeewayError):
    """The time of the call has passed, or is too short for it (504)."""


class UnavailableError(LeewayError):
    """The last attempt as well found no connection, too much to do (429), or no version yet (503)."""


class ServiceFaultError(LeewayError):
    """The service could not run the model (500), or what replies is another program, such as a proxy."""


OK, RETRIED = 200, (429, 503)
OF_REQUEST = 4  # the first digit of a status that says that the request is wrong
ERRORS: dict[int, type[LeewayError]] = {401: KeyRefusedError, 403: KeyRefusedError, 422: RowsRefusedError}
ERRORS |= {429: UnavailableError, 503: UnavailableError, 504: DeadlineError}


class LeewayClient:
    """A client of one service, for any number of threads; it opens as many connections as are used at once.

    `deadline_seconds` is the time of a call with all attempts and pauses; what is left of it is sent to the service.
    Without `context`, https trusts the certificates of the machine.
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        deadline_seconds: float = 1.0,
        attempts: int = 4,
        context: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"the address is {address!r}; expected one such as http://127.0.0.1:8500")
        self.deadline_seconds, self.attempts = deadline_seconds, attempts
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._context = (context or ssl.create_default_context()) if parts.scheme == "https" else None
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._sleep = sleep
        self._idle: deque[tuple[HTTPConnection, float]] = deque()

    def __enter__(self) -> LeewayClient:  # noqa: PYI034 - applications copy this file, and `typing.Self` is new in Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def predict(self, project: str, row: Row, *, deadline_seconds: float | None = None) -> ServedAnswer:
        """Return the answer to a row; dates and times may be those of Python. What may be raised is a LeewayError."""
        reply = self._call("POST", project, "predict", {"row": row}, deadline_seconds)
        return _answer(reply["answer"], reply)

    def predict_many(
        self, project: str, rows: Iterable[Row], *, deadline_seconds: float | None = None
    ) -> list[ServedAnswer]:
        """Return the answers to at most 1,000 rows, in their order, all of one version."""
        asked = list(rows)
        if not asked:
            return []
        reply = self._call("POST", project, "predict", {"rows": asked}, deadline_seconds)
        return [_answer(answer, reply) for answer in reply["answers"]]

    def send_feedback(self, project: str, events: Iterable[Row], *, deadline_seconds: float | None = None) -> int:
        """Send what happened to answers, objects of the id columns and `event`; return how many were kept."""
        reply = self._call("POST", project, "feedback", {"feedback": list(events)}, deadline_seconds)
        return int(reply["feedback"])

    def send_decisions(self, project: str, decisions: Iterable[Row], *, deadline_seconds: float | None = None) -> int:
        """Send what people decided, objects of the id columns and `decision`; return how many were kept."""
        reply = self._call("POST", project, "decisions", {"decisions": list(decisions)}, deadline_seconds)
        return int(reply["decisions"])

    def send_labels(self, project: str, labels: Iterable[Row], *, deadline_seconds: float | None = None) -> int:
        """Send labels, objects of the id columns and the label; return how many were kept."""
        reply = self._call("POST", project, "labels", {"labels": list(labels)}, deadline_seconds)
        return int(reply["labels"])

    def schema(self, project: str, *, deadline_seconds: float | None = None) -> ServedSchema:
        """Return what a row must have, and the version that answers."""
        reply = self._call("GET", project, "schema", None, deadline_seconds)
        return ServedSchema(**{field.name: reply[field.name] for field in fields(ServedSchema)})

    def close(self) -> None:
        """Close the connections that no call uses; a later call opens a new one."""
        with suppress(IndexError):
            while True:
                self._idle.pop()[0].close()

    def _call(self, method: str, project: str, what: str, content: Any, seconds: float | None) -> dict[str, Any]:
        """Return the content of a reply with status 200, from one of the attempts."""
        limit = time.monotonic() + (self.deadline_seconds if seconds is None else seconds)
        path = f"{self._path}/v1/projects/{quote(project, safe='')}/{what}"
        body = None if content is None else encoded(content)
        request_id, attempt = uuid4().hex, 0
        while True:
            attempt += 1
            wanted = ""
            try:
                status, wanted, reply = self._exchange(method, path, body, request_id, limit)
            except ssl.SSLCertVerificationError as error:
                raise UnavailableError(f"{self._host} is not trusted: {error}", request_id=request_id) from error
            except (OSError, HTTPException) as error:
                reason = f"no reply from {self._host}: {error or type(error).__name__}"
                failed: LeewayError = UnavailableError(reason, request_id=request_id)
            else:
                if status == OK:
                    return _content(reply, status, request_id, project)
                failed = _error(status, reply, request_id)
                if status not in RETRIED:
                    raise failed
            if time.monotonic() >= limit:
                raise DeadlineError(f"the time of the call has passed; {failed}", request_id=request_id) from failed
            pause = pause_seconds(attempt, wanted, random())  # noqa: S311 - no secret: it spreads the attempts of many clients
            if attempt >= self.attempts or time.monotonic() + pause >= limit:
                raise failed
            self._sleep(pause)

    def _exchange(
        self, method: str, path: str, body: bytes | None, request_id: str, limit: float
    ) -> tuple[int, str, bytes]:
        """Send a request; if the service has closed a kept connection meanwhile, at once on another one."""
        headers = {**self._headers, "X-Request-Id": request_id}
        while True:
            budget_ms = int(_left(limit) * 1000)
            kept = self._kept()
            try:
                headers["X-Deadline-Ms"] = str(max(1, min(MOST_BUDGET_MS, budget_ms)))
                return self._sent(kept or self._opened(), (method, path, body, headers), limit)
            except (OSError, HTTPException) as error:
                if kept is None or isinstance(error, TimeoutError):
                    raise

    def _sent(
        self, connection: HTTPConnection, request: tuple[str, str, bytes | None, dict[str, str]], limit: float
    ) -> tuple[int, str, bytes]:
        """Return the status, Retry-After and body of a reply, and keep its connection for the next call."""
        try:
            if connection.sock is None:
                connection.timeout = _left(limit)
                connection.connect()
            used = connection.sock
            used.settimeout(_left(limit))
            connection.request(*request)
            with connection.getresponse() as reply:
                content = _body(reply, used, limit)
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._idle.append((connection, time.monotonic()))
        return reply.status, reply.headers.get("Retry-After", ""), content

    def _kept(self) -> HTTPConnection | None:
        """Return a connection of an earlier call; what was idle for long may have been dropped on the way unseen."""
        with suppress(IndexError):
            while True:
                connection, since = self._idle.pop()
                if time.monotonic() - since < MOST_IDLE_SECONDS:
                    return connection
                connection.close()
        return None

    def _opened(self) -> HTTPConnection:
        if self._context is not None:
            return HTTPSConnection(self._host, self._port, context=self._context)
        return HTTPConnection(self._host, self._port)


def _left(limit: float) -> float:
    left = limit - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time is left")
    return left


def _body(reply: HTTPResponse, used: socket.socket, limit: float) -> bytes:
    """Read a body; one that comes in drops ends at the limit too."""
    parts = []
    while part := reply.read1(PART_BYTES):
        parts.append(part)
        used.settimeout(_left(limit))
    if reply.length:
        raise HTTPException(f"the reply ended {reply.length} bytes too early")
    return b"".join(parts)


def pause_seconds(attempt: int, retry_after: str, share: float, now: Callable[[], float] = time.time) -> float:
    """Return the pause after an attempt, from 1: `Retry-After`, if any, and a random share of a pause that doubles.

    >>> pause_seconds(1, "", 0.5), pause_seconds(3, "", 1.0), pause_seconds(20, "", 1.0), pause_seconds(1, "2", 0.0)
    (0.05, 0.4, 5.0, 2.0)
    >>> pause_seconds(1, "Thu, 01 Jan 1970 00:00:10 GMT", 0.0, now=lambda: 4.0)  # a date, in seconds since 1970
    6.0
    """
    asked = 0.0
    if retry_after.isascii() and retry_after.isdigit():
        asked = float(retry_after)
    elif retry_after:  # a proxy may send a date
        with suppress(ValueError):
            asked = parsedate_to_datetime(retry_after).timestamp() - now()
    return max(0.0, asked) + share * min(MOST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1))


def encoded(content: Any) -> bytes:
    """Return content as strict JSON, with dates and times as ISO 8601; a number that is not finite is a ValueError.

    >>> encoded({"row": {"sold": date(2026, 2, 3), "rooms": None}})
    b'{"row":{"sold":"2026-02-03","rooms":null}}'
    """
    return json.dumps(content, allow_nan=False, separators=(",", ":"), default=_iso).encode()


def _iso(value: Any) -> str:
    if isinstance(value, date):  # and times, which are dates
        return value.isoformat()
    raise TypeError(f"found a value of type {type(value).__name__}; expected a text, number, boolean, date or None")


def _answer(answer: Mapping[str, Any], reply: Mapping[str, Any]) -> ServedAnswer:
    """Return an answer; a name that a later service adds is left out."""
    found = {"version": reply["version"], "request_id": reply["request_id"], **answer}
    return ServedAnswer(**{field.name: found[field.name] for field in fields(ServedAnswer) if field.name in found})


def _content(reply: bytes, status: int, request_id: str, project: str) -> dict[str, Any]:
    try:
        content = json.loads(reply)
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("project") != project:
        message = (
            f"the reply with status {status} is not one about {project}; is there another program at this address?"
        )
        raise ServiceFaultError(message, status=status, request_id=request_id)
    return content


def _error(status: int, reply: bytes, request_id: str) -> LeewayError:
    """Return the error of a reply, with the words of the service if it has any."""
    said: dict[str, Any] = {}
    with suppress(ValueError, TypeError, KeyError):
        said = dict(json.loads(reply)["error"])
    is_of_request = status // 100 == OF_REQUEST
    kind = ERRORS.get(status, RequestRefusedError if is_of_request else ServiceFaultError)
    names = [field.name for field in fields(RowFault)]
    faults = [RowFault(**{name: fault[name] for name in names}) for fault in said.get("details", [])]
    message = f"{status} {said.get('message', 'without a message of the service')}"
    return kind(message, status=status, code=said.get("code", ""), request_id=request_id, faults=faults)
