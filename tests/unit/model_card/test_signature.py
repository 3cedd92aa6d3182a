from __future__ import annotations

import json

import yaml

from tasks.model_card.signature import signature_text


def test_the_signature_names_inputs_and_no_flavour() -> None:
    schema = {
        "task": "regression", "event_time": "at", "numbers": ["size"], "booleans": ["new"], "categories": {"town": []},
        "time": {"origin": "2026-01-01", "held_at_days": 3.0}, "dates": [],
    }  # fmt: skip
    read = yaml.safe_load(signature_text(schema))
    inputs = json.loads(read["signature"]["inputs"])
    assert [(each["name"], each["type"]) for each in inputs] == [
        ("size", "double"), ("new", "boolean"), ("town", "string"), ("at", "datetime"),
    ]  # fmt: skip
    assert read["flavors"] == {}
