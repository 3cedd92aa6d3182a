"""The wording of faults in a spec."""

from __future__ import annotations

from typing import Any

from tasks.errors import nearest
from tasks.spec.docs.json_schema import Loc, blocks, known_keys, node_at, resolved
from tasks.spec.field_types import NAME, NAME_IN_WORDS
from tasks.spec.reading.contradictions import Contradiction

LONGEST = 60
TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "object": "names, each with a value",
}
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
PATTERNS = {NAME.pattern: NAME_IN_WORDS}


def dotted(loc: Loc) -> str:
    """Return the path of a key as text.

    >>> dotted(("notifications", 0, "to"))
    'notifications[0].to'
    """
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in loc)
    return text.removeprefix(".") or "the spec"


def found(value: object) -> str:
    """Return a value and its kind in words.

    >>> found("abc"), found(3), found(None), found(["a", "b"])
    ("'abc' (text)", '3 (a whole number)', 'nothing', 'a list of 2')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true or false)"
    if isinstance(value, int | float):
        return f"{value} ({'a whole number' if isinstance(value, int) else 'a number'})"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return "a block of keys"
    return f"{shortened(str(value))!r} (text)"


def shortened(text: str) -> str:
    """Return the first 60 characters of a text.

    >>> len(shortened("x" * 1000))
    60
    """
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def expected(node: dict[str, Any]) -> str:
    """Return what a schema node allows, in words.

    >>> expected({"type": "integer", "minimum": 1})
    'a whole number >= 1'
    >>> expected({"type": "array", "items": {"type": "string"}, "minItems": 1})
    'a list of at least 1, each text'
    """
    node = resolved(node)
    if "enum" in node:
        return f"one of {', '.join(map(str, node['enum']))}"
    if "properties" in node:
        return f"a block of keys: {', '.join(node['properties'])}"
    if node.get("type") == "array":
        least = f" of at least {node['minItems']}" if "minItems" in node else ""
        items = resolved(node["items"])
        return f"a list{least}, each {'a block of keys' if 'properties' in items else expected(items)}"
    if "pattern" in node:
        return PATTERNS.get(node["pattern"], f"text like {node['pattern']}")
    bounds = [f"{sign} {node[bound]}" for bound, sign in BOUNDS.items() if bound in node]
    return " ".join([TYPES.get(node.get("type", ""), "a value"), *_lengths(node), " and ".join(bounds)]).strip()


def _lengths(node: dict[str, Any]) -> list[str]:
    least, most = node.get("minLength", 0), node.get("maxLength")
    return [f"of {least} to {most} characters"] if most else []


def missing_key(loc: Loc) -> str:
    """Return the fault of a missing key.

    >>> missing_key(("scope", "owner"))
    "missing key 'owner' in scope: Who is responsible for this model: a name or an address."
    """
    node = node_at(loc) or {}
    meaning = node.get("description", "")
    return f"missing key {loc[-1]!r} in {dotted(loc[:-1])}: {meaning}"


def unknown_key(loc: Loc) -> str:
    """Return the fault of an unknown key, with the known keys and the block in which it may belong."""
    parent, key = loc[:-1], shortened(str(loc[-1]))
    known = known_keys(parent)
    homes = [dotted(block) for block in blocks() if key in known_keys(block)]
    hint = nearest(key, known) or (f"; {key!r} belongs in {' or '.join(homes)}" if homes else "")
    return f"unknown key {key!r} in {dotted(parent)}; known: {', '.join(known)}{hint}"


def wrong_value(loc: Loc, value: object) -> str:
    """Return the fault of a value of the wrong type or outside its range.

    >>> wrong_value(("monitoring", "window_days"), "abc")
    "monitoring.window_days: found 'abc' (text), expected a whole number >= 1"
    """
    node = node_at(loc) or {}
    known = [str(value) for value in node.get("enum", [])]
    return f"{dotted(loc)}: found {found(value)}, expected {expected(node)}{_hint(node, value, known)}"


def _hint(node: dict[str, Any], value: object, known: list[str]) -> str:
    if value is None:
        return "; leave the key out to use its default" if "default" in node or "properties" in node else ""
    if node.get("type") == "array" and not isinstance(value, list | dict):
        return "; write [a, b]"
    if isinstance(value, str):
        return nearest(value, known)
    quotable = node.get("type") == "string" and not known and isinstance(value, int | float)
    return "; put it in quotes" if quotable else ""


def fault_of(error: dict[str, Any]) -> str:
    """Return the sentence for one of pydantic's error records."""
    loc, kind = tuple(error["loc"]), error["type"]
    if kind == "extra_forbidden":
        return unknown_key(loc)
    if kind == "missing":
        return missing_key(loc)
    if kind == "value_error":
        return f"{dotted(loc)}: {error['ctx']['error']}"
    return wrong_value(loc, error["input"])


def contradictions_of(errors: list[Any]) -> list[Contradiction]:
    """Return the contradictions among pydantic's error records."""
    conflicts = [error["ctx"]["contradictions"] for error in errors if error["type"] == "contradiction"]
    return [conflict for group in conflicts for conflict in group]
