from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Typed, typed

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))


def spec_of(source: dict[str, Any] | None = None, **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, **parts, "source": HOUSES["source"] | (source or {})})


def faulty(result: Typed) -> dict[str, list[int]]:
    return {str(code): np.flatnonzero(result.faults[code]).tolist() for code in result.faults}


def test_every_column_gets_the_kind_the_spec_gives_it() -> None:
    spec = spec_of(features={"numbers": ["rooms"], "booleans": ["pool"], "categories": ["zip"]})
    frame = pd.DataFrame(
        {"zip": ["01234"], "extra": ["x"], "pool": ["yes"], "rooms": ["3"], "sold": ["2026-01-02"], "id": ["7"]}
    )
    result = typed(frame, spec)
    assert {name: str(kind) for name, kind in result.frame.dtypes.items()} == {
        "row_id": "str",
        "id": "str",
        "sold": "datetime64[us]",
        "rooms": "float64",
        "pool": "boolean",
        "zip": "str",
    }
    assert list(result.faults) == []
    assert result.clean.tolist() == [True]


def test_rows_without_an_id_or_a_time_and_rows_said_twice_are_faults() -> None:
    frame = pd.DataFrame(
        {
            "id": ["7", "", "8", "7", " 8 ", None],
            "sold": ["2026-01-02", "2026-01-02", "", "2026-01-03", "later", "2026-01-02"],
            "rooms": "3",
        }
    )
    assert faulty(typed(frame, spec_of())) == {
        "missing_id:id": [1, 5],
        "not_a_time:sold": [4],
        "missing_time:sold": [2],
        "duplicate_id": [3, 4],
    }


def test_a_row_has_one_name_however_its_parts_were_written() -> None:
    spec = spec_of({"id": ["id", "sold"]})
    frames = [
        pd.DataFrame({"id": ["7"], "sold": ["2026-01-02"], "rooms": ["3"]}),
        pd.DataFrame({"id": [7], "sold": pd.to_datetime(["2026-01-02"]), "rooms": [3]}),
        pd.DataFrame({"id": [7.0], "sold": ["20260102T000000"], "rooms": [3.0]}),
    ]
    assert {typed(frame, spec).frame["row_id"][0] for frame in frames} == {"7|2026-01-02"}


def test_parts_that_hold_the_separator_do_not_make_two_rows_one() -> None:
    spec = spec_of({"id": ["id", "part"]})
    frame = pd.DataFrame({"id": ["a|b", "a", "a\\"], "part": ["c", "b|c", "|b|c"], "sold": "2026-01-02", "rooms": "3"})
    assert typed(frame, spec).frame["row_id"].nunique() == 3


def test_a_time_that_is_part_of_the_name_is_one_fault_and_not_two() -> None:
    frame = pd.DataFrame({"id": ["7", "8"], "sold": ["soon", ""], "rooms": "3"})
    assert faulty(typed(frame, spec_of({"id": ["id", "sold"]}))) == {"not_a_time:sold": [0], "missing_id:sold": [1]}


def test_a_label_that_comes_with_the_rows_is_a_number_and_may_be_missing() -> None:
    spec = spec_of({"label": {"column": "price"}})
    frame = pd.DataFrame({"id": ["7", "8", "9"], "sold": "2026-01-02", "rooms": "3", "price": ["100", "", "dear"]})
    result = typed(frame, spec)
    assert faulty(result) == {"not_a_number:price": [2]}
    assert result.frame["price"].iloc[0] == 100.0


def test_the_label_of_a_binary_task_may_be_said_in_words() -> None:
    scope = {"owner": "me", "objective": "answers", "metric": "log_loss"}
    spec = spec_of({"label": {"column": "bought"}}, scope=scope, training={"task": "binary"})
    frame = pd.DataFrame({"id": ["7", "8", "9"], "sold": "2026-01-02", "rooms": "3", "bought": ["yes", "0", "2"]})
    result = typed(frame, spec)
    assert faulty(result) == {"not_a_boolean:bought": [2]}
    assert result.frame["bought"].iloc[:2].tolist() == [1.0, 0.0]


def test_a_column_may_name_a_row_and_be_a_feature_as_well() -> None:
    spec = spec_of({"id": ["id", "zip"]}, features={"categories": ["zip"]})
    result = typed(pd.DataFrame({"id": ["7"], "sold": "2026-01-02", "zip": [1234]}), spec)
    assert result.frame.iloc[0].drop("sold").to_dict() == {"row_id": "7|1234", "id": "7", "zip": "1234"}


def test_a_row_without_a_weight_above_0_is_a_fault() -> None:
    spec = spec_of(scope=HOUSES["scope"] | {"weight": "amount"})
    frame = pd.DataFrame({"id": [*"abcdef"], "sold": "2026-01-02", "rooms": "3"})
    result = typed(frame.assign(amount=["2.5", "0", "-1", "", "many", "inf"]), spec)
    assert faulty(result) == {
        "not_a_number:amount": [4],
        "not_finite:amount": [5],
        "missing_weight:amount": [3],
        "weight_not_positive:amount": [1, 2],
    }
    assert result.frame["amount"].iloc[0] == 2.5
