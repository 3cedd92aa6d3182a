from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.features import LeakageContext, leaks
from tasks.spec.project_spec import ProjectSpec

RANDOM = np.random.default_rng(0)
ROWS = 400
DAY = date(2026, 1, 1)


def spec_of(task: str = "regression", **features: Any) -> ProjectSpec:
    metric = "log_loss" if task == "binary" else "mean_absolute_error"
    return ProjectSpec.model_validate(
        {
            "project": "shop",
            "scope": {"owner": "me", "objective": "prices", "metric": metric},
            "source": {"uri": "rows", "id": ["id"], "event_time": "time", "label": {"column": "y"}},
            "features": features,
            "training": {"task": task},
        }
    )


def rows_of(task: str = "regression", **columns: Any) -> pd.DataFrame:
    size = RANDOM.normal(size=ROWS)
    y = size + RANDOM.normal(size=ROWS)
    label = (y > 0).astype(float) if task == "binary" else y
    names = [f"r{number}" for number in range(ROWS)]
    return pd.DataFrame({"row_id": names, "size": size, "y": label, **columns})


def found(rows: pd.DataFrame, spec: ProjectSpec, context: LeakageContext | None = None) -> list[tuple[str, str]]:
    return [(each.column, each.kind) for each in leaks(rows, spec, context)]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_an_honest_feature_is_no_leak(task: str) -> None:
    assert found(rows_of(task), spec_of(task, numbers=["size"])) == []


def test_a_copy_of_the_label_and_what_only_follows_it_are_named() -> None:
    rows = rows_of()
    rows = rows.assign(tax=rows["y"] * 0.19, away=(rows["y"] - 0.5).abs() + 0.001 * RANDOM.normal(size=ROWS))
    assert found(rows, spec_of(numbers=["size", "tax"])) == [("tax", "copy")]
    # |y - 1/2| gives the size of y's distance but not its side: no leak by itself
    assert found(rows, spec_of(numbers=["away"])) == []


def test_a_feature_that_determines_the_label_without_being_in_its_order_is_found() -> None:
    rows = rows_of()
    # zigzag: rises to 100, jumps down, rises again; each value has one label
    folded = np.where(rows["y"] > 0, rows["y"], 50 - rows["y"])
    assert found(rows.assign(folded=folded), spec_of(numbers=["folded"])) == [("folded", "alone")]


def test_a_feature_that_is_filled_where_the_event_happened_is_found() -> None:
    rows = rows_of("binary")
    rows = rows.assign(refund=np.where(rows["y"] == 1, RANDOM.normal(size=ROWS), np.nan))
    (leak,) = leaks(rows, spec_of("binary", numbers=["refund"]))
    assert leak.kind == "missingness"
    assert leak.why.startswith("where it is filled, the label is 1, or higher,")


def test_a_feature_that_is_filled_only_once_there_is_a_label_is_found() -> None:
    rows = rows_of(paid="yes")
    waiting = rows.drop(columns="y").assign(paid=None)
    assert found(rows, spec_of(numbers=["size"], categories=["paid"]), LeakageContext(unlabelled=waiting)) == [
        ("paid", "filled_with_label")
    ]


def test_a_feature_that_is_corrected_afterwards_is_found() -> None:
    rows = rows_of(plan="pro")
    first = rows.assign(plan=["basic"] * 40 + ["pro"] * (ROWS - 40))  # a tenth
    context = LeakageContext(first=first)
    assert found(rows, spec_of(numbers=["size"], categories=["plan"]), context) == [("plan", "corrected")]


@pytest.mark.parametrize(("delay", "expected"), [(0, [("balance", "late")]), (3, [])])
def test_a_table_with_values_later_than_its_delay_is_found(delay: int, expected: list[tuple[str, str]]) -> None:
    table = {
        "name": "accounts",
        "uri": "accounts",
        "entity": ["account"],
        "event_time": "day",
        "columns": {"numbers": ["balance"]},
        "delay_days": delay,
    }
    days = [DAY + timedelta(days=number) for number in range(30)]
    history = pd.DataFrame({"event_date": [DAY] * 30, "arrival": DAY + timedelta(days=1)})
    values = pd.DataFrame({"event_date": days[1:], "arrival": [day + timedelta(days=3) for day in days[1:]]})
    context = LeakageContext(tables={"accounts": pd.concat([history, values])})
    rows = rows_of(balance=RANDOM.normal(size=ROWS))
    assert found(rows, spec_of(numbers=["size"], tables=[table]), context) == expected
