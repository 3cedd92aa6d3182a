"""Rows that the project's feature function fails on are quarantined with what it says; none stops a run."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tasks.dataset.feature_assembly import assemble
from tasks.errors import DataError
from tasks.lake import Lake
from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.task import verdicts

DAY = date(2026, 5, 1)
ADD = "import math\ndef add(frame):\n    return frame.assign(root=[math.log(v + 100) for v in frame['temp']])\n"
SCOPE = {"owner": "me", "objective": "rides", "metric": "mean_absolute_error"}
SOURCE = {"uri": "landing", "id": ["ride"], "event_time": "started", "label": {"column": "minutes"}}
FEATURES = {"numbers": ["temp"], "function": "features:add", "made": {"numbers": ["root"]}}
SPEC = ProjectSpec.model_validate({"project": "rides", "scope": SCOPE, "source": SOURCE, "features": FEATURES})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rides")  # one for all: each project has a process
    (folder / "expectations.json").write_text(json.dumps({"name": "rides", "expectations": []}))
    return folder


@pytest.fixture
def folder(project: Path) -> Path:
    (project / "features.py").write_text(ADD)
    return project


def delivery(*temps: str) -> Delivery:
    rows = {"ride": [f"r{n}" for n in range(len(temps))], "started": "2026-05-01", "temp": temps, "minutes": "4"}
    return Delivery("b1", Landed("rows", "b4_one_bad_row.csv", 9, DAY), pd.DataFrame(rows, dtype="str"))


def test_one_row_that_the_function_fails_on_is_quarantined_with_its_message(folder: Path) -> None:
    (checked,) = verdicts([delivery(*["7.3"] * 19, "-273.15")], SPEC, folder)
    assert checked.verdict == "partly_quarantined"
    assert checked.refused["reasons"].tolist() == ["feature_function"]
    assert [finding.message for finding in checked.findings] == [
        "1 of 20 rows: the project's feature function fails on it: ValueError: math domain error"
    ]
    assert checked.accepted["row_id"].tolist() == [f"r{n}" for n in range(19)]


def test_a_value_that_cannot_be_read_is_named_and_the_function_does_not_see_its_row(folder: Path) -> None:
    (checked,) = verdicts([delivery(*["7.3"] * 19, "cold")], SPEC, folder)
    assert checked.refused["reasons"].tolist() == ["not_a_number:temp"]


def test_a_function_that_fails_on_every_row_quarantines_the_delivery_and_not_the_night(folder: Path) -> None:
    (folder / "features.py").write_text("def add(frame):\n    return frame.assing(root=1)\n")
    (checked,) = verdicts([delivery(*["7.3"] * 20)], SPEC, folder)
    assert checked.verdict == "quarantined"
    assert "AttributeError: 'DataFrame' object has no attribute 'assing'" in checked.findings[0].message


def test_an_accepted_row_that_the_function_fails_on_later_is_answered_without_it_and_taught_to_no_model(
    folder: Path, tmp_path: Path
) -> None:
    rows = pd.DataFrame({"row_id": ["a", "b"], "started": pd.to_datetime(["2026-05-01"] * 2), "temp": [1.0, -273.15]})
    made = assemble(rows, SPEC, Lake(str(tmp_path / "lake")), folder)
    assert made.passing.tolist() == [True, False]
    assert made.rows["root"].isna().tolist() == [False, True]
    one = assemble(rows[1:], SPEC, Lake(str(tmp_path / "lake")), folder)
    assert one.rows["root"].isna().tolist() == [True]


def test_a_function_that_fails_on_all_of_many_rows_is_an_error_with_its_message(folder: Path, tmp_path: Path) -> None:
    rows = pd.DataFrame({"row_id": map(str, range(60)), "temp": -273.15})
    with pytest.raises(DataError, match="fails on each of 60 rows: ValueError: math domain error"):
        assemble(rows, SPEC, Lake(str(tmp_path / "lake")), folder)


def test_what_the_function_says_is_stored_nowhere_where_there_are_columns_to_hide(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "features.py").write_text(
        "def add(frame):\n    cold = frame[frame['temp'] < -200]\n    if len(cold):\n"
        "        raise ValueError(f'too cold: {cold.to_dict()}')\n    return frame.assign(root=1.0)\n"
    )
    raw = {"project": "rides", "scope": SCOPE, "source": SOURCE, "features": FEATURES, "privacy": {"drop": ["rider"]}}
    spec = ProjectSpec.model_validate(raw)
    (checked,) = verdicts([delivery(*["7.3"] * 19, "-273.15")], spec, folder)
    hidden = "ValueError: what it says is not shown, because it may quote a value; `privacy` is set"
    assert checked.findings[0].message == f"1 of 20 rows: the project's feature function fails on it: {hidden}"
    rows = pd.DataFrame({"row_id": ["a", "b"], "started": pd.to_datetime(["2026-05-01"] * 2), "temp": [1.0, -273.15]})
    with caplog.at_level("WARNING"):
        assemble(rows, spec, Lake(str(tmp_path / "lake")), folder)
    assert "273.15" not in caplog.text


def test_a_function_that_needs_feature_tables_is_not_tried_before_their_values_are_there(folder: Path) -> None:
    columns = {"numbers": ["rain"]}
    table = {"name": "weather", "uri": "w", "entity": ["ride"], "event_time": "at", "columns": columns}
    raw = {"project": "rides", "scope": SCOPE, "source": SOURCE, "features": {**FEATURES, "tables": [table]}}
    (checked,) = verdicts([delivery(*["7.3"] * 19, "-273.15")], ProjectSpec.model_validate(raw), folder)
    assert checked.verdict == "accepted"
