"""uvicorn's HTTP protocol with limits: size of headers, number of connections, and time for a request to arrive."""

from __future__ import annotations

from asyncio import BaseTransport
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADERS = 100
REFUSED = "HTTP/1.1 {0.value} {0.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class LimitedProtocol(HttpToolsProtocol):
    """A connection; `waiting_since` is when it began to wait for a request to arrive whole, None while none arrives."""

    max_connections = 1_000
    max_header_bytes = 16_384
    waiting_since: float | None = None
    _header_bytes = _unfinished_bytes = 0
    _has_advanced = _is_refused = False

    @staticmethod
    def refused(status: int) -> None:
        """Count a status that is replied here; a worker has its own counter."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Refuse a connection beyond the limit."""
        super().connection_made(cast("Any", transport))
        self.waiting_since = self.loop.time()
        if len(self.connections) > self.max_connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; the parser keeps a header that does not end, so its bytes are counted here."""
        if self._is_refused:
            return
        self._has_advanced = False
        super().data_received(data)
        self._unfinished_bytes = 0 if self._has_advanced else self._unfinished_bytes + len(data)
        if self._unfinished_bytes > self.max_header_bytes and not self._is_refused:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.waiting_since, self._header_bytes = self.loop.time(), 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the address."""
        if self._counted(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        if self._counted(len(name) + len(value)):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the headers were refused."""
        self._has_advanced = True
        if not self._is_refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, unless the headers were refused."""
        self._has_advanced = True
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request: it has arrived whole."""
        self.waiting_since = None
        self._has_advanced = True
        if not self._is_refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; after another refusal nothing more is sent."""
        if not self._is_refused:
            self._is_refused = True
            self.refused(int(HTTPStatus.BAD_REQUEST))
            super().send_400_response(msg)

    def _counted(self, size: int) -> bool:
        if self._is_refused:
            return False
        self._header_bytes += size + self.max_header_bytes // MAX_HEADERS  # a hundred headers, however short
        if self._header_bytes > self.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return not self._is_refused

    def _refuse(self, status: HTTPStatus) -> None:
        self._is_refused = True
        self.refused(int(status))
        self.transport.write(REFUSED.format(status).encode())
        self.transport.close()


def close_slow(connections: Iterable[Any], now: float, limit_seconds: float) -> int:
    """Close the connections on which a request has not arrived in time; return how many."""
    slow = [
        connection
        for connection in connections
        if getattr(connection, "waiting_since", None) is not None and now - connection.waiting_since > limit_seconds
    ]
    for connection in slow:
        connection.transport.close()
    return len(slow)
