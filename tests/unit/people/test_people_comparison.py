"""People next to the model: agreement, errors against the truth, who was right, by slice."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from tasks.people import compared_rows, compared_slices
from tasks.spec import ProjectSpec

SPEC = {
    "project": "screens",
    "scope": {"owner": "me", "objective": "A test.", "metric": "error_rate"},
    "source": {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "fault", "uri": "faults"}},
    "features": {"numbers": ["glare"], "categories": ["lamp"]},
    "decisions": {"slices": ["lamp"]},
    "training": {"task": "multiclass"},
}


def spec_of(**changes: object) -> ProjectSpec:
    return ProjectSpec.model_validate({**SPEC, **changes})


def rows_of(person: str, model: str, truth: str) -> pd.DataFrame:
    """Return rows, a letter each; a dot is a truth that is not known yet."""
    label = pd.array([None if letter == "." else letter for letter in truth], dtype="str")
    frame = {"decision": list(person), "predicted_class": list(model), "label": label, "confidence": 0.9}
    return pd.DataFrame({**frame, "prediction": 0.0, "event_date": date(2026, 2, 3)})


def test_agreement_is_of_all_rows_and_errors_are_of_those_with_a_known_truth() -> None:
    found = compared_rows(rows_of("aabbab", "aabaab", "aab.bb"), spec_of())
    assert (found.rows, found.labelled) == (6, 5)
    assert found.agreement is not None
    assert found.person_error is not None
    assert found.model_error is not None
    assert (found.agreement.value, found.person_error.value, found.model_error.value) == (5 / 6, 1 / 5, 1 / 5)
    assert found.one_right == 0, "both were wrong on the fifth row"


def test_where_they_differ_the_one_who_was_right_is_counted() -> None:
    """The model on three rows, the person on one; on the fifth both are wrong, in another way."""
    found = compared_rows(rows_of("bbbac", "aaaba", "aaaab"), spec_of())
    assert found.one_right == 4
    assert found.model_right is not None
    assert found.model_right.value == 0.75
    assert found.model_right.low < 0.5 < found.model_right.high, "four rows do not decide it"
    many = compared_rows(rows_of("b" * 30, "a" * 30, "a" * 30), spec_of())
    assert many.model_right is not None
    assert many.model_right.low > 0.5


def test_numbers_agree_within_the_tolerance_and_the_nearer_one_is_right() -> None:
    scope = {**SPEC["scope"], "metric": "mean_absolute_error"}  # type: ignore[dict-item]
    spec = spec_of(scope=scope, training={"task": "regression"}, decisions={"tolerance": 2})
    numbers = {"decision": [10.0, 10.0, 10.0], "prediction": [12.0, 13.0, 10.0], "label": [11.5, 10.0, 3.0]}
    rows = pd.DataFrame({**numbers, "confidence": 0.0, "event_date": date(2026, 2, 3)})
    found = compared_rows(rows, spec)
    assert found.agreement is not None
    assert found.person_error is None, "three rows have no interval of a number"
    assert found.agreement.value == 2 / 3
    assert found.one_right == 2
    assert found.model_right is not None
    assert found.model_right.value == 0.5
    ten_days = pd.concat([rows.assign(event_date=date(2026, 2, 3 + day)) for day in range(10)], ignore_index=True)
    errors = compared_rows(ten_days, spec).person_error
    assert errors is not None
    assert errors.value == pytest.approx(8.5 / 3)


def test_slices_with_few_rows_are_not_shown_and_all_intervals_hold_together() -> None:
    rows = pd.concat([rows_of("aaaaaa", "aaaaaa", "aaaaaa")] * 3, ignore_index=True)
    rows["lamp"] = ["old"] * 8 + ["new"] * 6 + ["rare"] * 4
    old, new = compared_slices(rows, spec_of(), ["lamp"])
    assert (old.where, old.rows, new.where, new.rows) == ("lamp = old", 8, "lamp = new", 6)
    alone = compared_rows(rows.iloc[:8], spec_of())
    assert old.agreement is not None
    assert alone.agreement is not None
    assert old.agreement.low < alone.agreement.low


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"decisions": {"slices": ["glare"]}}, "a category or a boolean of the rows"),
        ({"decisions": None, "serving": {"decisions": True}}, "there is no decisions section"),
        ({"source": {**SPEC["source"], "id": ["decision"]}}, "a column 'decision' of their own"),  # type: ignore[dict-item]
    ],
)
def test_decisions_that_cannot_be_compared_are_a_fault_of_the_spec(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        spec_of(**changes)
