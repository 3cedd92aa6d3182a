"""The schema's file outlives the release that wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.errors import EvidenceError
from tasks.model import PROTOCOL, ModelSchema, TimeFeature

FROZEN = Path(__file__).parent / "frozen"
SCHEMA = ModelSchema(
    project="demo",
    task="regression",
    metric="mean_absolute_log_error",
    event_time="day",
    numbers=("area",),
    booleans=("garden",),
    categories={"zip": ("98103", "98178")},
    time=TimeFeature("2024-01-01", 90.0),
    offset=0.5,
    link="exp",
    function="features:add",
    trained_from="2024-01-01",
    trained_until="2024-03-31",
    recipe={"name": "event_time, 2 rounds"},
)


def test_a_schema_frozen_by_protocol_1_is_still_read() -> None:
    assert ModelSchema.from_json((FROZEN / "schema_1.json").read_bytes()) == SCHEMA


def test_todays_text_is_the_frozen_one() -> None:
    frozen = (FROZEN / "schema_1.json").read_text(encoding="utf-8")
    assert SCHEMA.to_json() == frozen, "the form changed: follow the recipe in tasks/model/schema.py"


def test_every_protocol_has_a_frozen_file() -> None:
    assert sorted(path.name for path in FROZEN.glob("schema_*")) == [f"schema_{n}.json" for n in range(1, PROTOCOL + 1)]


def test_the_columns_are_in_the_order_of_the_input() -> None:
    assert SCHEMA.columns == ["area", "garden", "zip", "day"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", json.dumps({"protocol": 1}), json.dumps({"protocol": 99})])
def test_what_is_no_schema_of_a_known_protocol_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError):
        ModelSchema.from_json(text)


def test_an_unknown_key_is_refused() -> None:
    content = json.loads(SCHEMA.to_json()) | {"surprise": 1}
    with pytest.raises(EvidenceError, match="surprise"):
        ModelSchema.from_json(json.dumps(content))
