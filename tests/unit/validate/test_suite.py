from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import ContractError
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Suite, read_suite
from tasks.validate.contract import expectations
from tasks.validate.contract.expectation_scope import split_by_scope
from tasks.validate.contract.expectations import FailedExpectation, evaluate, evaluate_frames
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.plain_rules import plainly_holds
from tasks.validate.contract.suite import Expectation

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))


def spec_of(source: dict[str, Any] | None = None, **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, **parts, "source": HOUSES["source"] | (source or {})})


FEATURES = {"numbers": ["rooms", "size"], "booleans": ["pool"], "categories": ["zip"]}


def expectation(kind: str, severity: str | None = None, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs, **({"severity": severity} if severity else {})}


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Suite]:
    def write(*expectations: dict[str, Any]) -> Suite:
        path = tmp_path / "expectations.json"
        path.write_text(json.dumps({"name": "houses", "expectations": expectations}))
        return read_suite(path, spec_of(features=FEATURES))

    return write


MakeSuite = Callable[..., Suite]
ROWS = pd.DataFrame(
    {
        "rooms": [3.0, 99.0, None, 5.0],
        "size": [100.0, 90.0, 80.0, 5.0],
        "pool": pd.array([True, None, False, True], dtype="boolean"),
        "zip": pd.array(["98178", "x", None, "98001"], dtype="str"),
    }
)
MIXED = (
    expectation("column_values_to_be_between", column="rooms", max_value=40),
    expectation("column_values_to_match_regex", "warning", column="zip", regex=r"^98\d{3}$"),
    expectation("column_values_to_not_be_null", "info", column="pool"),
    expectation("column_values_to_be_unique", column="size"),
    expectation(
        "column_pair_values_a_to_be_greater_than_b",
        column_A="size",
        column_B="rooms",
        ignore_row_if="either_value_is_missing",
    ),
    expectation("column_values_to_be_between", "warning", column="size", min_value=10, mostly=0.7),
    expectation("table_row_count_to_be_between", max_value=3),
    expectation("column_median_to_be_between", column="size", min_value=200),
)


Outcome = tuple[str, str, list[int] | None]


def outcomes(failures: list[FailedExpectation]) -> list[Outcome]:
    return [(each.reason, each.severity, None if each.rows is None else each.rows.tolist()) for each in failures]


def evaluated(frame: pd.DataFrame, suite: Suite) -> list[Outcome]:
    return outcomes(evaluate(frame.reset_index(drop=True), suite))


def test_a_suite_says_which_rows_broke_which_expectation_and_how_grave_it_is(suite_of: MakeSuite) -> None:
    assert evaluated(ROWS, suite_of(*MIXED)) == [
        ("expect_column_values_to_be_between:rooms", "critical", [1]),
        ("expect_column_values_to_match_regex:zip", "warning", [1]),
        ("expect_column_values_to_not_be_null:pool", "info", [1]),
        ("expect_column_pair_values_a_to_be_greater_than_b:size:rooms", "critical", [1, 3]),
        ("expect_table_row_count_to_be_between", "critical", None),
        ("expect_column_median_to_be_between:size", "critical", None),
    ]


def test_two_expectations_of_one_type_on_one_column_are_both_asked(suite_of: MakeSuite) -> None:
    grave = expectation("column_values_to_be_between", column="rooms", max_value=40)
    slight = expectation("column_values_to_be_between", "warning", column="rooms", max_value=4)
    failures = evaluated(ROWS, suite_of(grave, slight))
    assert [(severity, rows) for _, severity, rows in failures] == [("critical", [1]), ("warning", [1, 3])]


def test_several_frames_in_one_run_are_judged_as_each_by_itself(suite_of: MakeSuite) -> None:
    suite = suite_of(*MIXED)
    each_row, delivery = split_by_scope(suite)
    frames = [ROWS, ROWS.iloc[:2], ROWS.iloc[[3]], pd.concat([ROWS, ROWS.iloc[::-1]]), ROWS.iloc[[0]]]
    together = [outcomes(failures) for failures in evaluate_frames(frames, each_row)]
    assert together == [evaluated(frame, each_row) for frame in frames]
    for frame, of_rows in zip(frames, together, strict=True):
        assert sorted([*of_rows, *evaluated(frame, delivery)], key=str) == sorted(evaluated(frame, suite), key=str)
    assert evaluate_frames([], each_row) == []


NUMBERS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([-1.5, 2.5, float("inf"), 2.0**53, 2**53 + 1]))
RULES = st.one_of(
    st.builds(
        lambda low, high: expectation("column_values_to_be_between", column="rooms", min_value=low, max_value=high),
        NUMBERS,
        NUMBERS,
    ).filter(lambda rule: set(rule["kwargs"].values()) != {"rooms", None} and _ordered(rule["kwargs"])),
    st.builds(
        lambda known: expectation("column_values_to_be_in_set", column="zip", value_set=known),
        st.lists(st.sampled_from(["", "a", "b", "é"]), unique=True, min_size=1),
    ),
    st.sampled_from(["rooms", "zip", "pool"]).map(
        lambda name: expectation("column_values_to_not_be_null", column=name)
    ),
)


def _ordered(limits: dict[str, Any]) -> bool:
    low, high = limits["min_value"], limits["max_value"]
    return low is None or high is None or bool(low <= high)


@given(
    rule=RULES,
    rooms=st.lists(NUMBERS.map(lambda value: np.nan if value is None else float(value)), min_size=3, max_size=3),
    zips=st.lists(st.sampled_from([None, "", "a", "b", "é"]), min_size=3, max_size=3),
)
@settings(max_examples=60)
def test_what_plainly_holds_holds_by_great_expectations(
    rule: dict[str, Any], rooms: list[float], zips: list[str | None]
) -> None:
    rows = pd.DataFrame({"rooms": rooms, "zip": pd.array(zips, dtype="str"), "pool": pd.array([True] * 3, "boolean")})
    asked = Expectation(rule, (rule["kwargs"]["column"],))
    if plainly_holds(asked, rows):
        assert evaluate(rows, Suite(Path("expectations.json"), (asked,))) == []


def test_only_what_may_not_hold_is_asked_of_great_expectations(suite_of: MakeSuite) -> None:
    suite = suite_of(MIXED[0], MIXED[2])
    with patch.object(expectations, "_failed_results", side_effect=AssertionError("asked")) as asked:
        assert evaluate_frames([ROWS.iloc[[0, 3]]], suite) == [[]]
        with pytest.raises(AssertionError, match="asked"):
            evaluate_frames([ROWS.iloc[[0, 1]].assign(pool=True)], suite)
    ((_, left, _), _) = asked.call_args
    assert left.expectations == suite.expectations[:1]


@pytest.mark.parametrize(
    ("column", "kind", "limits"),
    [
        ("rooms", "between", {"min_value": 0, "strict_min": True}),  # what tolerates or tightens is left to it
        ("rooms", "between", {"min_value": True}),
        ("rooms", "between", {}),
        ("zip", "between", {"min_value": 0}),
        ("zip", "in_set", {"value_set": []}),
        ("zip", "in_set", {"value_set": [98178, "98001"]}),
        ("pool", "in_set", {"value_set": [True, False]}),
        ("size", "in_set", {"value_set": [100.0, 5.0]}),
        ("street", "between", {"min_value": 0}),
    ],
)
def test_what_one_pass_cannot_be_sure_of_is_left_to_great_expectations(
    column: str, kind: str, limits: dict[str, Any]
) -> None:
    rule = expectation(f"column_values_to_be_{kind}", column=column, **limits)
    assert not plainly_holds(Expectation(rule, (column,)), ROWS.iloc[[0, 3]])


def test_a_column_without_any_value_is_left_to_great_expectations() -> None:
    nothing = pd.DataFrame({"rooms": [np.nan], "zip": pd.array([None], dtype="str")})
    for rule in (
        expectation("column_values_to_be_between", column="rooms", min_value=0),
        expectation("column_values_to_be_in_set", column="zip", value_set=["a"]),
    ):
        assert not plainly_holds(Expectation(rule, (rule["kwargs"]["column"],)), nothing)


def test_an_expectation_about_the_delivery_is_not_evaluated_on_several_together(suite_of: MakeSuite) -> None:
    with pytest.raises(TypeError, match="result has no rows"):
        evaluate_frames([ROWS, ROWS], suite_of(expectation("table_row_count_to_be_between", max_value=3)))


def test_threads_do_not_disturb_each_other(suite_of: MakeSuite) -> None:
    suite = suite_of(*MIXED)
    frames = [ROWS.iloc[:count] for count in (1, 2, 3, 4)] * 2
    alone = [evaluated(frame, suite) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda frame: evaluated(frame, suite), frames)) == alone


def test_a_run_is_quiet(suite_of: MakeSuite, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        evaluated(ROWS, suite_of(*MIXED))
    assert heard == []
    assert capfd.readouterr() == ("", "")


def test_an_empty_suite_asks_nothing(suite_of: MakeSuite) -> None:
    assert evaluated(ROWS, suite_of()) == []
    assert evaluate_frames([ROWS], suite_of()) == [[]]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ('{"name": "mine"}', "no list 'expectations'"),
        ("[]", "no list 'expectations'"),
        ('{"expectations": [{"kwargs": {}}]}', "expectation 1 lacks"),
        (json.dumps({"expectations": [expectation("column_values_to_be_nice", column="rooms")]}), "refuses"),
        (
            json.dumps({"expectations": [expectation("column_values_to_not_be_null", column="room")]}),
            "did you mean 'rooms'",
        ),
        (json.dumps({"expectations": [expectation("column_values_to_not_be_null", "bad", column="rooms")]}), "refuses"),
        (json.dumps({"expectations": [expectation("column_values_to_be_between", column="rooms", mx=1)]}), "refuses"),
        (
            json.dumps(
                {"expectations": [expectation("column_pair_values_to_be_equal", column_A="price", column_B="size")]}
            ),
            "land separately",
        ),
    ],
)
def test_a_file_that_is_no_usable_suite_is_named_with_what_to_do(
    content: str | None, match: str, tmp_path: Path
) -> None:
    path = tmp_path / "expectations.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ContractError, match=match) as caught:
        read_suite(path, spec_of(features=FEATURES))
    assert str(path) in str(caught.value)


def test_an_expectation_that_cannot_be_computed_is_the_suites_fault_and_not_the_datas(suite_of: MakeSuite) -> None:
    suite = suite_of(expectation("column_values_to_be_between", column="zip", max_value=40))
    with pytest.raises(ContractError, match=r"expectations\.json: expect_column_values_to_be_between on \['zip'\]"):
        evaluated(ROWS, suite)


def test_an_expectation_builds_its_configuration_once_and_only_inside_the_block() -> None:
    with quiet_great_expectations():  # its import warns
        from great_expectations.expectations.core import ExpectColumnValuesToNotBeNull
        from great_expectations.expectations.expectation import Expectation

    as_built = vars(Expectation)["configuration"]
    with quiet_great_expectations():
        one, other = ExpectColumnValuesToNotBeNull(column="a"), ExpectColumnValuesToNotBeNull(column="b")
        assert one.configuration is one.configuration
        assert one.configuration.kwargs == {"column": "a"}
        assert other.configuration.kwargs == {"column": "b"}
    assert vars(Expectation)["configuration"] is as_built
