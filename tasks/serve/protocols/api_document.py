"""The OpenAPI document of the service, and a page that shows it without any other server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from tasks.serve.champions import Champions
from tasks.serve.row_schema import row_schema

ERROR = {
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {
        "request_id": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {"type": "array", "items": {"type": "object"}},
            },
        },
    },
}
ANSWER = {
    "type": "object",
    "required": ["id", "prediction", "deferred"],
    "properties": {
        "id": {"type": "string", "description": "The id of the row."},
        "prediction": {
            "type": ["number", "string", "null"],
            "description": "Null where a person decides; for two classes the probability of 1, for several the class.",
        },
        "deferred": {"type": "boolean", "description": "Whether a person decides this row."},
        "confidence": {"type": "number"},
        "decision": {"type": "integer"},
        "lower": {"type": ["number", "null"], "description": "The lower bound of the interval of a number."},
        "upper": {"type": ["number", "null"], "description": "Its upper bound."},
        "probabilities": {"type": "object"},
        "reasons": {"type": "string"},
        "proposal": {"type": "boolean"},
        "audit": {"type": "boolean", "description": "Whether a person decides this row too, without the answer."},
    },
}
REFUSALS = {
    "400": "The body is no strict JSON, or a header is wrong.",
    "401": "The API key is missing or unknown.",
    "403": "The API key may not do this.",
    "404": "There is no such path.",
    "405": "The method is not allowed here.",
    "413": "The body is too large, or has too many rows.",
    "415": "The body is not plain JSON.",
    "422": "Rows break the contract; every fault is named.",
    "429": "More requests arrive than can be answered in time.",
    "500": "The model could not be run; the fault is in the log.",
    "503": "No verified version is here yet.",
    "504": "The deadline cannot be met.",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "code,pre{font-family:ui-monospace,monospace;background:#f4f4f4}pre{padding:.7rem;overflow:auto}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}"
)


@dataclass(frozen=True, slots=True)
class SentKinds:
    """What can be sent next to rows: labels, by project with their column; feedback, with its events; decisions."""

    labels: Mapping[str, str]
    feedback: Mapping[str, Sequence[str]]
    decisions: Sequence[str]


def api_document(projects: Sequence[str], champions: Champions, max_rows: int, sent: SentKinds) -> dict[str, Any]:
    """Return the OpenAPI document of the own endpoints, with the rows of those projects that have a version.

    Parameters
    ----------
    max_rows : int
        The most rows of one request.
    sent : SentKinds
        What can be sent of which projects.
    """
    paths: dict[str, Any] = {}
    for project in projects:
        serving = champions.get(project)
        row = {"type": "object"} if serving is None else row_schema(serving.version.contract)
        paths[f"/v1/projects/{project}/predict"] = {"post": _predict(project, row, max_rows)}
        paths[f"/v1/projects/{project}/schema"] = {"get": _schema(project)}
    paths |= {
        f"/v1/projects/{name}/labels": {"post": _labels(name, column, max_rows)} for name, column in sent.labels.items()
    }
    paths |= {
        f"/v1/projects/{name}/feedback": {"post": _feedback(name, events, max_rows)}
        for name, events in sent.feedback.items()
    }
    paths |= {f"/v1/projects/{name}/decisions": {"post": _decisions(name, max_rows)} for name in sent.decisions}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Leeway predictions", "version": "1"},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Answer": ANSWER, "Error": ERROR},
        },
    }


def api_page(document: dict[str, Any]) -> bytes:
    """Return the document as a page."""
    sections = [
        _section(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Leeway predictions</title><style>{STYLE}</style><h1>Leeway predictions</h1>"
        "<p>Send an API key as <code>Authorization: Bearer KEY</code>. The document for generators is "
        f"<a href=/openapi.json>openapi.json</a>.</p>{''.join(sections)}</html>"
    ).encode()


def _predict(project: str, row: dict[str, Any], max_rows: int) -> dict[str, Any]:
    answer = {"$ref": "#/components/schemas/Answer"}
    body = {
        "oneOf": [
            {"type": "object", "required": ["row"], "properties": {"row": row}, "additionalProperties": False},
            {
                "type": "object",
                "required": ["rows"],
                "properties": {"rows": {"type": "array", "items": row, "minItems": 1, "maxItems": max_rows}},
                "additionalProperties": False,
            },
        ]
    }
    reply = {
        "type": "object",
        "required": ["project", "version", "request_id"],
        "properties": {
            "project": {"type": "string"},
            "version": {"type": "integer"},
            "request_id": {"type": "string"},
            "ignored_columns": {"type": "array", "items": {"type": "string"}},
            "answer": answer,
            "answers": {"type": "array", "items": answer},
        },
    }
    headers = [
        {"name": name, "in": "header", "schema": {"type": "string"}, "description": text}
        for name, text in {
            "X-Deadline-Ms": "What is left of the caller's time, in milliseconds.",
            "X-Request-Id": "A name of the request, which the reply repeats.",
            "traceparent": "The trace of the caller, which the reply repeats.",
        }.items()
    ]
    return {
        "operationId": f"predict-{project}",
        "summary": f"Answer one row or several rows of {project}",
        "parameters": headers,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _response("The answers, in the order of the rows.", reply), **_refusals()},
    }


def _labels(project: str, column: str, max_rows: int) -> dict[str, Any]:
    label = {"type": "object", "description": f"The id of a row, and {column}.", "required": [column]}
    listed = {"type": "array", "items": label, "minItems": 1, "maxItems": max_rows}
    body = {"type": "object", "required": ["labels"], "properties": {"labels": listed}, "additionalProperties": False}
    return {
        "operationId": f"labels-{project}",
        "summary": f"Send labels of rows of {project}; the same ones may be sent again",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _response("The labels are kept.", {"type": "object"}), **_refusals()},
    }


def _feedback(project: str, events: Sequence[str], max_rows: int) -> dict[str, Any]:
    event = {
        "type": "object",
        "description": "The id of an answered row, and what happened to the answer.",
        "required": ["event"],
        "properties": {"event": {"enum": list(events)}},
    }
    listed = {"type": "array", "items": event, "minItems": 1, "maxItems": max_rows}
    required = {"type": "object", "required": ["feedback"], "properties": {"feedback": listed}}
    return {
        "operationId": f"feedback-{project}",
        "summary": f"Send what happened to answers of {project}; the same events may be sent again",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {**required, "additionalProperties": False}}},
        },
        "responses": {"200": _response("The events are kept.", {"type": "object"}), **_refusals()},
    }


def _decisions(project: str, max_rows: int) -> dict[str, Any]:
    decision = {
        "type": "object",
        "description": "The id of a row, and what a person decided.",
        "required": ["decision"],
    }
    listed = {"type": "array", "items": decision, "minItems": 1, "maxItems": max_rows}
    required = {"type": "object", "required": ["decisions"], "properties": {"decisions": listed}}
    return {
        "operationId": f"decisions-{project}",
        "summary": f"Send what people decided of rows of {project}; the newest decision of a row counts",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {**required, "additionalProperties": False}}},
        },
        "responses": {"200": _response("The decisions are kept.", {"type": "object"}), **_refusals()},
    }


def _schema(project: str) -> dict[str, Any]:
    return {
        "operationId": f"schema-{project}",
        "summary": f"The JSON schema of a row of {project}, and the version that answers",
        "responses": {"200": _response("The schema.", {"type": "object"}), **_refusals()},
    }


def _refusals() -> dict[str, Any]:
    error = {"$ref": "#/components/schemas/Error"}
    return {status: _response(text, error) for status, text in REFUSALS.items()}


def _response(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    headers = {"X-Request-Id": {"description": "The name of the request.", "schema": {"type": "string"}}}
    return {"description": text, "headers": headers, "content": {"application/json": {"schema": schema}}}


def _section(path: str, method: str, operation: dict[str, Any]) -> str:
    parts = [f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}.</p>"]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "oneOf" in schema:
        parts.append(_columns(schema["oneOf"][0]["properties"]["row"]))
    replies = "".join(
        f"<tr><td>{status}<td>{escape(reply['description'])}" for status, reply in operation["responses"].items()
    )
    return "".join([*parts, f"<h3>Replies</h3><table>{replies}</table>"])


def _columns(row: dict[str, Any]) -> str:
    required = set(row.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(_kind(column))}<td>{'required' if name in required else ''}"
        for name, column in row.get("properties", {}).items()
    )
    return f"<h3>Columns of a row</h3><table>{rows}</table>"


def _kind(column: dict[str, Any]) -> str:
    rules = [rule["rule"] for rule in column.get("x-expectations", [])]
    return ", ".join([" or ".join(column.get("type", ["not read"])), *rules])
