"""The JSON schema of a row, for people and for generated clients."""

from __future__ import annotations

from typing import Any

from tasks.row_contract import RowContract
from tasks.row_contract.row_reader import cells

KINDS: dict[str, dict[str, Any]] = {
    "number": {"type": ["number", "string", "null"]},
    "boolean": {"type": ["boolean", "string", "integer", "null"]},
    "category": {"type": ["string", "number", "boolean", "null"], "maxLength": 1000},
    "time": {"type": ["string", "null"], "description": "ISO 8601; without an offset, in the time zone of the project"},
}


def row_schema(contract: RowContract) -> dict[str, Any]:
    """Return the JSON schema of a row of a contract.

    Examples
    --------
    >>> contract = RowContract(protocol=1, project="demo", ids=("id",), event_time="day", time_zone="UTC",
    ...                        numbers=("area",))
    >>> schema = row_schema(contract)
    >>> schema["required"], schema["properties"]["day"]["type"], schema["properties"]["area"]["type"]
    (['id', 'day'], ['string'], ['number', 'string', 'null'])
    """
    required = list(dict.fromkeys([*contract.ids, contract.event_time]))
    properties = {name: dict(KINDS[kind]) for name, _, kind in cells(contract)}
    for name in required:
        properties[name]["type"] = [kind for kind in properties[name]["type"] if kind != "null"]
    for rule in contract.rules:
        for name in rule.columns:
            limits = {key: value for key, value in rule.limits.items() if value is not None}
            properties[name].setdefault("x-expectations", []).append({"rule": rule.rule, **limits})
    for name in contract.known_columns:
        properties.setdefault(name, {"description": "may be sent, and is not read"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": contract.new_columns == "ignore",
        "x-time-zone": contract.time_zone,
    }
