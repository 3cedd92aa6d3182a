from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.spec.project_spec import ProjectSpec
from tasks.validate import label_markdown, label_report
from tasks.validate.label_quality.consistency_markdown import inconsistencies
from tasks.validate.label_quality.label_distribution import jumps

DAY = date(2026, 1, 1)


def spec_of(task: str = "binary", **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "houses",
            "scope": {
                "owner": "me",
                "objective": "prices",
                "metric": "log_loss" if task == "binary" else "mean_absolute_error",
            },
            "source": {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "y"}},
            "features": {"numbers": ["size"], "categories": ["zip"]},
            "training": {"task": task},
            **parts,
        }
    )


def rows_of(count: int, **columns: Any) -> pd.DataFrame:
    plain = {
        "row_id": [f"r{number}" for number in range(count)],
        "size": [float(number) for number in range(count)],
        "zip": "a",
        "event_date": [DAY + timedelta(days=number % 5) for number in range(count)],
    }
    return pd.DataFrame({**plain, **columns})


def test_rows_that_are_the_same_and_labelled_differently_are_counted_and_named() -> None:
    rows = rows_of(6, size=[1.0, 1.0, 2.0, 2.0, 3.0, np.nan], y=[0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    same = label_report(rows, spec_of()).same
    assert (same.groups, same.rows, same.groups_apart, same.rows_apart) == (2, 4, 1, 2)
    assert same.examples == (("r0", "r1"),)


def test_with_privacy_rows_are_counted_and_not_named() -> None:
    rows = rows_of(6, size=[1.0, 1.0, 2.0, 2.0, 3.0, np.nan], y=[0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    report = label_report(rows, spec_of(privacy={"consent": "agreed"}))
    assert (report.same.rows_apart, report.same.examples, report.near.examples, report.wrong.listed) == (2, (), (), ())


def test_two_prices_of_one_kind_of_house_differ_from_half_a_standard_deviation_on() -> None:
    # mean 50, sample variance (5 x 2500) / 5 = 2500, sd 50: half of it is 25
    y = [0.0, 100.0, 0.0, 100.0, 30.0, 70.0]
    sd = float(pd.Series(y).std())
    rows = rows_of(6, size=[1.0, 2.0, 3.0, 4.0, 5.0, 5.0], y=y)
    assert sd / 2 < 70 - 30
    assert label_report(rows, spec_of("regression")).same.rows_apart == 2
    closer = rows.assign(y=[*y[:4], 45.0, 55.0])
    assert label_report(closer, spec_of("regression")).same.rows_apart == 0


def test_nearly_the_same_rows_are_near_and_another_zip_is_far() -> None:
    size = [*np.linspace(0, 90, 10), 0.01, 90.01]
    rows = rows_of(12, size=size, zip=[*"aaaaaaaaaa", "a", "b"], y=[0.0] * 10 + [1.0, 1.0])
    near = label_report(rows, spec_of()).near
    assert (near.groups, near.groups_apart, near.examples) == (1, 1, (("r0", "r10"),))


def test_a_sudden_share_of_yes_is_a_jump_and_a_slow_rise_is_none() -> None:
    days = pd.Series([DAY + timedelta(days=day) for day in range(12) for _ in range(40)])
    steady = pd.Series([0.0, 1.0, 0.0, 0.0] * 10 * 12)
    assert jumps(days, steady, 1) == []
    sudden = steady.copy()
    sudden.iloc[-40:] = 1.0
    found = jumps(days, sudden, 1)
    assert [(each.start, each.rows, each.level, each.before) for each in found] == [
        (DAY + timedelta(days=11), 40, 1.0, 0.25)
    ]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_labels_that_were_exchanged_are_found_to_be_likely_wrong(task: str) -> None:
    random = np.random.default_rng(0)
    size = random.uniform(-1, 1, 1_500)
    y = (size > 0).astype(float) if task == "binary" else 100 * size + random.normal(size=1_500)
    wrong = [np.argmin(np.abs(size - where)) for where in (-0.9, -0.6, -0.3, 0.3, 0.6, 0.9)]
    y[wrong] = 1 - y[wrong] if task == "binary" else -y[wrong]
    report = label_report(rows_of(1_500, size=size, y=y), spec_of(task))
    listed = {each.row_id for each in report.wrong.listed}
    assert {f"r{number}" for number in wrong} <= listed
    assert report.wrong.found <= 12
    assert any("likely wrong" in text for text in inconsistencies(report))


def test_slices_with_few_rows_are_named_but_not_those_too_rare_to_show() -> None:
    rows = rows_of(60, zip=[*["a"] * 50, *["b"] * 8, "Ann Smith", None], y=[0.0, 1.0] * 30)
    report = label_report(rows, spec_of())
    assert [(each.value, each.rows) for each in report.slices] == [("a", 50), ("b", 8), ("(rare)", 1), ("(missing)", 1)]
    assert [each.value for each in report.thin] == ["b", "(rare)", "(missing)"]
    assert "Ann" not in label_markdown(report)


def test_rows_labelled_again_are_counted_and_those_that_differ() -> None:
    ledger = pd.DataFrame({"row_id": ["r0", "r0", "r1", "r1", "r2"], "label": [0.0, 1.0, 1.0, 1.0, 0.0]})
    again = label_report(rows_of(3, y=[1.0, 1.0, 0.0]), spec_of(), ledger).relabelled
    assert (again.rows, again.rows_apart) == (2, 1)


def test_a_report_is_plain_json_and_its_text_is_safe() -> None:
    rows = rows_of(40, zip=["<script>|x"] * 40, y=[0.0, 1.0] * 20)
    report = label_report(rows, spec_of())
    assert json.loads(json.dumps(report.to_dict()))["labelled"] == 40
    assert "<script>" not in label_markdown(report)


ODD = st.sampled_from([0.0, 1.0, None, float("inf"), "x", True, -1e300, 3])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(ODD, ODD, ODD), max_size=9),
    st.sampled_from([["size", "zip", "y"], ["zip", "y", "other"], ["size", "zip", "other"]]),
    st.sampled_from(["binary", "regression"]),
    st.booleans(),
)
def test_whatever_the_data_holds_a_report_comes_out(
    cells: list[tuple[Any, ...]], names: list[str], task: str, dated: bool
) -> None:
    rows = pd.DataFrame(cells, columns=names)
    if dated:
        rows = rows.assign(event_date=DAY)
    report = label_report(rows, spec_of(task, gate={"slices": ["zip"]}))
    assert report.labelled <= report.rows == len(cells)
    assert label_markdown(report).startswith("# Labels")
