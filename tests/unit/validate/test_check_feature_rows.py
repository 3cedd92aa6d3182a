from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import check, check_features, read_suite, unreadable

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))
DISTRICTS = {
    "name": "districts",
    "uri": "districts",
    "entity": ["zip", "street"],
    "event_time": "from",
    "columns": {"numbers": ["income"], "booleans": ["quiet"], "categories": ["kind"]},
    "decimal": ",",
}
FEATURES = {"numbers": ["rooms"], "tables": [DISTRICTS]}
LANDED = Landed("features", "districts/2026-01-05.csv", 9, date(2026, 1, 5), table="districts")


def spec_of(**parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, "features": FEATURES, "contract": {"max_bad_share": 0.9}, **parts})


def delivered(**columns: Any) -> Delivery:
    plain = {"zip": "98178", "street": "Main", "from": "2026-01-02", "income": "1,5", "quiet": "Y", "kind": "x"}
    return Delivery("ab12", LANDED, pd.DataFrame({**plain, **columns}, dtype="str"))


def test_a_delivery_of_a_table_is_typed_by_the_tables_own_reading() -> None:
    checked = check_features(delivered(street=["Main", "Side"]), spec_of())
    assert (checked.verdict, checked.findings) == ("accepted", ())
    assert list(checked.accepted) == ["table", "entity", "event_time", "event_date", "income", "quiet", "kind"]
    assert checked.accepted["entity"].tolist() == ["98178|Main", "98178|Side"]
    assert checked.accepted["income"].tolist() == [1.5, 1.5]
    assert checked.accepted["event_date"].tolist() == [date(2026, 1, 2)] * 2


def test_a_row_without_entity_or_time_and_a_second_value_of_one_time_are_refused() -> None:
    frame = delivered(street=["a", "a", "", "b"], **{"from": ["2026-01-02", "2026-01-02T00:00", "2026-01-02", ""]})
    checked = check_features(frame, spec_of())
    assert checked.refused["reasons"].tolist() == ["duplicate_value", "missing_id:zip|street", "missing_time:from"]
    assert len(checked.accepted) == 1


def test_a_lost_column_quarantines_the_delivery_and_a_new_one_does_not() -> None:
    lost = check_features(Delivery("ab12", LANDED, delivered(zip=["1"]).frame.drop(columns="kind")), spec_of())
    assert (lost.verdict, lost.refused["reasons"].tolist()) == ("quarantined", ["missing_column:kind"])
    assert list(lost.accepted) == ["table", "entity", "event_time", "event_date", "income", "quiet", "kind"]
    assert check_features(delivered(zip=["1"], other="x"), spec_of()).verdict == "accepted"


def test_what_cannot_be_read_at_all_is_a_verdict_too() -> None:
    checked = unreadable("ab12", LANDED, ("not_csv", "line 3"), spec_of())
    assert (checked.verdict, list(checked.accepted)[:2]) == ("quarantined", ["table", "entity"])


def test_one_suite_holds_expectations_of_rows_and_of_tables(tmp_path: Path) -> None:
    path = tmp_path / "expectations.json"
    asked = [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": name, "max_value": 40}}
        for name in ("rooms", "income")
    ]
    path.write_text(json.dumps({"expectations": asked}))
    suite = read_suite(path, spec_of())
    dear = check_features(delivered(street=["a", "b"], income=["41", "39"]), spec_of(), suite)
    assert dear.refused["reasons"].tolist() == ["expect_column_values_to_be_between:income"]
    rows = {"id": ["1"], "sold": ["2026-01-02"], "rooms": ["41"], "zip": ["98178"], "street": ["Main"]}
    landed = Landed("rows", "2026-01-05.csv", 9, date(2026, 1, 5))
    large = check(Delivery("cd34", landed, pd.DataFrame(rows, dtype="str")), spec_of(), suite)
    assert large.refused["reasons"][0].startswith("expect_column_values_to_be_between:rooms")
