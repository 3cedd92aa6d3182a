"""A handler for AWS Lambda: `{"row": {...}}` or `{"rows": [...]}`, as an event or as the body of an HTTP request.

Where the variable LEEWAY_ANSWERS names a folder that outlives the function, such as one of EFS, answers are kept there.
"""

from __future__ import annotations

import base64
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks.bundle.runtimes.answer_queue import AnswerQueue
from tasks.bundle.runtimes.answering_bundle import Bundle
from tasks.row_contract.row_reader import RowRefused

MOST_ROWS = 1000
OK, BAD_REQUEST, TOO_LARGE, UNPROCESSABLE = 200, 400, 413, 422


class _RequestError(Exception):
    def __init__(self, status: int, code: str, message: str, faults: list[dict[str, Any]] | None = None) -> None:
        self.status, self.reply = status, {"error": {"code": code, "message": message, "faults": faults or []}}
        super().__init__(message)


def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG001 - what Lambda passes
    """Answer an event of a function URL, of API Gateway, or of a caller of the function itself."""
    by_http = isinstance(event, dict) and "body" in event
    try:
        status, reply = OK, _replied(_content(event) if by_http else event)
    except _RequestError as refusal:
        status, reply = refusal.status, refusal.reply
    if not by_http:
        return reply
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(reply)}


@lru_cache(maxsize=1)
def _bundle() -> Bundle:
    return Bundle.open(Path(__file__).parent)


@lru_cache(maxsize=1)
def _queue() -> AnswerQueue | None:
    folder = os.environ.get("LEEWAY_ANSWERS")
    return AnswerQueue(_bundle(), folder) if folder else None


def _content(event: dict[str, Any]) -> Any:
    try:
        body = event["body"] or ""
        return json.loads(base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body)
    except (ValueError, TypeError, RecursionError) as error:  # not base64, not UTF-8, not JSON, not a text, too deep
        raise _RequestError(BAD_REQUEST, "not_json", f"the body is no JSON: {error}") from error


def _replied(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict) or ("row" in content) == ("rows" in content):
        raise _RequestError(BAD_REQUEST, "no_rows", 'expected {"row": {...}} or {"rows": [...]}')
    rows = content["rows"] if "rows" in content else [content["row"]]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _RequestError(BAD_REQUEST, "no_rows", "expected a row to be an object of columns")
    if len(rows) > MOST_ROWS:
        raise _RequestError(TOO_LARGE, "too_many_rows", f"found {len(rows)} rows; expected at most {MOST_ROWS}")
    bundle = _bundle()
    about = {"project": bundle.project, "version": bundle.version}
    answered, faults = [], []
    for number, row in enumerate(rows):
        try:
            answered.append(bundle.answered(row))
        except RowRefused as refusal:
            faults += [{"row": number, **fault._asdict()} for fault in refusal.faults]
    if faults:
        raise _RequestError(UNPROCESSABLE, "row_refused", "rows break the contract; no row was answered", faults)
    if queue := _queue():
        queue.keep(answered)
    answers = [one.shown for one in answered]
    return {**about, "answers": answers} if "rows" in content else {**about, "answer": answers[0]}
