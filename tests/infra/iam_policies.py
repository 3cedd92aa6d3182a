"""What IAM says to a request, by the policies of the roles in infra/aws."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

TEMPLATE = Path(__file__).parents[2] / "infra" / "aws" / "leeway.yaml"
BUCKETS = {"Landing": "landing", "Lake": "lake", "Artifacts": "artifacts"}


@dataclass(frozen=True)
class Call:
    """One request as IAM sees it."""

    action: str
    bucket: str
    key: str = ""
    prefix: str = ""

    @property
    def resource(self) -> str:
        return f"arn:aws:s3:::{self.bucket}/{self.key}" if self.key else f"arn:aws:s3:::{self.bucket}"


@lru_cache
def template() -> dict[str, Any]:
    reader = import_module("cfnlint.decode.cfn_yaml")  # knows !Sub and !GetAtt
    read: dict[str, Any] = reader.load(str(TEMPLATE))
    return read


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in template()["Resources"].items() if each["Type"] == kind}


def resolved(value: Any) -> Any:
    """Return a template's value with its references to buckets replaced by their values."""
    match value:
        case {"Fn::GetAtt": [name, "Arn"]}:
            return f"arn:aws:s3:::{BUCKETS[name]}"
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{(\w+)\.Arn\}", lambda found: f"arn:aws:s3:::{BUCKETS[found[1]]}", text)
        case dict():
            return {key: resolved(each) for key, each in value.items()}
        case list():
            return [resolved(each) for each in value]
    return value


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policies(role: str) -> list[dict[str, Any]]:
    documents = [policy["PolicyDocument"] for policy in resources("AWS::IAM::Role")[role]["Policies"]]
    return [statement for document in documents for statement in resolved(document)["Statement"]]


def matches(statement: dict[str, Any], call: Call) -> bool:
    asked = {"s3:prefix": call.prefix}
    for operator, expected in statement.get("Condition", {}).items():
        assert operator == "StringLike", f"this test does not know {operator}"
        if not all(any(fnmatchcase(asked[key], like) for like in listed(likes)) for key, likes in expected.items()):
            return False
    return any(fnmatchcase(call.action, like) for like in listed(statement["Action"])) and any(
        fnmatchcase(call.resource, like) for like in listed(statement["Resource"])
    )


def allowed(role: str, call: Call) -> bool:
    """Judge as IAM does: nothing is allowed unless said, and a denial ends it."""
    effects = {statement["Effect"] for statement in policies(role) if matches(statement, call)}
    return effects == {"Allow"}


def as_iam_sees(request: dict[str, str]) -> list[Call]:
    """Return what a request to S3 needs; a copy needs to read its source as well."""
    method, query = request["method"], parse_qs(request["query"], keep_blank_values=True)
    _, bucket, *rest = request["path"].split("/", 2)
    key = rest[0] if rest else ""
    if "delete" in query:
        return [Call("s3:DeleteObject", bucket, key) for key in re.findall(r"<Key>(.+?)</Key>", request["body"])]
    if not key:
        assert method in {"GET", "HEAD"}, request
        return [Call("s3:ListBucket", bucket, prefix=query.get("prefix", [""])[0])]
    if method == "DELETE" and "uploadId" in query:
        return [Call("s3:AbortMultipartUpload", bucket, key)]
    actions = {
        "GET": "GetObject",
        "HEAD": "GetObject",
        "PUT": "PutObject",
        "POST": "PutObject",
        "DELETE": "DeleteObject",
    }
    calls = [Call(f"s3:{actions[method]}", bucket, key)]
    if request["source"]:
        calls.append(Call("s3:GetObject", *unquote(request["source"]).lstrip("/").split("/", 1)))
    return calls
