"""Expectations on single rows have the results that Great Expectations has on a column."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.package import rule_fault
from tasks.row_contract import RowRule
from tasks.row_contract.row_rules import CHECKS, check_of
from tasks.validate.contract.expectations import evaluate
from tasks.validate.contract.suite import Expectation, Suite

KINDS = {"x": "number", "y": "number", "text": "category", "flag": "boolean", "at": "time", "until": "time"}
BETWEEN = "expect_column_values_to_be_between"
GREATER = "expect_column_pair_values_a_to_be_greater_than_b"
MATCHES = "expect_column_values_to_match_regex"
TIMES = (datetime(2026, 1, 2), datetime(2026, 1, 2, 0, 0, 0, 1), None)  # noqa: DTZ001 - wall-clock times
VALUES: dict[str, tuple[Any, ...]] = {
    "x": (-1.0, -0.0, 1.0, np.nextafter(1.0, 2), 3.0, 1e300, None),
    "y": (0.0, 1.0, 3.0, None),
    "text": ("98178", "9817x", "b\u00e9b\u00e9", "\u0661\u0662", "aa", "a\nb", "A-1", "x" * 40, None),
    "flag": (True, False, None),
    "at": TIMES,
    "until": TIMES,
}
PATTERNS = (r"^98\d{3}$", r"\d", r"\w+$", r"^.{2,5}$", "[^a-z0-9]", "(a|b)+", "^(?:x|98)", r"^\D*$", "\u00e9")
RULES: list[tuple[str, dict[str, Any]]] = [
    *[(f"expect_column_values_to_{which}be_null", {"column": name}) for which in ("", "not_") for name in KINDS],
    (BETWEEN, {"column": "x", "min_value": 1}),
    (BETWEEN, {"column": "x", "max_value": 1}),
    (BETWEEN, {"column": "x", "min_value": 0, "max_value": 3, "strict_min": True}),
    (BETWEEN, {"column": "x", "min_value": -1, "max_value": 3.0, "strict_max": True}),
    ("expect_column_values_to_be_in_set", {"column": "x", "value_set": [0, 1, 3.0]}),
    ("expect_column_values_to_not_be_in_set", {"column": "x", "value_set": [0, 1]}),
    ("expect_column_values_to_be_in_set", {"column": "text", "value_set": ["aa", "98178"]}),
    ("expect_column_values_to_not_be_in_set", {"column": "text", "value_set": ["aa"]}),
    *[
        (rule, {"column": "text", "regex": pattern})
        for rule in (MATCHES, "expect_column_values_to_not_match_regex")
        for pattern in PATTERNS
    ],
    ("expect_column_value_lengths_to_be_between", {"column": "text", "min_value": 3, "max_value": 5}),
    ("expect_column_value_lengths_to_be_between", {"column": "text", "max_value": 4}),
    ("expect_column_value_lengths_to_equal", {"column": "text", "value": 4}),
    (GREATER, {"column_A": "x", "column_B": "y", "or_equal": True}),
    *[
        (rule, {"column_A": one, "column_B": other, **more})
        for rule in (GREATER, "expect_column_pair_values_to_be_equal")
        for one, other in (("x", "y"), ("y", "x"), ("at", "until"))
        for more in ({}, {"ignore_row_if": "either_value_is_missing"}, {"ignore_row_if": "neither"})
    ],
]  # fmt: skip


def columns_of(limits: dict[str, Any]) -> tuple[str, ...]:
    return tuple(limits[name] for name in ("column", "column_A", "column_B") if name in limits)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Return rows with every value, and every pair of numbers and of times."""
    pairs = itertools.product(VALUES["x"], VALUES["y"])
    times = itertools.cycle(itertools.product(TIMES, TIMES))
    others = zip(itertools.cycle(VALUES["text"]), itertools.cycle(VALUES["flag"]), times, strict=False)
    return [
        {"x": x, "y": y, "text": text, "flag": flag, "at": at, "until": until}
        for (x, y), (text, flag, (at, until)) in zip(pairs, others, strict=False)
    ]


@pytest.fixture(scope="module")
def refused(rows: list[dict[str, Any]]) -> list[set[int]]:
    """Return the rows that Great Expectations refuses, for each rule."""
    frame = pd.DataFrame(rows).astype(
        {
            "x": "float64",
            "y": "float64",
            "text": "str",
            "flag": "boolean",
            "at": "datetime64[us]",
            "until": "datetime64[us]",
        }
    )
    expectations = tuple(Expectation({"type": rule, "kwargs": limits}, columns_of(limits)) for rule, limits in RULES)
    failures = evaluate(frame, Suite(Path("suite.json"), expectations))
    by_rule = {id(failure.expectation): set(failure.rows.tolist()) for failure in failures if failure.rows is not None}
    return [by_rule.get(id(expectation), set()) for expectation in expectations]


@pytest.mark.parametrize("number", range(len(RULES)), ids=[f"{rule[7:]}-{limits}" for rule, limits in RULES])
def test_each_rule_refuses_the_rows_that_great_expectations_refuses(
    number: int, rows: list[dict[str, Any]], refused: list[set[int]]
) -> None:
    name, limits = RULES[number]
    rest = {key: value for key, value in limits.items() if not key.startswith("column")}
    rule = RowRule(rule=name, columns=columns_of(limits), limits=rest)
    assert rule_fault(rule, KINDS) is None
    check = check_of(rule)
    assert {place for place, row in enumerate(rows) if not check(row)} == refused[number]


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _ in RULES} == set(CHECKS)


@pytest.mark.parametrize(
    ("name", "columns", "limits", "fault"),
    [
        ("expect_column_values_to_be_unique", ("x",), {}, "it is none of"),
        (BETWEEN, ("text",), {"min_value": 1}, "it is about a category"),
        (BETWEEN, ("at",), {"min_value": "2026-01-01"}, "expected numbers"),
        (BETWEEN, ("x",), {"min_value": True}, "expected numbers"),
        ("expect_column_values_to_be_in_set", ("x",), {"value_set": ["1"]}, "not all of the kind"),
        ("expect_column_values_to_be_in_set", ("text",), {"value_set": ["a", 1]}, "not all of the kind"),
        ("expect_column_values_to_be_in_set", ("flag",), {"value_set": [True]}, "not all of the kind"),
        ("expect_column_values_to_be_in_set", ("x",), {"value_set": None}, "expected a list"),
        (MATCHES, ("x",), {"regex": "a"}, "it is about a number"),
        (MATCHES, ("text",), {"regex": "("}, "cannot read the pattern"),
        (MATCHES, ("text",), {"regex": r"\bx"}, "the pattern uses at"),
        (MATCHES, ("text",), {"regex": r"(?i)x"}, "the pattern sets flags"),
        (MATCHES, ("text",), {"regex": r"(?i:x)"}, "the pattern sets flags"),
        (MATCHES, ("text",), {"regex": r"[\s]"}, "a set with blanks"),
        (MATCHES, ("text",), {"regex": r"(x)\1"}, "the pattern uses groupref"),
        (MATCHES, ("text",), {"regex": r"(x+|y)*z"}, "nests repetitions"),
        (MATCHES, ("text",), {"regex": "a{2000}"}, "more than 1000"),
        (MATCHES, ("text",), {"regex": "a*b*c*d"}, "3 repetitions without an end"),
        (GREATER, ("x", "at"), {}, "it is about a number and a time"),
        (GREATER, ("flag", "flag"), {}, "it is about a boolean"),
    ],
)
def test_what_single_rows_cannot_be_checked_for_has_a_reason(
    name: str, columns: tuple[str, ...], limits: dict[str, Any], fault: str
) -> None:
    assert fault in (rule_fault(RowRule(rule=name, columns=columns, limits=limits), KINDS) or "")
