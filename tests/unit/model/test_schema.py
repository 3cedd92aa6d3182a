"""The schema's file outlives the release that wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.errors import EvidenceError
from tasks.inference.schema_parts import ConformalInterval
from tasks.model import (
    PROTOCOL,
    Calibration,
    DatePart,
    Deferral,
    ErrorTable,
    ModelSchema,
    PreprocessingStep,
    TimeFeature,
)

FROZEN = Path(__file__).parent / "frozen"
FIRST = ModelSchema(
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
SECOND = ModelSchema(
    project="demo",
    task="multiclass",
    metric="log_loss",
    event_time="day",
    numbers=("area",),
    categories={"zip": ("98103", "98178")},
    offset=(0.5, -0.25, 0.0),
    link="softmax",
    format="skops",
    estimator="sklearn.naive_bayes.GaussianNB",
    classes=("cheap", "fair", "dear"),
    output="probability",
    dates=(DatePart("sold", "days", "2024-01-01"), DatePart("sold", "weekday")),
    steps=(
        PreprocessingStep("area", fill=50.0, shift=40.0, scale=2.5),
        PreprocessingStep("zip", "one_hot", values=(0.0, 1.0, None)),
    ),
    calibration=(
        Calibration("sigmoid", slope=1.5, intercept=-0.5),
        Calibration("isotonic", scores=(-1.0, 1.0), probabilities=(0.1, 0.9)),
        Calibration("sigmoid"),
    ),
    threshold=0.25,
    deferral=Deferral(
        threshold=-0.75,
        target_error=0.1,
        share=0.5,
        error=0.05,
        error_bound=0.09,
        confidence_level=0.95,
        rows=400,
        errors=ErrorTable(("area",), ((1.5,), (50.0, 60.0)), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
        typical=(50.0, None),
    ),
    block_rows=1000,
)
THIRD = replace(SECOND, dates=(DatePart("sold", "year"), DatePart("sold", "day_of_year"), DatePart("sold", "weekday")))


FOURTH = replace(THIRD, interval=ConformalInterval(0.9, 1.5, 240, "zip", (1.25, 1.5)))


def test_a_schema_frozen_by_protocol_1_is_still_read() -> None:
    assert ModelSchema.from_json((FROZEN / "schema_1.json").read_bytes()) == FIRST


def test_a_schema_frozen_by_protocol_2_is_read() -> None:
    assert ModelSchema.from_json((FROZEN / "schema_2.json").read_bytes()) == SECOND


def test_a_schema_frozen_by_protocol_3_is_read() -> None:
    assert ModelSchema.from_json((FROZEN / "schema_3.json").read_bytes()) == THIRD


def test_a_schema_frozen_by_protocol_4_is_read() -> None:
    assert ModelSchema.from_json((FROZEN / "schema_4.json").read_bytes()) == FOURTH


def test_todays_text_is_the_frozen_one() -> None:
    frozen = (FROZEN / "schema_4.json").read_text(encoding="utf-8")
    assert FOURTH.to_json() == frozen, "the form changed: follow the recipe in tasks/model/schema.py"


def test_every_protocol_has_a_frozen_file() -> None:
    assert sorted(path.name for path in FROZEN.glob("schema_*")) == [f"schema_{n}.json" for n in range(1, PROTOCOL + 1)]


def test_the_columns_are_in_the_order_of_the_input() -> None:
    assert FIRST.columns == FIRST.inputs == ["area", "garden", "zip", "day"]


def test_parts_of_one_date_are_inputs_of_their_own_and_one_column() -> None:
    assert SECOND.inputs == ["area", "zip", "sold:days", "sold:weekday"]
    assert SECOND.columns == ["area", "zip", "sold"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", json.dumps({"protocol": 1}), json.dumps({"protocol": 99})])
def test_what_is_no_schema_of_a_known_protocol_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError):
        ModelSchema.from_json(text)


def test_an_unknown_key_is_refused() -> None:
    content = json.loads(FIRST.to_json()) | {"surprise": 1}
    with pytest.raises(EvidenceError, match="surprise"):
        ModelSchema.from_json(json.dumps(content))
