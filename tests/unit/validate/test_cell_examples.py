"""A finding about cells that cannot be read shows some of them, and the key of the spec that would read them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Suite, check_all, check_labels

SPEC: dict[str, Any] = {
    "project": "shop",
    "scope": {"owner": "me", "objective": "Price.", "metric": "mean_absolute_error"},
    "source": {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price", "uri": "prices"}},
    "features": {"numbers": ["size"], "booleans": ["paid"]},
}


def said(changes: dict[str, Any], **spec: Any) -> str:
    rows = {"id": [f"{n}" for n in range(4)], "sold": "2026-01-02", "size": "1", "paid": "yes"} | changes
    delivery = Delivery("b", Landed("rows", "a.csv", 1, date(2026, 1, 3)), pd.DataFrame(rows, dtype="str"))
    (checked,) = check_all([delivery], ProjectSpec.model_validate(SPEC | spec), Suite(Path("none")))
    return checked.findings[0].message


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        (
            {"size": ["1,5", "2,25", "1,5", "7,5"]},
            "'1,5', '2,25', '7,5'; if ',' is the decimal sign, say `decimal: ','`",
        ),
        ({"size": "15,900"}, "such as '15,900'; if digits are grouped, say `thousands: ','` there"),
        ({"sold": "31.12.2025"}, "if dates with points begin with the day, say `time_format: '%d.%m.%Y'` there"),
        ({"sold": ["a", "b", "c", "d"]}, "such as 'a', 'b', 'c'"),
        ({"paid": "x" * 99}, f"such as '{'x' * 40}'"),
    ],
)
def test_up_to_three_cells_are_shown_with_the_likely_key(changes: dict[str, Any], shown: str) -> None:
    assert said(changes).endswith(shown) or shown in said(changes)


def test_a_project_with_private_columns_shows_no_cell() -> None:
    text = said({"size": "Ann Smith"}, privacy={"drop": ["name"]})
    assert text == "4 of 4 rows: size is not a number"


def test_labels_show_cells_by_their_own_files() -> None:
    frame = pd.DataFrame({"id": ["1", "2"], "price": ["1,5", "cheap"]}, dtype="str")
    delivery = Delivery("b", Landed("labels", "a.csv", 1, date(2026, 1, 3)), frame)
    label = SPEC["source"]["label"] | {"decimal": ","}
    spec = ProjectSpec.model_validate(SPEC | {"source": SPEC["source"] | {"label": label}})
    (finding, *_) = check_labels(delivery, spec).findings
    assert finding.message == "1 of 2 rows: price is not a number: such as 'cheap'"
