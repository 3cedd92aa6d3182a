from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import DataError, SpecError
from tasks.features import function_at, with_features

ROWS = pd.DataFrame({"area": [1.0, 2.0]})
SOURCE = """
import helpers
from datetime import date

def add(frame):
    return frame.assign(made=frame["area"] * helpers.FACTOR)
"""


def project_of(folder: Path, factor: int) -> Path:
    folder.mkdir()
    (folder / "features.py").write_text(SOURCE)
    (folder / "helpers.py").write_text(f"FACTOR = {factor}\n")
    return folder


def test_two_projects_with_modules_of_the_same_name_keep_apart(tmp_path: Path) -> None:
    path, before = list(sys.path), set(sys.modules)
    first, second = project_of(tmp_path / "first", 10), project_of(tmp_path / "second", 100)
    for _ in range(2):
        assert with_features(ROWS, "features:add", first)["made"].tolist() == [10.0, 20.0]
        assert with_features(ROWS, "features:add", second)["made"].tolist() == [100.0, 200.0]
    assert sys.path == path
    assert {"features", "helpers"}.isdisjoint(set(sys.modules) - before)


def test_a_module_that_was_changed_is_loaded_again(tmp_path: Path) -> None:
    folder = project_of(tmp_path / "mine", 10)
    assert with_features(ROWS, "features:add", folder)["made"].tolist() == [10.0, 20.0]
    (folder / "features.py").write_text(SOURCE.replace("* helpers", "+ helpers"))
    assert with_features(ROWS, "features:add", folder)["made"].tolist() == [11.0, 12.0]


def test_a_module_in_a_folder_of_the_project_is_found(tmp_path: Path) -> None:
    for name, value in (("first", 1), ("second", 2)):
        (tmp_path / name / "made").mkdir(parents=True)
        (tmp_path / name / "made" / "simple.py").write_text(f"def add(frame):\n    return frame.assign(made={value})\n")
    found = [with_features(ROWS, "made.simple:add", tmp_path / name)["made"].iloc[0] for name in ("first", "second")]
    assert found == [1, 2]


def test_a_module_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text("import helpers\nraise RuntimeError('no')\n")
    (tmp_path / "helpers.py").write_text("")
    path = list(sys.path)
    with pytest.raises(SpecError, match="importing it fails"):
        function_at("features:add", tmp_path)
    assert sys.path == path
    assert {"features", "helpers"}.isdisjoint(sys.modules)


def test_a_function_can_be_pickled_in_its_own_process_and_called_by_path_in_another(tmp_path: Path) -> None:
    folder = project_of(tmp_path / "mine", 10)
    function = function_at("features:add", folder)
    assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301 - our own bytes
    code = (
        "import sys, pandas as pd\nfrom pathlib import Path\nfrom tasks.features import with_features\n"
        "made = with_features(pd.DataFrame({'area': [3.0]}), 'features:add', Path(sys.argv[1]))\n"
        "print(made['made'].iloc[0])"
    )
    root = str(Path(__file__).parents[3])
    process = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout.strip() == "30.0"


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ("frame['more'] = 1\n    return frame", "changes the frame it is given"),
        ("return frame.assign(more=next(COUNT))", "another more the second time"),
        ("return frame.assign(more=frame['area'] - frame['area'].mean())", "depends on the other rows"),
        ("return pd.concat([frame, pd.get_dummies(frame['zip'])], axis=1)", "depends on the other rows"),
        ("return frame.sort_values('area')", "same rows in the same order"),
        ("return 3", "returned int with no rows"),
    ],
)
def test_a_function_that_is_not_pure_is_refused_with_what_it_does(body: str, match: str, tmp_path: Path) -> None:
    source = f"import itertools\nimport pandas as pd\nCOUNT = itertools.count()\ndef add(frame):\n    {body}\n"
    (tmp_path / "features.py").write_text(source)
    rows = pd.DataFrame({"area": [2.0, 1.0], "zip": ["a", "b"]})
    with pytest.raises(DataError, match=match):
        with_features(rows, "features:add", tmp_path)
