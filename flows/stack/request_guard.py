"""Which requests reach a local server: those that name it by its own address, from its own pages or from no page.

A browser sends any web page's requests to 127.0.0.1, and names the page in `Origin`; a name that an attacker's DNS
server points to 127.0.0.1 shows in `Host`. Both are compared with the addresses that this stack gave its servers.
Prefect itself accepts every host and origin, MLflow every origin on localhost, so this runs in front of either.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

ALLOWED = "LEEWAY_ALLOWED_HOSTS"
LOG_IN = "/leeway-login"
SCRIPT = """
const key = decodeURIComponent(location.hash.slice(1));
if (key) localStorage.setItem("prefect-password", btoa(key));
history.replaceState(null, "", location.pathname);
location.replace("/");
"""
PAGE = f"<!doctype html><meta charset=utf-8><title>Prefect: log in</title><script>{SCRIPT}</script>"
SCRIPT_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY_VIOLATION = 1008


class RequestGuard:
    """An ASGI application that answers foreign requests with 403, and passes all others on.

    Parameters
    ----------
    app : callable
        The ASGI application to protect.
    hosts : iterable of str
        The addresses, as `name:port`, that requests may name in `Host`, and pages in `Origin` after `http://`.
    log_in : bool
        Whether `/leeway-login` is answered with a page that stores the key after `#` for Prefect's own pages. What
        follows `#` never leaves the browser.
    """

    def __init__(self, app: App, hosts: Iterable[str], *, log_in: bool = False) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.origins = frozenset(f"{scheme}://{host}" for host in self.hosts for scheme in ("http", "https"))
        self.log_in = log_in

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope["headers"])
        if refusal and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal[:100]})
        elif refusal:
            await _answer(send, 403, refusal, {"content-type": "text/plain; charset=utf-8"})
        elif self.log_in and scope["type"] == "http" and scope["path"] == LOG_IN:
            policy = f"default-src 'none'; script-src 'sha256-{SCRIPT_DIGEST}'; frame-ancestors 'none'"
            await _answer(send, 200, PAGE, {"content-type": "text/html", "content-security-policy": policy})
        else:
            await self.app(scope, receive, send)

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return why a request is refused; an empty text when it is not.

        Examples
        --------
        >>> guard = RequestGuard(None, ["127.0.0.1:4200"])
        >>> guard.refusal([(b"host", b"127.0.0.1:4200"), (b"origin", b"http://127.0.0.1:4200")])
        ''
        >>> guard.refusal([(b"host", b"evil.example:4200")])
        "this server does not answer to the host name 'evil.example:4200'"
        >>> guard.refusal([(b"host", b"127.0.0.1:4200"), (b"origin", b"http://127.0.0.1:8000")])
        "requests from pages of 'http://127.0.0.1:8000' are refused"
        """
        hosts, origins = (
            [value.decode("latin-1").lower() for key, value in headers if key == name] for name in (b"host", b"origin")
        )
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return f"this server does not answer to the host name {', '.join(hosts)!r}"
        foreign = [origin for origin in origins if origin not in self.origins]
        return f"requests from pages of {foreign[0]!r} are refused" if foreign else ""


async def _answer(send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    shown = [(name.encode(), value.encode()) for name, value in {**headers, "cache-control": "no-store"}.items()]
    await send({"type": "http.response.start", "status": status, "headers": shown})
    await send({"type": "http.response.body", "body": text.encode()})


def prefect_app() -> App:
    """Return Prefect's server behind the guard, as uvicorn's factory."""
    from prefect.server.api.server import create_app

    return RequestGuard(create_app(), _allowed(), log_in=True)


def mlflow_app() -> App:
    """Return MLflow's server behind the guard, as the factory of the `mlflow.app` plug-in `leeway`."""
    from mlflow.server.fastapi_app import app

    return RequestGuard(app, _allowed())


def _allowed() -> list[str]:
    return [host for host in os.environ[ALLOWED].split(",") if host]
