"""One row never stops a function of the project: the rows it fails on are named, the others get what it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.features import featured, row_failures, with_features
from tasks.model.input_matrix import as_text
from tasks.spec.project_spec import ProjectSpec

BAD = -273.15
SOURCE = """
import math

def root(frame):
    return frame.assign(root=[math.log(value + 100) for value in frame["temp"]], temp=frame["temp"] + 1)

def mixed(frame):
    return frame.assign(root=[value if value > -100 else "cold" for value in frame["temp"]])

def leaving(frame):
    raise SystemExit(3)

def losing(frame):
    return frame[frame["temp"] > -100]

def emptying(frame):
    assert len(frame), "no rows"
    return frame.assign(root=1.0)

def twice(frame):
    import pandas as pd
    return pd.concat([frame, frame[["temp"]]], axis=1)

def alone(frame):
    assert len(frame) > 1
    return frame.assign(root=1.0)

def whole(frame):
    roots = [math.log(value + 100) for value in frame["temp"]]
    zones = [int(value) for value in frame["temp"]]
    return frame.assign(root=2**53 + 1, zone=zones, warm=True, name=zones)

def quoting(frame):
    for name in frame["name"]:
        raise KeyError(name)

def quoting_one(frame):
    if (frame["temp"] < -100).any():
        raise KeyError(frame["name"].iloc[-1])
    return frame.assign(root=["cold" if value < 2 else "7" for value in frame["temp"]])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rides")  # one for all: each project has a process
    (folder / "features.py").write_text(SOURCE)
    return folder


def spec_of(function: str, made: dict[str, list[str]] | None = None, **more: Any) -> ProjectSpec:
    scope = {"owner": "me", "objective": "rides", "metric": "mean_absolute_error"}
    source = {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "minutes"}}
    features = {"numbers": ["temp"], "function": f"features:{function}", "made": made or {"numbers": ["root"]}}
    spec = {"project": "rides", "scope": scope, "source": source, "features": features}
    return ProjectSpec.model_validate(spec | more)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("root", "ValueError: math domain error"),
        ("losing", "got 1 rows and returned DataFrame with 0 rows"),
        ("mixed", "makes 'cold' of 'root': not a number"),
    ],
)
def test_a_row_that_a_function_cannot_take_is_named_with_what_is_said_of_it(
    function: str, said: str, folder: Path
) -> None:
    rows = pd.DataFrame({"temp": [3.0, BAD, 4.0]})
    ((place, message),) = row_failures(rows, spec_of(function), folder).items()
    assert place == 1
    assert said in message


def test_a_failing_row_keeps_its_columns_and_lacks_those_that_the_function_makes(folder: Path) -> None:
    rows = pd.DataFrame({"name": ["a", "b", "c"], "temp": [1.0, BAD, 3.0]}, index=[5, 6, 9])
    made = featured(rows, "features:root", folder)
    assert made.failures == {1: "ValueError: math domain error"}
    assert made.rows["temp"].tolist() == [2.0, BAD, 4.0]
    assert made.rows["name"].tolist() == ["a", "b", "c"]
    assert made.rows["root"].isna().tolist() == [False, True, False]
    assert made.rows.index.tolist() == [5, 6, 9]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("leaving", "fails on each of 2 rows: SystemExit: 3"),
        ("twice", "returned several columns of one name: 'temp'"),
        ("alone", "for fewer rows it raises AssertionError"),
    ],
)
def test_a_function_that_no_row_passes_is_an_error_that_says_so(function: str, said: str, folder: Path) -> None:
    with pytest.raises(DataError, match=said):
        with_features(pd.DataFrame({"temp": [1.0, 2.0]}), f"features:{function}", folder)


def test_whole_numbers_and_booleans_stay_what_they_are_where_another_row_fails(folder: Path) -> None:
    rows = pd.DataFrame({"name": ["a", "b", "c"], "temp": [1.0, BAD, 3.0]})
    made = featured(rows, "features:whole", folder).rows
    assert made["zone"].tolist()[::2] == [1, 3]
    assert made["root"].iloc[0] == 2**53 + 1
    assert made["warm"].tolist()[::2] == [True, True]
    assert made["name"].tolist() == [1, "b", 3]


def test_a_made_category_is_the_same_whether_or_not_another_row_fails(folder: Path) -> None:
    made = {"categories": ["zone"], "booleans": ["warm"], "numbers": ["root"]}
    spec = spec_of("whole", made=made)
    rows = pd.DataFrame({"name": ["a", "b", "c"], "temp": [1.0, BAD, 3.0]})
    some, alone = (featured(part, "features:whole", folder, spec).rows for part in (rows, rows.iloc[[0]]))
    assert as_text(some["zone"]).iloc[0] == as_text(alone["zone"]).iloc[0] == "1"
    assert some["zone"].isna().tolist() == some["warm"].isna().tolist() == [False, True, False]
    assert (some["warm"].dtype.name, some["root"].dtype.name) == ("boolean", "float64")


def test_a_message_of_the_function_quotes_no_value_where_there_are_columns_to_hide(folder: Path) -> None:
    hidden, rows = {"drop": ["phone"]}, pd.DataFrame({"name": ["Ann Smith", "Bo"], "temp": [1.0, BAD]})
    shown = "KeyError: what it says is not shown, because it may quote a value; `privacy` is set"
    assert row_failures(rows, spec_of("quoting_one", privacy=hidden), folder) == {
        0: "makes a value of 'root': not a number",
        1: shown,
    }
    assert row_failures(rows, spec_of("quoting", privacy=hidden), folder) == {0: shown, 1: shown}
    assert row_failures(rows, spec_of("quoting"), folder)[0] == "KeyError: 'Ann Smith'"
    with pytest.raises(DataError, match="fails on each of 2 rows: KeyError: what it says is not shown"):
        with_features(rows, "features:quoting", folder, spec_of("quoting", privacy=hidden))


def test_no_rows_are_no_failure_of_a_function_that_needs_some(folder: Path) -> None:
    rows = pd.DataFrame({"temp": pd.Series(dtype="float64")})
    assert featured(rows, "features:emptying", folder).failures == {}
