"""Leeway's own endpoints: `/v1/projects/{project}/predict`, `/schema`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tasks.serve.champions import Serving
from tasks.serve.json_body import decoded
from tasks.serve.replies import Refusal, Reply, json_reply
from tasks.serve.row_answering import RowAnswering
from tasks.serve.row_schema import row_schema
from tasks.serve.service_request import ServiceRequest


async def predict(request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
    """Answer `{"row": {...}}` with `answer`, or `{"rows": [{...}, ...]}` with `answers`, in order."""
    content = decoded(await request.json_bytes())
    single, rows = _rows(content)
    serving = answering.serving(project)
    version, answered = await answering.answers(request, serving, rows)
    reply: dict[str, Any] = {"project": project, "version": version.number, "request_id": request.id}
    ignored = set().union(*(version.reader.ignored(row) for row in rows))
    if ignored:
        reply["ignored_columns"] = sorted(ignored)
    reply |= {"answer": answered[0]} if single else {"answers": answered}
    return json_reply(reply)


async def schema(_request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
    """Return the JSON schema of a row, and the version that answers."""
    serving: Serving = answering.serving(project)
    return json_reply(
        {
            "project": project,
            "version": serving.version.number,
            "version_digest": serving.version.digest,
            "degree": serving.version.contract.degree,
            "row": row_schema(serving.version.contract),
        }
    )


def _rows(content: Any) -> tuple[bool, list[Any]]:
    if isinstance(content, dict):
        if set(content) == {"row"}:
            return True, [content["row"]]
        if set(content) == {"rows"} and isinstance(content["rows"], list) and content["rows"]:
            return False, content["rows"]
    raise Refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "no_rows",
        'expected an object {"row": {...}} or {"rows": [{...}, ...]} with at least one row, and no other name',
    )
