"""A broken delivery of a feature table is found by itself, and how a source always delivers is no fault."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.monitor.table_checks.values_check import ValuesCheck
from tasks.spec import ProjectSpec

FIRST, KNOWN, ROWS = date(2026, 1, 5), 28, 40
MMOL = 0.6206
TABLE = {
    "name": "values",
    "uri": "values",
    "entity": ["patient"],
    "event_time": "taken",
    "columns": {"numbers": ["haemoglobin", "troponin"], "categories": ["assay"]},
}
SPEC = ProjectSpec.model_validate(
    {
        "project": "clinic",
        "scope": {"owner": "o", "objective": "x", "metric": "log_loss"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["age"], "tables": [TABLE]},
        "training": {"task": "binary"},
        "monitoring": {"min_rows": 25},
    }
)


def delivery(number: int, laboratory: str = "T", rows: int = ROWS, **changes: float | str) -> pd.DataFrame:
    """Return the values of one laboratory on a day; each has an assay of its own."""
    rng = np.random.default_rng([7, number, ord(laboratory)])
    frame = pd.DataFrame(
        {
            "event_date": FIRST + timedelta(days=number),
            "haemoglobin": rng.normal(13.4, 1.5, rows).round(1),
            "troponin": np.exp(rng.normal(2.4, 0.8, rows)),
            "assay": pd.Series([laboratory] * rows, dtype="str"),
        }
    )
    for name, change in changes.items():
        frame[name] = (
            change if isinstance(change, str) else (frame[name] * change).round(1 if name == "haemoglobin" else 3)
        )
    return frame


def checked(*last: pd.DataFrame, days: int = KNOWN) -> list[list[str]]:
    """Return what is found in deliveries that follow on days with one of each laboratory."""
    check, (table,) = ValuesCheck(SPEC, {}), SPEC.features.tables
    usual = [check(table, delivery(number, name)) for number in range(days) for name in "TU"]
    assert not any(usual)
    return [[f"{found.rule} of {found.column}" for found in check(table, frame)] for frame in last]


def test_another_unit_is_found_in_each_delivery_until_the_values_are_as_before() -> None:
    wrong = [delivery(KNOWN + number, haemoglobin=MMOL) for number in range(3)]
    found = checked(*wrong, delivery(KNOWN + 3))
    assert found == [["unit_change of haemoglobin"]] * 3 + [[]]


def test_a_source_that_delivers_in_its_own_unit_is_not_asked_about_again_once_it_was_accepted() -> None:
    check, (table,) = ValuesCheck(SPEC, {}), SPEC.features.tables
    for number in range(KNOWN):
        check(table, delivery(number, "T"))
        check(table, delivery(number, "U", rows=20, haemoglobin=MMOL))  # too few to be judged or remembered
    released = pd.concat([delivery(KNOWN, "U", haemoglobin=MMOL), delivery(KNOWN, "T", rows=400)])
    assert check(table, released) == ()
    assert check(table, delivery(KNOWN + 1, "T")) == ()


def test_values_of_a_kind_never_met_may_be_in_a_unit_of_their_own() -> None:
    assert checked(delivery(KNOWN, troponin=0.1, assay="new"), delivery(KNOWN + 1, troponin=0.1, assay="new")) == [
        [],
        [],
    ]
    assert checked(delivery(KNOWN, troponin=0.1)) == [["unit_change of troponin"]]


@pytest.mark.parametrize(("days", "rows"), [(13, ROWS), (KNOWN, 20)])
def test_nothing_is_said_of_few_days_or_few_rows(days: int, rows: int) -> None:
    assert checked(delivery(days, rows=rows, haemoglobin=MMOL), days=days) == [[]]
