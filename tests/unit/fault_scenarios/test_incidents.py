from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.fault_scenarios import INCIDENTS, KEY, NIGHT, Stage
from tasks.spec import ProjectSpec

FIRST = date(2026, 1, 1)
ONSET = FIRST + timedelta(days=20)
TEXT = {
    "project": "houses",
    "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["id"], "event_time": "sold", "label": {"column": "price", "uri": "prices"}},
    "features": {"numbers": ["size"], "categories": ["town"]},
}
SPEC = ProjectSpec.model_validate(TEXT)


def stage(spec: ProjectSpec = SPEC) -> Stage:
    draws = np.random.default_rng(0)
    nights = [FIRST + timedelta(days=day) for day in range(60) for _ in range(20)]
    rows = pd.DataFrame(
        {
            "id": [str(number) for number in range(len(nights))],
            "sold": [night.isoformat() for night in nights],
            "size": draws.normal(100, 20, len(nights)).round(2).astype(str),
            "town": draws.choice(["A", "B", "C"], len(nights), p=[0.6, 0.3, 0.1]),
            KEY: [f"{night}.csv" for night in nights],
            NIGHT: nights,
        }
    )
    labels = rows[["id", KEY, NIGHT]].assign(price="1000")
    return Stage.of(rows, labels, spec, ONSET)


@pytest.mark.parametrize("name", INCIDENTS)
def test_what_landed_before_an_incident_is_as_it_was(name: str) -> None:
    before, after = stage(), INCIDENTS[name].happen(stage())
    if name == "season":
        return
    old = before.rows[~before.touched].reset_index(drop=True)
    assert after.rows[~after.touched].reset_index(drop=True).equals(old)
    early = before.labels[NIGHT] < ONSET
    assert (
        after.labels[after.labels["id"].isin(before.labels.loc[early, "id"])]
        .reset_index(drop=True)
        .equals(before.labels[early].reset_index(drop=True))
    )


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_changes_something_and_the_same_each_time(name: str) -> None:
    before, after, again = stage(), INCIDENTS[name].happen(stage()), INCIDENTS[name].happen(stage())
    assert after.rows.equals(again.rows)
    assert after.labels.equals(again.labels)
    assert not (after.rows.equals(before.rows) and after.labels.equals(before.labels))


def test_a_number_in_another_unit_is_a_thousand_times_itself() -> None:
    before, after = stage(), INCIDENTS["unit-change"].happen(stage())
    ratio = after.numbers("size") / before.numbers("size")
    assert ratio[before.touched].round(6).eq(1000).all()
    assert ratio[~before.touched].eq(1).all()


def test_an_empty_cell_is_delivered_as_one() -> None:
    after = INCIDENTS["null-burst"].happen(stage())
    assert 0.5 < (after.rows.loc[after.touched, "size"] == "").mean() < 0.7


def test_labels_are_lost_with_their_rows() -> None:
    after = INCIDENTS["row-loss"].happen(stage())
    assert set(after.labels["id"]) == set(after.rows["id"])


def test_a_changed_concept_changes_labels_and_nothing_else() -> None:
    before, after = stage(), INCIDENTS["concept-flip"].happen(stage())
    assert after.rows.equals(before.rows)
    assert set(after.labels["price"]) == {"1000", "1300.0"}


def test_a_class_turns_in_the_upper_half_only() -> None:
    binary = ProjectSpec.model_validate(
        TEXT | {"training": {"task": "binary"}, "scope": TEXT["scope"] | {"metric": "log_loss"}}  # type: ignore[operator]
    )
    start = stage(binary)
    start = Stage.of(start.rows, start.labels.assign(price="1"), binary, ONSET)
    after = INCIDENTS["concept-flip"].happen(start)
    high = start.numbers("size") > start.numbers("size")[~start.touched].median()
    assert ((after.labels["price"].astype(float) == 0) == (high & start.touched)).all()


def test_a_project_without_categories_gets_an_error_that_says_so() -> None:
    bare = ProjectSpec.model_validate(TEXT | {"features": {"numbers": ["size"]}})
    with pytest.raises(DataError, match="needs a category"):
        INCIDENTS["renamed-category"].happen(stage(bare))
