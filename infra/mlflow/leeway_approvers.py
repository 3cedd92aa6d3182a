"""Who may approve: the basic authentication of MLflow with one more rule.

MLflow has one permission for registering and for tagging a version, so the account that trains could also approve. With
this rule, only the accounts in LEEWAY_APPROVERS (separated by commas) may write the tags of an answer on a version:
`approval`, `approval.by` and `approval.reason`, and `degree.raise`, `degree.by` and `degree.reason`. They may change
nothing else in the registry, not a card, a stage or a name, so that training and approving need different accounts; and
`approval.by` and `degree.by` can only be the account that writes them, and while one names another account, no one adds
to that answer: it would count as the other's. If no account is named, no one can approve.

Used by `authorization_function` in basic_auth.ini; this folder must be on PYTHONPATH.
"""
# ruff: noqa: INP001 - a plug-in that MLflow imports by its name

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from flask import Response, make_response, request
from mlflow.exceptions import MlflowException
from mlflow.protos.model_registry_pb2 import CreateModelVersion, DeleteModelVersionTag, SetModelVersionTag
from mlflow.server.auth import authenticate_request_basic_auth
from mlflow.server.handlers import _get_model_registry_store, _get_request_message  # both as MLflow will read them
from werkzeug.datastructures import Authorization

NAMES = frozenset({"approval.by", "degree.by"})
ANSWER = frozenset({"approval", "approval.reason", "degree.raise", "degree.reason"}) | NAMES
SET_TAG = "/mlflow/model-versions/set-tag"
DELETE_TAG = "/mlflow/model-versions/delete-tag"
CREATE = "/mlflow/model-versions/create"
REGISTRY = re.compile(r"/mlflow/((?:model-versions|registered-models)/[^?]*)$")
READ_BY_POST = frozenset({"registered-models/get-latest-versions"})


def authenticate() -> Authorization | Response:
    """Return the account of a request, or 401 for an unknown account, or 403 for a tag that it may not write."""
    answer: Authorization | Response = authenticate_request_basic_auth()
    if not isinstance(answer, Authorization):
        return answer
    account, allowed = answer.username or "", approvers(os.environ.get("LEEWAY_APPROVERS", ""))
    reason = (
        change_refusal(account, request.method, request.path, allowed)
        or refusal(account, written_tags(), allowed)
        or begun_refusal(account, written_tags(), present_tags())
        or deletion_refusal(account, deleted_tags(), allowed)
    )
    return make_response(reason, 403) if reason else answer


def approvers(listed: str) -> frozenset[str]:
    """Return the accounts of a list.

    >>> sorted(approvers("ann, bob,"))
    ['ann', 'bob']
    """
    return frozenset(name.strip() for name in listed.split(",")) - {""}


def refusal(account: str, tags: Mapping[str, str], allowed: frozenset[str]) -> str:
    """Return why an account may not write these tags on a version, or an empty text if it may.

    Case and spaces of a tag's name are ignored, as they are when Leeway reads the answer.

    >>> refusal("pipeline", {"leeway.kind": "concept", " Approval": "approved"}, frozenset({"ann"}))
    'pipeline is not an approver (LEEWAY_APPROVERS): it may not write the tag approval'
    >>> refusal("ann", {"approval": "approved", "approval.by": "ann"}, frozenset({"ann"}))
    ''
    >>> refusal("ann", {"approval.by": "bob"}, frozenset({"ann", "bob"}))
    'ann may only write ann as the tag approval.by'
    >>> refusal("ann", {"leeway.promoted": ""}, frozenset({"ann"}))
    'ann is an approver (LEEWAY_APPROVERS): it may only write the tags approval, approval.by, approval.reason,
    degree.by, degree.raise, degree.reason'
    """
    answers = [(tag.strip().casefold(), value) for tag, value in tags.items() if is_answer(tag)]
    if answers and account not in allowed:
        return f"{account} is not an approver (LEEWAY_APPROVERS): it may not write the tag {min(answers)[0]}"
    if others := [tag for tag, value in answers if tag in NAMES and value != account]:
        return f"{account} may only write {account} as the tag {others[0]}"
    return _only_answers(account, tags, allowed, "write")


def begun_refusal(account: str, tags: Iterable[str], present: Mapping[str, str]) -> str:
    """Return why an account may not write these tags on a version with some tags, or an empty text if it may.

    An answer counts as that of the account it names, so another one does not add to it.

    >>> begun_refusal("ann", ["degree.raise"], {"degree.by": "bob"})
    'degree.by is bob: delete that tag, or write ann as it, before degree.raise'
    >>> begun_refusal("ann", ["degree.by"], {"degree.by": "bob"})
    ''
    """
    named = {tag: name for tag, name in present.items() if tag.strip().casefold() in NAMES and name != account}
    for tag in sorted(tag for tag in tags if is_answer(tag) and tag.strip().casefold() not in NAMES):
        kind = tag.strip().casefold().partition(".")[0]
        if others := sorted(each for each in named if each.strip().casefold() == f"{kind}.by"):
            return f"{others[0]} is {named[others[0]]}: delete that tag, or write {account} as it, before {tag}"
    return ""


def deletion_refusal(account: str, tags: Iterable[str], allowed: frozenset[str]) -> str:
    """Return why an account may not delete these tags; the pipeline removes an answer when it rolls back.

    >>> deletion_refusal("pipeline", ["approval"], frozenset({"ann"}))
    ''
    >>> deletion_refusal("ann", ["leeway.barred"], frozenset({"ann"}))
    'ann is an approver (LEEWAY_APPROVERS): it may only delete the tags approval, approval.by, approval.reason'
    """
    return _only_answers(account, tags, allowed, "delete")


def change_refusal(account: str, method: str, path: str, allowed: frozenset[str]) -> str:
    """Return why an account may not change the registry with a request, or an empty text if it may.

    An approver answers with tags and changes nothing else: its card is what others read before they approve.

    >>> change_refusal("ann", "PATCH", "/api/2.0/mlflow/model-versions/update", frozenset({"ann"}))
    'ann is an approver (LEEWAY_APPROVERS): it may only write the tags of an answer, not model-versions/update'
    >>> change_refusal("ann", "POST", "/api/2.0/mlflow/model-versions/set-tag", frozenset({"ann"}))
    ''
    >>> change_refusal("pipeline", "PATCH", "/api/2.0/mlflow/model-versions/update", frozenset({"ann"}))
    ''
    """
    asked = REGISTRY.search(path.rstrip("/"))
    if account not in allowed or method in {"GET", "HEAD", "OPTIONS"} or asked is None or asked[1] in READ_BY_POST:
        return ""
    if f"/mlflow/{asked[1]}" in {SET_TAG, DELETE_TAG}:
        return ""
    return f"{account} is an approver (LEEWAY_APPROVERS): it may only write the tags of an answer, not {asked[1]}"


def is_answer(tag: str) -> bool:
    """Return whether a tag is part of a person's answer.

    >>> is_answer(" Approval.BY "), is_answer("approval.refused")
    (True, False)
    """
    return tag.strip().casefold() in ANSWER


def _only_answers(account: str, tags: Iterable[str], allowed: frozenset[str], verb: str) -> str:
    if account not in allowed or all(is_answer(tag) for tag in tags):
        return ""
    return f"{account} is an approver (LEEWAY_APPROVERS): it may only {verb} the tags {', '.join(sorted(ANSWER))}"


def written_tags() -> dict[str, str]:
    """Return the tags that the current request would write on a version."""
    if request.method != "POST":
        return {}
    if request.path.endswith(SET_TAG):
        tag = _get_request_message(SetModelVersionTag())
        return {tag.key: tag.value}
    if request.path.endswith(CREATE):
        return {tag.key: tag.value for tag in _get_request_message(CreateModelVersion()).tags}
    return {}


def present_tags() -> Mapping[str, str]:
    """Return the tags of the version on which the current request would write a part of an answer."""
    if request.method != "POST" or not request.path.endswith(SET_TAG):
        return {}
    asked = _get_request_message(SetModelVersionTag())
    if not is_answer(asked.key):
        return {}
    try:
        return dict(_get_model_registry_store().get_model_version(asked.name, asked.version).tags)
    except MlflowException:  # there is no such version: MLflow says so
        return {}


def deleted_tags() -> list[str]:
    """Return the names of the tags that the current request would delete from a version."""
    if request.path.endswith(DELETE_TAG):
        return [_get_request_message(DeleteModelVersionTag()).key]
    return []
