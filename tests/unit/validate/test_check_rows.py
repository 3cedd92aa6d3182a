from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records import Delivery, Landed, ValidatedDelivery
from tasks.serving_store.logged_rows import SERVED
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Suite, check, check_all, read_suite, unreadable

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))


def spec_of(source: dict[str, Any] | None = None, **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, **parts, "source": HOUSES["source"] | (source or {})})


NOTHING_EXPECTED = Suite(Path("expectations.json"))
LANDED = Landed("rows", "2026-01-05.csv", 9, date(2026, 1, 5))


def delivery_of(frame: pd.DataFrame) -> Delivery:
    return Delivery("ab12", LANDED, frame)


def rows_of(count: int, **columns: Any) -> pd.DataFrame:
    plain = {"id": [str(number) for number in range(count)], "sold": "2026-01-02", "rooms": "3"}
    return pd.DataFrame({**plain, **columns}, dtype="str")


def reasons_of(checked: ValidatedDelivery) -> list[str]:
    return checked.refused["reasons"].tolist()


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Suite]:
    def write(kind: str, severity: str, **kwargs: Any) -> Suite:
        path = tmp_path / "expectations.json"
        one = {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity}
        path.write_text(json.dumps({"expectations": [one]}))
        return read_suite(path, spec_of())

    return write


def test_a_clean_delivery_is_accepted_whole_with_its_day() -> None:
    checked = check(delivery_of(rows_of(2)), spec_of(), NOTHING_EXPECTED)
    assert (checked.verdict, checked.rows_in, checked.findings) == ("accepted", 2, ())
    assert list(checked.accepted) == ["row_id", "id", "sold", "rooms", "event_date"]
    assert checked.accepted["event_date"].tolist() == [date(2026, 1, 2)] * 2
    assert list(checked.refused) == ["raw", "reasons"]


def test_a_refused_row_is_kept_as_delivered_with_every_reason() -> None:
    frame = rows_of(20, rooms=["many", *["3"] * 19], sold=["soon", *["2026-01-02"] * 19], note="é")
    checked = check(delivery_of(frame), spec_of(), NOTHING_EXPECTED)
    assert checked.verdict == "partly_quarantined"
    assert json.loads(checked.refused["raw"][0]) == {"id": "0", "sold": "soon", "rooms": "many", "note": "é"}
    assert reasons_of(checked) == ["not_a_time:sold;not_a_number:rooms"]
    assert len(checked.accepted) == 19
    assert {(each.rule, each.column, each.rows_failed) for each in checked.findings} == {
        ("new_column", "note", 0),
        ("not_a_time", "sold", 1),
        ("not_a_number", "rooms", 1),
    }


def test_what_parquet_delivered_is_kept_as_json_too() -> None:
    sold = pd.to_datetime(["2026-01-02"])
    frame = pd.DataFrame({"id": pd.array([None], dtype="Int64"), "sold": sold, "rooms": [3.0], "more": [{"a": 1}]})
    checked = check(delivery_of(frame), spec_of(), NOTHING_EXPECTED)
    assert json.loads(checked.refused["raw"][0]) == {
        "id": None,
        "sold": "2026-01-02T00:00:00",
        "rooms": 3.0,
        "more": {"a": 1},
    }


def test_past_the_tolerated_share_the_whole_batch_is_quarantined() -> None:
    spec = spec_of(contract={"max_bad_share": 0.1})
    at_the_limit = check(delivery_of(rows_of(10, rooms=["x", *["3"] * 9])), spec, NOTHING_EXPECTED)
    assert (at_the_limit.verdict, len(at_the_limit.accepted)) == ("partly_quarantined", 9)
    past_it = check(delivery_of(rows_of(10, rooms=["x", "x", *["3"] * 8])), spec, NOTHING_EXPECTED)
    assert (past_it.verdict, len(past_it.accepted), past_it.rows_in) == ("quarantined", 0, 10)
    assert reasons_of(past_it)[1:3] == ["not_a_number:rooms;too_many_refused_rows", "too_many_refused_rows"]
    assert past_it.findings[-1].message == "20.0% of 10 rows are refused; the contract allows 10.0%"


def test_a_lost_column_quarantines_the_batch_and_a_renamed_one_is_guessed() -> None:
    checked = check(delivery_of(rows_of(2).rename(columns={"rooms": "room"})), spec_of(), NOTHING_EXPECTED)
    assert (checked.verdict, reasons_of(checked)) == ("quarantined", ["missing_column:rooms"] * 2)
    assert "did you mean 'room'?" in checked.findings[0].message
    assert checked.accepted.dtypes.astype(str).to_dict()["rooms"] == "float64"


def test_a_new_column_is_left_out_or_refused_as_the_contract_says() -> None:
    delivery = delivery_of(rows_of(2, colour="red"))
    ignored = check(delivery, spec_of(), NOTHING_EXPECTED)
    assert (ignored.verdict, "colour" in ignored.accepted) == ("accepted", False)
    assert [(each.rule, each.severity) for each in ignored.findings] == [("new_column", "warning")]
    refused = check(delivery, spec_of(contract={"new_columns": "refuse"}), NOTHING_EXPECTED)
    assert (refused.verdict, reasons_of(refused)) == ("quarantined", ["new_column:colour"] * 2)


@pytest.mark.parametrize("frame", [pd.DataFrame(), rows_of(0)])
def test_a_delivery_without_rows_is_quarantined_as_empty(frame: pd.DataFrame) -> None:
    checked = check(delivery_of(frame), spec_of(), NOTHING_EXPECTED)
    assert (checked.verdict, checked.rows_in, [each.rule for each in checked.findings]) == ("quarantined", 0, ["empty"])


def test_content_that_cannot_be_read_is_a_verdict_too() -> None:
    checked = unreadable("ab12", LANDED, ("not_csv", "line 3 has 1 cells, the header 2"), spec_of())
    assert (checked.verdict, checked.rows_in, checked.findings[0].rule) == ("quarantined", 0, "not_csv")
    assert "2026-01-05.csv cannot be read: line 3" in checked.findings[0].message


def test_a_grave_breach_refuses_its_rows_and_a_slight_one_is_only_reported(suite_of: Callable[..., Suite]) -> None:
    delivery = delivery_of(rows_of(20, rooms=["99", *["3"] * 19]))
    limits = {"column": "rooms", "max_value": 40}
    grave = check(delivery, spec_of(), suite_of("column_values_to_be_between", "critical", **limits))
    assert (grave.verdict, reasons_of(grave)) == ("partly_quarantined", ["expect_column_values_to_be_between:rooms"])
    slight = check(delivery, spec_of(), suite_of("column_values_to_be_between", "warning", **limits))
    assert (slight.verdict, len(slight.refused)) == ("accepted", 0)
    assert slight.findings[0].message == "1 of 20 rows: rooms: expected column_values_to_be_between (max_value 40)"


def test_a_grave_breach_of_the_whole_quarantines_the_batch(suite_of: Callable[..., Suite]) -> None:
    suite = suite_of("table_row_count_to_be_between", "critical", max_value=2)
    checked = check(delivery_of(rows_of(3)), spec_of(), suite)
    assert (checked.verdict, reasons_of(checked)) == ("quarantined", ["expect_table_row_count_to_be_between"] * 3)
    assert checked.findings[0].message == "the delivery: expected table_row_count_to_be_between (max_value 2); found 3"


def test_deliveries_checked_together_get_the_verdicts_they_get_alone(suite_of: Callable[..., Suite]) -> None:
    suite = suite_of("column_values_to_be_between", "critical", column="rooms", max_value=40)
    frames = [
        rows_of(3),
        rows_of(0),
        rows_of(20, rooms=["99", "x", *["3"] * 18]),
        rows_of(2).drop(columns="rooms"),
        rows_of(2, rooms="x"),
        rows_of(2, rooms="99"),
    ]
    spec, deliveries = spec_of(), [delivery_of(frame) for frame in frames]
    together = check_all(deliveries, spec, suite)
    for one, many in zip([check(each, spec, suite) for each in deliveries], together, strict=True):
        assert (one.verdict, one.findings) == (many.verdict, many.findings)
        pd.testing.assert_frame_equal(one.accepted, many.accepted)
        pd.testing.assert_frame_equal(one.refused, many.refused)
    assert [each.verdict for each in together] == [
        "accepted",
        "quarantined",
        "partly_quarantined",
        "quarantined",
        "quarantined",
        "quarantined",
    ]


CELLS = st.sampled_from(["1", "x", "", "NA", "2026-01-02", "inf", "1e999", " ", "é", "|"]) | st.text(max_size=5)
SPEC = ProjectSpec.model_validate(
    {
        "project": "houses",
        "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
        "source": {"uri": "rows", "id": ["id", "sold"], "event_time": "sold", "label": {"column": "price"}},
        "features": {"numbers": ["rooms"], "booleans": ["pool"], "categories": ["zip"]},
        "contract": {"max_bad_share": 0.5},
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS, CELLS), max_size=6))
def test_whatever_the_cells_say_rows_in_are_rows_accepted_and_refused(cells: list[tuple[str, ...]]) -> None:
    frame = pd.DataFrame(cells, columns=["id", "sold", "rooms", "pool", "zip", "price"], dtype="str")
    checked = check(delivery_of(frame), SPEC, NOTHING_EXPECTED)
    assert checked.rows_in == len(frame)
    assert checked.accepted["row_id"].is_unique
    assert not checked.accepted[["row_id", "id", "sold", "event_date"]].isna().any(axis=None)
    kept = [json.loads(text) for text in checked.refused["raw"]]
    assert all(row in frame.to_dict("records") for row in kept)
    assert (checked.refused["reasons"] != "").all()


def test_a_finding_names_the_first_rows_that_failed_and_none_of_their_values(suite_of: Callable[..., Suite]) -> None:
    suite = suite_of("column_values_to_be_between", "warning", column="rooms", max_value=40)
    checked = check(delivery_of(rows_of(30, rooms=["99"] * 12 + ["3"] * 18)), spec_of(), suite)
    assert checked.findings[0].row_ids == tuple(str(number) for number in range(10))
    known = suite_of("column_most_common_value_to_be_in_set", "critical", column="id", value_set=["7"])
    secret = check(delivery_of(rows_of(2, id=["0", "Ann Smith"])), spec_of(), known)
    assert secret.verdict == "quarantined"
    assert "Ann" not in secret.findings[0].message
    assert secret.findings[0].message.endswith("found 2 values")


def test_of_hundreds_of_new_columns_the_first_are_named(suite_of: Callable[..., Suite]) -> None:
    many = {f"extra {number}": "x" for number in range(500)}
    checked = check(delivery_of(rows_of(2, **many)), spec_of(), suite_of("table_row_count_to_be_between", "info"))
    assert checked.verdict == "accepted"
    assert len(checked.findings) == 61
    assert checked.findings[-1].message == (
        "2026-01-05.csv has 440 more columns, which the spec does not name; left out"
    )


def test_rows_of_a_few_minutes_of_requests_are_not_judged_as_a_whole_delivery(suite_of: Callable[..., Suite]) -> None:
    suite = suite_of("table_row_count_to_be_between", "critical", min_value=100)
    served = Delivery("ab12", Landed("rows", "a.jsonl", 9, date(2026, 1, 5), table=SERVED), rows_of(3))
    assert check(served, spec_of(), suite).verdict == "accepted"
    assert check(delivery_of(rows_of(3)), spec_of(), suite).verdict == "quarantined"
    each = suite_of("column_values_to_be_between", "critical", column="rooms", max_value=2)
    assert len(check(served, spec_of(), each).refused) == 3
