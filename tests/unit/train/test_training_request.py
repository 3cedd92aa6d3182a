from datetime import date, timedelta

import pandas as pd

from flows.steps.challengers.evaluate_challenger import TrainingRequest
from tasks.spec import ProjectSpec

FIRST, ROWS_A_DAY = date(2026, 1, 1), 25
SPEC = ProjectSpec.model_validate(
    {
        "project": "p",
        "scope": {"owner": "o", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
        "gate": {"min_rows": 200},
    }
)


def request(days: int, trained_until: date | None) -> TrainingRequest:
    known = pd.DataFrame(
        {"event_date": [FIRST + timedelta(days=row // ROWS_A_DAY) for row in range(days * ROWS_A_DAY)]}
    )
    return TrainingRequest(known=known, rows=known, night=FIRST + timedelta(days=days), trained_until=trained_until)


def test_without_new_labels_nothing_is_trained_and_the_numbers_are_said() -> None:
    said = request(60, FIRST + timedelta(days=59)).too_early(SPEC)
    assert said.startswith("found 0 labelled rows to compare on that are newer than the champion's training")
    assert "expected 200" in said


def test_half_of_the_days_since_training_must_hold_the_rows_to_compare_on() -> None:
    assert request(60, FIRST + timedelta(days=45)).too_early(SPEC)  # 14 days since: 7 of 25 rows are too few
    assert request(60, FIRST + timedelta(days=43)).too_early(SPEC) == ""  # 16 days since: 8 days of 25 rows


def test_a_first_model_has_no_champion_to_be_newer_than() -> None:
    assert request(2, None).too_early(SPEC) == ""
