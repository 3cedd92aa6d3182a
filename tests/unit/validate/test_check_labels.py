from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tasks.records import Delivery, Landed, ValidatedDelivery
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import check_labels, read_suite

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))


def spec_of(source: dict[str, Any] | None = None, **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, **parts, "source": HOUSES["source"] | (source or {})})


def delivery_of(frame: pd.DataFrame) -> Delivery:
    return Delivery("cd34", Landed("labels", "2026-01-19.csv", 9, date(2026, 1, 19)), frame)


def refused_of(checked: ValidatedDelivery) -> dict[str, str]:
    return {json.loads(raw)["id"]: reasons for raw, reasons in checked.refused.to_numpy().tolist()}


def test_labels_are_accepted_by_the_name_of_their_row() -> None:
    frame = pd.DataFrame(
        {"price": ["100", "2e2"], "by": "Ann", "sold": ["2026-01-02T00:00", "20260103"], "id": ["7", " 8"]}
    )
    checked = check_labels(delivery_of(frame), spec_of({"id": ["id", "sold"]}))
    assert (checked.verdict, checked.findings) == ("accepted", ())
    assert checked.accepted.to_dict("list") == {"row_id": ["7|2026-01-02", "8|2026-01-03"], "label": [100.0, 200.0]}


def test_labels_that_cannot_be_read_are_refused_one_by_one() -> None:
    frame = pd.DataFrame({"id": ["7", "8", "9", "", "5"], "price": ["100", "dear", "", "4", "inf"]})
    checked = check_labels(delivery_of(frame), spec_of(contract={"max_bad_share": 0.9}))
    assert refused_of(checked) == {
        "8": "not_a_number:price",
        "9": "missing_label:price",
        "": "missing_id:id",
        "5": "not_finite:price",
    }
    assert (checked.verdict, checked.accepted["row_id"].tolist()) == ("partly_quarantined", ["7"])


def test_labels_that_contradict_each_other_are_all_refused_and_one_said_twice_counts_once() -> None:
    frame = pd.DataFrame({"id": ["7", "8", "7", "8", "9"], "price": ["100", "200", "101", "2e2", "300"]})
    checked = check_labels(delivery_of(frame), spec_of(contract={"max_bad_share": 0.5}))
    assert checked.refused["reasons"].tolist() == ["contradictory_label", "contradictory_label", "repeated_label"]
    assert checked.accepted.to_dict("list") == {"row_id": ["8", "9"], "label": [200.0, 300.0]}
    assert checked.rows_in == 5


def test_repeated_labels_alone_never_quarantine_a_delivery() -> None:
    checked = check_labels(delivery_of(pd.DataFrame({"id": ["7"] * 9, "price": ["100"] * 9})), spec_of())
    assert (checked.verdict, len(checked.accepted), checked.rows_in) == ("partly_quarantined", 1, 9)


def test_a_delivery_without_labels_or_without_their_column_is_quarantined() -> None:
    lost = check_labels(delivery_of(pd.DataFrame({"id": ["7"], "prise": ["1"]})), spec_of())
    assert (lost.verdict, lost.refused["reasons"].tolist()) == ("quarantined", ["missing_column:price"])
    foreign = check_labels(delivery_of(pd.DataFrame({"a": ["7"]})), spec_of())
    assert foreign.refused["reasons"].tolist() == ["missing_column:id;missing_column:price"]
    empty = check_labels(delivery_of(pd.DataFrame()), spec_of())
    assert (empty.verdict, [each.rule for each in empty.findings]) == ("quarantined", ["empty"])


def test_expectations_about_the_label_are_asked_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "expectations.json"
    ranged = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "price", "min_value": 10}}
    of_rows = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1000}}
    path.write_text(json.dumps({"expectations": [ranged, of_rows]}))
    spec = spec_of()
    frame = pd.DataFrame({"id": [str(number) for number in range(20)], "price": ["1", *["100"] * 19]})
    checked = check_labels(delivery_of(frame), spec, read_suite(path, spec))
    assert refused_of(checked) == {"0": "expect_column_values_to_be_between:price"}
    assert checked.verdict == "partly_quarantined"


def test_past_the_tolerated_share_of_contradictions_labels_are_quarantined_whole() -> None:
    frame = pd.DataFrame({"id": [*"aa", *"bcdefghi"], "price": ["1", "2", *"12345678"]})  # 2 of 10 contradict
    reported = {limit: check_labels(delivery_of(frame), _tolerating(limit)) for limit in (None, 0.2, 0.1)}
    assert [each.verdict for each in reported.values()] == ["partly_quarantined", "partly_quarantined", "quarantined"]
    assert reported[0.1].findings[-1].message == (
        "20.0% of 10 labels contradict another of the same row; the contract allows 10.0%"
    )
    assert reported[0.1].findings[0].row_ids == ("a", "a")


def _tolerating(share: float | None) -> ProjectSpec:
    return spec_of(contract={"max_bad_share": 0.5, "max_contradictory_labels": share})
