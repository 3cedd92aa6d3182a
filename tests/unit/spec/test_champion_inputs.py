from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from tasks.errors import SpecError
from tasks.inference.schema import ModelSchema
from tasks.inference.schema_parts import DatePart, TimeFeature
from tasks.spec.champion_inputs import with_inputs_of
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import parse_spec

TEXT = """\
project: houses
scope: {owner: pricing, objective: Suggest a price., metric: mean_absolute_error}
source: {uri: landing, id: [sale], event_time: date, label: {column: price}}
features: {numbers: [area], categories: [zip]}
"""
SCHEMA = ModelSchema(
    "houses",
    "regression",
    "mean_absolute_error",
    "date",
    numbers=("area", "rooms"),
    booleans=("garden",),
    categories={"zip": ("a",), "street": ("b",)},
    dates=(DatePart("built", "year"), DatePart("built", "month")),
)
STORED = ("area", "zip", "rooms", "garden", "street", "built")


def spec(text: str = "") -> ProjectSpec:
    return parse_spec(TEXT + text, "p.yaml")


def night(text: str = "", stored: Collection[str] = STORED) -> ProjectSpec:
    return with_inputs_of(spec(text), SCHEMA, lambda: stored)


def faults(text: str = "", stored: Collection[str] = STORED) -> list[str]:
    with pytest.raises(SpecError) as refused:
        night(text, stored)
    return refused.value.faults


def test_columns_taken_out_of_the_spec_are_read_in_the_kind_that_the_champion_has_them_in() -> None:
    own = night().features.own
    assert (own.numbers, own.booleans, own.categories, own.dates) == (
        ["area", "rooms"],
        ["garden"],
        ["zip", "street"],
        ["built"],
    )
    assert spec().features.own.all == ["area", "zip"]


def test_a_spec_that_names_all_that_the_champion_reads_stays_as_it_is_and_the_lake_is_not_asked() -> None:
    def never() -> list[str]:
        raise AssertionError

    schema = ModelSchema("houses", "regression", "mean_absolute_error", "date", numbers=("area",))
    given = spec()
    assert with_inputs_of(given, schema, never) is given


def test_parts_of_the_event_time_are_no_feature_of_the_spec() -> None:
    hours = ModelSchema(
        "houses", "regression", "mean_absolute_error", "date", numbers=("area",), dates=(DatePart("date", "hour"),)
    )
    given = spec()
    assert with_inputs_of(given, hours, lambda: STORED) is given
    with pytest.raises(SpecError, match="reads the event time in 'date'"):
        with_inputs_of(parse_spec(TEXT.replace("event_time: date", "event_time: sold_on"), "p.yaml"), hours, list)


def test_what_a_function_made_cannot_be_read_from_deliveries() -> None:
    (fault,) = faults(stored=[name for name in STORED if name != "rooms"])
    assert fault.startswith("the champion reads 'rooms', which deliveries never had")
    assert "(`leeway run retrain houses`), or undo the change" in fault


@pytest.mark.parametrize("privacy", ["drop: [street]", "pseudonymise: [sale]"])
def test_privacy_is_stronger_than_the_champion(privacy: str) -> None:
    only_street = replace(SCHEMA, numbers=("area",), booleans=(), dates=())
    with pytest.raises(SpecError) as refused:
        with_inputs_of(spec(f"privacy: {{{privacy}}}\n"), only_street, lambda: STORED)
    (fault,) = refused.value.faults
    assert fault.startswith("the champion reads 'street', which the spec no longer names, and `privacy` keeps such")


@pytest.mark.parametrize("role", ["label: {column: rooms}", "id: [rooms]", "event_time: rooms"])
def test_a_column_with_another_role_is_never_read_as_an_input(role: str) -> None:
    key = role.split(":", maxsplit=1)[0]
    given = {"label": "label: {column: price}", "id": "id: [sale]", "event_time": "event_time: date"}[key]
    with pytest.raises(SpecError, match="reads 'rooms', which is the label, the event time or an id now"):
        with_inputs_of(parse_spec(TEXT.replace(given, role), "p.yaml"), SCHEMA, lambda: STORED)


def test_a_column_of_another_kind_is_left_to_the_check_of_stored_kinds() -> None:
    moved = parse_spec(TEXT.replace("numbers: [area]", "numbers: [area, street]"), "p.yaml")
    assert with_inputs_of(moved, SCHEMA, lambda: STORED).features.own.all.count("street") == 1


def test_an_event_time_that_the_champion_learned_from_cannot_be_exchanged() -> None:
    timed = replace(SCHEMA, event_time="sold", time=TimeFeature("2026-01-01", 30.0))
    with pytest.raises(SpecError, match=r"reads the event time in 'sold'; source\.event_time is 'date'"):
        with_inputs_of(spec(), timed, lambda: STORED)
