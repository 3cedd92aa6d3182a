"""uvicorn's HTTP protocol with limits: size of headers, number of connections, and time for a request to arrive."""

from __future__ import annotations

from asyncio import BaseTransport
from collections.abc import Iterable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REFUSED = b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_MANY = REFUSED % b"503 Service Unavailable"
TOO_LARGE = REFUSED % b"431 Request Header Fields Too Large"
MAX_HEADERS = 100


class LimitedProtocol(HttpToolsProtocol):
    """A connection; `waiting_since` is when it began to wait for a request to arrive whole, None while none arrives."""

    max_connections = 1_000
    max_header_bytes = 16_384
    waiting_since: float | None = None
    _header_bytes = 0

    def connection_made(self, transport: BaseTransport) -> None:
        """Refuse a connection beyond the limit."""
        super().connection_made(cast("Any", transport))
        self.waiting_since = self.loop.time()
        if len(self.connections) > self.max_connections:
            self._refuse(TOO_MANY)

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
        if not self._is_refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, unless the headers were refused."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request: it has arrived whole."""
        self.waiting_since = None
        if not self._is_refused:
            super().on_message_complete()

    @property
    def _is_refused(self) -> bool:
        return self._header_bytes > self.max_header_bytes

    def _counted(self, size: int) -> bool:
        if self._is_refused:
            return False
        self._header_bytes += size + self.max_header_bytes // MAX_HEADERS  # a hundred headers, however short
        if self._is_refused:
            self._refuse(TOO_LARGE)
        return not self._is_refused

    def _refuse(self, reply: bytes) -> None:
        self.transport.write(reply)
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
