"""Who may approve: the basic authentication of MLflow with one more rule.

MLflow has one permission for registering and for tagging a version, so the account that trains could also approve. With
this rule, only the accounts in LEEWAY_APPROVERS (separated by commas) may write the tag `approval` on a version, and
they may write no other tag, so that training and approving need different accounts. If no account is named, approval is
not possible.

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
    """Return the account of a request, or 401 for an unknown account, or 403 for a tag that it may not write."""
    answer: Authorization | Response = authenticate_request_basic_auth()
    if not isinstance(answer, Authorization):
        return answer
    reason = refusal(answer.username or "", written_tags(), approvers(os.environ.get("LEEWAY_APPROVERS", "")))
    return make_response(reason, 403) if reason else answer


def approvers(listed: str) -> frozenset[str]:
    """Return the accounts of a list.

    >>> sorted(approvers("ann, bob,"))
    ['ann', 'bob']
    """
    return frozenset(name.strip() for name in listed.split(",")) - {""}


def refusal(account: str, tags: Iterable[str], allowed: frozenset[str]) -> str:
    """Return why an account may not write these tags on a version, or an empty text if it may.

    Case and spaces of a tag's name are ignored, as they are when Leeway reads the answer.

    >>> refusal("pipeline", ["leeway.kind", " Approval"], frozenset({"ann"}))
    'pipeline is not an approver (LEEWAY_APPROVERS): it may not write the tag approval'
    >>> refusal("ann", ["approval"], frozenset({"ann"}))
    ''
    >>> refusal("ann", ["leeway.promoted"], frozenset({"ann"}))
    'ann is an approver (LEEWAY_APPROVERS): it may only write the tag approval'
    """
    answers = [name for name in tags if name.strip().casefold() == APPROVAL]
    others = [name for name in tags if name not in answers]
    if answers and account not in allowed:
        return f"{account} is not an approver (LEEWAY_APPROVERS): it may not write the tag {APPROVAL}"
    if others and account in allowed:
        return f"{account} is an approver (LEEWAY_APPROVERS): it may only write the tag {APPROVAL}"
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
