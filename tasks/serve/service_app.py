"""The ASGI application of a worker: paths, API keys, limits, and one reply for every request."""

from __future__ import annotations

import asyncio
import binascii
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from tasks.logs import line, raised_at
from tasks.serve.processes.shared_counters import NO_PROJECT
from tasks.serve.protocols import inference_protocol, mlflow_scoring, own_api
from tasks.serve.protocols.api_document import SentKinds, api_document, api_page
from tasks.serve.protocols.label_api import DecisionTerms, FeedbackTerms, LabelTerms, SentIntake
from tasks.serve.replies import JSON_TYPE, Family, Refusal, Reply, json_reply
from tasks.serve.row_answering import RowAnswering
from tasks.serve.service_request import Disconnected, ServiceRequest
from tasks.serving_store import ApiKey, ApiKeys

LOG = logging.getLogger("leeway.serve")
Handler = Callable[[ServiceRequest, RowAnswering, str], Awaitable[Reply]]
Access = Literal["open", "key", "predict", "labels"]
SAFE = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
PAGE_TYPE = (b"content-type", b"text/html; charset=utf-8")
PAGE_POLICY = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a path does: a handler for each method, who may use it, and the project."""

    handlers: Mapping[str, Handler]
    access: Access
    project: str = NO_PROJECT
    family: Family = "own"


@dataclass
class ServiceApp:
    """The application.

    Parameters
    ----------
    answering : RowAnswering
        Answers rows.
    keys : ApiKeys
        Who may call; exchanged when the file of keys changes.
    """

    answering: RowAnswering
    keys: ApiKeys
    _paths: dict[str, Endpoint] = field(init=False)

    def __post_init__(self) -> None:
        projects = self.answering.champions.projects
        self._paths = {**_common(projects[0] if len(projects) == 1 else None, self._document, self._page)}
        for project in projects:
            self._paths |= _of_project(project)
        settings, root = self.answering.settings, Path(self.answering.settings.root)
        for project, column in settings.labels.items():
            taken = SentIntake(root, project, LabelTerms(column))
            self._paths[f"/v1/projects/{project}/labels"] = Endpoint({"POST": taken.taken}, "labels", project)
        for project, events in settings.feedback.items():
            taken = SentIntake(root, project, FeedbackTerms(events))
            self._paths[f"/v1/projects/{project}/feedback"] = Endpoint({"POST": taken.taken}, "labels", project)
        for project in settings.decisions:
            taken = SentIntake(root, project, DecisionTerms())
            self._paths[f"/v1/projects/{project}/decisions"] = Endpoint({"POST": taken.taken}, "labels", project)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        answering, clock = self.answering, asyncio.get_running_loop().time
        request = ServiceRequest(scope, receive, answering.settings, clock())
        endpoint = self._paths.get(request.path) or self._of_version(request.path)
        try:
            reply = await self._reply(request, endpoint)
        except Disconnected:
            return
        headers = [*reply.headers, *request.echoed, (b"content-length", str(len(reply.body)).encode()), *SAFE]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else reply.body})
        project, is_timed = (endpoint.project, endpoint.access != "labels") if endpoint else (NO_PROJECT, True)
        answering.counters.request(project, reply.status, clock() - request.arrived if is_timed else None)

    async def _reply(self, request: ServiceRequest, endpoint: Endpoint | None) -> Reply:
        family: Family = endpoint.family if endpoint else "own"
        try:
            handler = self._handler(request, endpoint)
            if endpoint is not None and endpoint.access in {"predict", "labels"}:
                self.answering.admit(request)
            return await handler(request, self.answering, endpoint.project if endpoint else NO_PROJECT)
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body(request.id, family), [JSON_TYPE, *refusal.headers])
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of one request; its text may have values, so it is not logged
            LOG.error(  # noqa: TRY400 - a traceback shows values of the row
                line(
                    "request_failed",
                    error=type(error).__name__,
                    path=endpoint.project if endpoint else "",
                    where=raised_at(error),
                )
            )
            fault = Refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR, "failed", "the row could not be answered; see the service's log"
            )
            return Reply(fault.status, fault.body(request.id, family), [JSON_TYPE])

    def _handler(self, request: ServiceRequest, endpoint: Endpoint | None) -> Handler:
        """Return the handler of a request that may be answered; only known callers learn whether a path exists."""
        if endpoint is None or endpoint.access != "open":
            key = self._key(request)
            if endpoint is None:
                raise Refusal(HTTPStatus.NOT_FOUND, "no_path", "there is no such path or project; see /openapi.json")
            request.key = key
            if endpoint.access in {"predict", "labels"} and not key.allows(endpoint.access, endpoint.project):
                raise Refusal(
                    HTTPStatus.FORBIDDEN,
                    "not_allowed",
                    "the API key may not be used for this, or not in this project; use another",
                )
        method = "GET" if request.method == "HEAD" else request.method
        handler = endpoint.handlers.get(method)
        if handler is None:
            allowed = ", ".join(["GET", "HEAD"] if "GET" in endpoint.handlers else endpoint.handlers)
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "wrong_method",
                f"the method is not allowed here; use {allowed}",
                headers=[(b"allow", allowed.encode())],
            )
        return handler

    def _key(self, request: ServiceRequest) -> ApiKey:
        given = key_text(request.headers)
        key = self.keys.find(given) if given else None
        if key is None:
            raise Refusal(
                HTTPStatus.UNAUTHORIZED,
                "no_key",
                "the API key is missing or unknown; send `Authorization: Bearer KEY`, made by `leeway serve-key NAME`",
                headers=[(b"www-authenticate", b"Bearer")],
            )
        return key

    def _of_version(self, path: str) -> Endpoint | None:
        """Return the endpoint of a path that names a version, if that version is the one that answers."""
        parts = path.split("/")
        if len(parts) < 6 or parts[1:3] != ["v2", "models"] or parts[4] != "versions":  # noqa: PLR2004 - /v2/models/P/versions/N
            return None
        serving = self.answering.champions.get(parts[3])
        if serving is None or parts[5] != str(serving.version.number):
            return None
        return self._paths.get("/".join([*parts[:4], *parts[6:]]))

    async def _document(self, request: ServiceRequest, answering: RowAnswering, _project: str) -> Reply:
        return json_reply(_allowed_document(request, answering))

    async def _page(self, request: ServiceRequest, answering: RowAnswering, _project: str) -> Reply:
        return Reply(int(HTTPStatus.OK), api_page(_allowed_document(request, answering)), [PAGE_TYPE, PAGE_POLICY])


def _allowed_document(request: ServiceRequest, answering: RowAnswering) -> dict[str, Any]:
    """Return the OpenAPI document of the projects in which the key of a request may predict."""
    key, champions = request.key, answering.champions
    allowed = [project for project in champions.projects if key is not None and key.allows("predict", project)]
    settings = answering.settings
    sending = {name for name in champions.projects if key is not None and key.allows("labels", name)}
    taken = SentKinds(
        labels={name: column for name, column in settings.labels.items() if name in sending},
        feedback={name: events for name, events in settings.feedback.items() if name in sending},
        decisions=[name for name in settings.decisions if name in sending],
    )
    return api_document(allowed, champions, settings.max_rows, taken)


def key_text(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the API key of a request: a bearer token, the password of basic authentication, or X-API-Key.

    >>> key_text({b"authorization": b"Bearer abc"}), key_text({b"authorization": b"Basic bGVld2F5OmFiYw=="})
    (b'abc', b'abc')
    """
    kind, _, text = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return text.strip()
    if kind.lower() == b"basic":
        try:
            return b64decode(text.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return headers.get(b"x-api-key", b"")


def _common(only: str | None, document: Handler, page: Handler) -> dict[str, Endpoint]:
    """Return the paths without a project; MLflow's have none, so they need a service of one project."""
    paths = {
        "/openapi.json": Endpoint({"GET": document}, "key"),
        "/docs": Endpoint({"GET": page}, "key"),
        "/v2": Endpoint({"GET": inference_protocol.server_metadata}, "open", family="inference"),
        "/v2/health/live": Endpoint({"GET": inference_protocol.live}, "open", family="inference"),
        "/v2/health/ready": Endpoint({"GET": inference_protocol.ready}, "open", family="inference"),
    }
    if only is not None:
        paths |= {
            "/invocations": Endpoint({"POST": mlflow_scoring.invocations}, "predict", only, "mlflow"),
            "/ping": Endpoint({"GET": mlflow_scoring.ping}, "open", only, "mlflow"),
            "/health": Endpoint({"GET": mlflow_scoring.ping}, "open", only, "mlflow"),
            "/version": Endpoint({"GET": mlflow_scoring.version}, "open", only, "mlflow"),
        }
    return paths


def _of_project(project: str) -> dict[str, Endpoint]:
    own, model = f"/v1/projects/{project}", f"/v2/models/{project}"
    return {
        f"{own}/predict": Endpoint({"POST": own_api.predict}, "predict", project),
        f"{own}/schema": Endpoint({"GET": own_api.schema}, "predict", project),
        f"{own}/invocations": Endpoint({"POST": mlflow_scoring.invocations}, "predict", project, "mlflow"),
        model: Endpoint({"GET": inference_protocol.model_metadata}, "predict", project, "inference"),
        f"{model}/ready": Endpoint({"GET": inference_protocol.model_ready}, "predict", project, "inference"),
        f"{model}/infer": Endpoint({"POST": inference_protocol.infer}, "predict", project, "inference"),
    }
