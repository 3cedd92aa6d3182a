from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.dataset.label_join import labelled
from tasks.errors import DataError, SpecError
from tasks.features import holdout_parts, with_features

DAY = date(2026, 1, 1)
SOURCE = """
def doubled(frame):
    return frame.assign(twice=frame["area"] * 2)

def fewer(frame):
    return frame.iloc[1:]

number = 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flats")
    (folder / "my_features.py").write_text(SOURCE)
    return folder


def test_a_projects_function_adds_its_columns_and_leaves_the_rows_given_alone(folder: Path) -> None:
    rows = pd.DataFrame({"area": [1.0, 2.0]})
    assert with_features(rows, "my_features:doubled", folder)["twice"].tolist() == [2.0, 4.0]
    assert list(rows) == ["area"]


def test_a_function_that_loses_rows_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="got 2 rows and returned DataFrame with 1 rows"):
        with_features(pd.DataFrame({"area": [1.0, 2.0]}), "my_features:fewer", folder)


@pytest.mark.parametrize("path", ["my_features:missing", "no_such_module:f", "my_features:number"])
def test_a_path_to_no_function_is_a_fault_of_the_spec(path: str, folder: Path) -> None:
    with pytest.raises(SpecError, match=r"features\.function"):
        with_features(pd.DataFrame({"area": [1.0]}), path, folder)


def test_of_several_labels_the_newest_that_had_arrived_counts() -> None:
    rows = pd.DataFrame({"row_id": ["a"]})
    arrivals = [DAY, DAY + timedelta(days=5), DAY + timedelta(days=9)]
    labels = pd.DataFrame({"row_id": ["a"] * 3, "label": [1.0, 2.0, 3.0]}).assign(
        arrival=arrivals, arrival_rank=[0, 1, 2]
    )
    assert labelled(rows, labels, DAY + timedelta(days=6), "price")["price"].tolist() == [2.0]


def test_a_label_column_that_came_with_the_rows_is_replaced_by_the_ledger() -> None:
    rows = pd.DataFrame({"row_id": ["a"], "price": [9.0]})
    labels = pd.DataFrame({"row_id": ["a"], "label": [1.0], "arrival": [DAY], "arrival_rank": [0]})
    assert labelled(rows, labels, DAY, "price").to_dict("list") == {"row_id": ["a"], "price": [1.0]}


@given(span=st.integers(2, 90), days=st.integers(1, 60), known=st.integers(0, 88))
def test_a_holdout_is_newer_than_all_that_is_learned_from_and_than_the_champion(
    span: int, days: int, known: int
) -> None:
    rows = pd.DataFrame({"event_date": [DAY + timedelta(days=day) for day in range(span)]})
    after = DAY + timedelta(days=min(known, span - 2))
    parts = holdout_parts(rows, days=days, after=after)
    assert len(parts.past) + len(parts.holdout) == span
    assert min(parts.holdout["event_date"]) == parts.holdout_from > after
    assert max(parts.past["event_date"]) < parts.holdout_from
    fresh = span - 1 - min(known, span - 2)
    assert len(parts.holdout) <= max(1, min(days, fresh // 2))
