"""The spec as JSON schema, for editors (deployments/spec.schema.json) and for the wording of faults."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tasks.spec.project_spec import ProjectSpec

Loc = tuple[str | int, ...]


def schema_text() -> str:
    """Return the content of deployments/spec.schema.json."""
    return json.dumps(_schema(), indent=2, ensure_ascii=False) + "\n"


@cache
def _schema() -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ProjectSpec.model_json_schema()}


def node_at(loc: Loc) -> dict[str, Any] | None:
    """Return the schema of one key with references and optional types resolved; None if the key is unknown.

    >>> node_at(("gate", "min_rows"))["minimum"]
    10
    >>> node_at(("gate", "no_such_key")) is None
    True
    """
    node: dict[str, Any] | None = resolved(_schema())
    for key in loc:
        if node is None:
            return None
        child = node.get("items") if isinstance(key, int) else node.get("properties", {}).get(key)
        node = None if child is None else resolved(child)
    return node


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Return a schema node with its reference resolved and its null alternative removed; its own keys come first."""
    own = {key: value for key, value in node.items() if key not in {"$ref", "anyOf"}}
    if "$ref" in node:
        return {**_schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]], **own}
    for choice in node.get("anyOf", []):
        if choice.get("type") != "null":
            return {**resolved(choice), **own}
    return node


def known_keys(loc: Loc) -> list[str]:
    """Return the keys a block may have, in the order of the reference."""
    return list((node_at(loc) or {}).get("properties", {}))


def required_keys(loc: Loc) -> list[str]:
    """Return the keys a block must have.

    >>> required_keys(("scope",))
    ['owner', 'objective', 'metric']
    """
    return list((node_at(loc) or {}).get("required", []))


def blocks() -> list[Loc]:
    """Return the path of every block of keys, the whole spec first, in the order of the reference.

    >>> blocks()[:3]
    [(), ('scope',), ('source',)]
    """
    return _blocks_below(())


def _blocks_below(loc: Loc) -> list[Loc]:
    paths = [loc]
    for key in known_keys(loc):
        node = node_at((*loc, key)) or {}
        if node.get("type") == "array" and known_keys((*loc, key, 0)):
            paths += _blocks_below((*loc, key, 0))
        elif "properties" in node:
            paths += _blocks_below((*loc, key))
    return paths
