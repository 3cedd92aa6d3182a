"""A page that asks the prediction service: what an application does, with the client that it copies."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from flows.serving.leeway_client import LeewayClient, LeewayError
from flows.stack.ports import LOOPBACK
from tasks.render.pages import page
from tasks.spec import ProjectSpec

MOST_BYTES = 100_000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


class PricePage:
    """Serves the page on a free port of this machine, for as long as the block runs.

    Parameters
    ----------
    row : dict
        What the page asks about at first.
    """

    def __init__(self, client: LeewayClient, spec: ProjectSpec, row: dict[str, Any]) -> None:
        self._client, self._spec = client, spec
        shown = {name: "" if value is None else str(value) for name, value in row.items()}
        self._page = page("demo_page.html", project=spec.project, objective=spec.scope.objective, row=shown)
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler_of(self))

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, name="page", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def content(self) -> bytes:
        """Return the page."""
        return self._page.encode()

    def answer(self, row: Any) -> dict[str, Any]:
        """Return what the page shows for a row."""
        try:
            answer = self._client.predict(self._spec.project, row)
        except LeewayError as error:
            return {"said": str(error)}
        said = "a person decides" if answer.prediction is None else _written(answer.prediction)
        return {"said": said, "version": answer.version}


def _written(prediction: float | str) -> str:
    """Return a prediction as it is shown.

    >>> _written(231450.2), _written(0.00123), _written("dust")
    ('231,450', '0.00123', 'dust')
    """
    if isinstance(prediction, str):
        return prediction
    return f"{prediction:,.0f}" if abs(prediction) >= 100 else f"{prediction:.3g}"  # noqa: PLR2004 - three digits


def _handler_of(shown: PricePage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self._send(shown.content() if found else b"", "text/html; charset=utf-8", is_found=found)

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            is_own = self.headers.get("origin", shown.url.rstrip("/")) == shown.url.rstrip("/")
            if self.path != "/predict" or length > MOST_BYTES or not is_own:
                self._send(b"", "application/json", is_found=False)
                return
            try:
                row = json.loads(self.rfile.read(length))
            except ValueError:
                row = None
            self._send(json.dumps(shown.answer(row)).encode(), "application/json", is_found=True)

        def _send(self, content: bytes, kind: str, *, is_found: bool) -> None:
            self.send_response(HTTPStatus.OK if is_found else HTTPStatus.NOT_FOUND)
            headers = {"content-type": kind, "content-length": str(len(content)), "content-security-policy": POLICY}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the name of the base class
            """Write no log: the demo prints a table."""

    return Handler
