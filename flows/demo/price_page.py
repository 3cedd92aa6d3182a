"""A page that asks the prediction service: what an application does, with the client that it copies."""

from __future__ import annotations

import asyncio
import json
import socket
from http import HTTPStatus
from threading import Thread
from types import TracebackType
from typing import Any, Self

import uvicorn

from flows.serving.leeway_client import LeewayClient, LeewayError
from flows.stack.ports import LOOPBACK
from tasks.render.pages import page
from tasks.spec import ProjectSpec

MOST_BYTES = 100_000
SMALLEST_WHOLE = 100
"""Predictions of this size on are shown as whole numbers, smaller ones with three digits."""
HTML, JSON = b"text/html; charset=utf-8", b"application/json"
POLICY = b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


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
        self._page = page("demo_page.html", project=spec.project, objective=spec.scope.objective, row=shown).encode()
        self._socket = socket.create_server((LOOPBACK, 0))
        config = uvicorn.Config(self._asked, interface="asgi3", lifespan="off", access_log=False, log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), name="page", daemon=True)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _asked(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request of the page; those of other origins get nothing."""
        headers = dict(scope["headers"])
        is_own = headers.get(b"origin", self.url[:-1].encode()) == self.url[:-1].encode()
        status, kind, content = HTTPStatus.NOT_FOUND, JSON, b""
        if (scope["method"], scope["path"]) == ("GET", "/"):
            status, kind, content = HTTPStatus.OK, HTML, self._page
        elif (scope["method"], scope["path"]) == ("POST", "/predict") and is_own:
            row = await _row(receive)
            status, content = HTTPStatus.OK, json.dumps(await asyncio.to_thread(self.answer, row)).encode()
        sent = [(b"content-type", kind), (b"content-security-policy", POLICY)]
        await send({"type": "http.response.start", "status": int(status), "headers": sent})
        await send({"type": "http.response.body", "body": content})

    def answer(self, row: Any) -> dict[str, Any]:
        """Return what the page shows for a row."""
        try:
            answer = self._client.predict(self._spec.project, row)
        except LeewayError as error:
            return {"said": str(error)}
        said = "a person decides" if answer.prediction is None else _written(answer.prediction)
        return {"said": said, "version": answer.version}


async def _row(receive: Any) -> Any:
    """Return the row of a request; None if it is no JSON, or too long."""
    body, message = b"", {"more_body": True}
    while message.get("more_body") and len(body) <= MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
    try:
        return json.loads(body) if len(body) <= MOST_BYTES else None
    except ValueError:
        return None


def _written(prediction: float | str) -> str:
    """Return a prediction as it is shown.

    >>> _written(231450.2), _written(0.00123), _written("dust")
    ('231,450', '0.00123', 'dust')
    """
    if isinstance(prediction, str):
        return prediction
    return f"{prediction:,.0f}" if abs(prediction) >= SMALLEST_WHOLE else f"{prediction:.3g}"
