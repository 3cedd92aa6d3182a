"""Who may approve: MLflow's basic auth, and the one rule more that its permissions cannot express.

To register a version and to tag one are the same permission in MLflow, so the account that trains could also approve.
Here only the accounts named in LEEWAY_APPROVERS (separated by commas) may write the tag `approval` on a version, and
those may write no other tag: training, and saying yes to what was trained, stay in different hands. With no account
named nobody can approve.

Used by `authorization_function` in basic_auth.ini; this folder must be on PYTHONPATH.
"""
# ruff: noqa: INP001 - a plug-in that MLflow imports by its name

from __future__ import annotations

import os
from collections.abc import Iterable

from flask import Response, make_response, request
from mlflow.protos.model_registry_pb2 import CreateModelVersion, SetModelVersionTag
from mlflow.server.auth import authenticate_request_basic_auth
from mlflow.server.handlers import _get_request_message  # the request, read exactly as MLflow will read it
from werkzeug.datastructures import Authorization

APPROVAL = "approval"
SET_TAG = "/mlflow/model-versions/set-tag"
CREATE = "/mlflow/model-versions/create"


def authenticate() -> Authorization | Response:
    """Return who asks; or 401 for an account that is none, 403 for a tag that is not this account's to write."""
    answer: Authorization | Response = authenticate_request_basic_auth()
    if not isinstance(answer, Authorization):
        return answer
    said = refusal(answer.username or "", written_tags(), approvers(os.environ.get("LEEWAY_APPROVERS", "")))
    return make_response(said, 403) if said else answer


def approvers(listed: str) -> frozenset[str]:
    """Return the accounts of a list.

    >>> sorted(approvers("ann, bob,"))
    ['ann', 'bob']
    """
    return frozenset(name.strip() for name in listed.split(",")) - {""}


def refusal(account: str, tags: Iterable[str], allowed: frozenset[str]) -> str:
    """Return why an account may not write these tags on a version, or nothing when it may.

    Case and spaces of a tag's name do not matter, as they do not to Leeway when it reads the answer.

    >>> refusal("pipeline", ["leeway.kind", " Approval"], frozenset({"ann"}))
    'pipeline is no approver (LEEWAY_APPROVERS): it may not write the tag approval'
    >>> refusal("ann", ["approval"], frozenset({"ann"}))
    ''
    >>> refusal("ann", ["leeway.promoted"], frozenset({"ann"}))
    'ann is an approver (LEEWAY_APPROVERS): it may write no tag but approval'
    """
    answers = [name for name in tags if name.strip().casefold() == APPROVAL]
    others = [name for name in tags if name not in answers]
    if answers and account not in allowed:
        return f"{account} is no approver (LEEWAY_APPROVERS): it may not write the tag {APPROVAL}"
    if others and account in allowed:
        return f"{account} is an approver (LEEWAY_APPROVERS): it may write no tag but {APPROVAL}"
    return ""


def written_tags() -> list[str]:
    """Return the names of the tags that the current request would write on a version."""
    if request.method != "POST":
        return []
    if request.path.endswith(SET_TAG):
        return [_get_request_message(SetModelVersionTag()).key]
    if request.path.endswith(CREATE):
        return [tag.key for tag in _get_request_message(CreateModelVersion()).tags]
    return []
