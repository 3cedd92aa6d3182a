from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import DataError, SpecError
from tasks.features import declaration_fault, function_at, with_features

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
        ("return frame.assign(more=pd.Timestamp.now().normalize())", r"asks the clock \(now\)"),
        ("return frame.assign(more=pd.to_datetime('today').normalize())", r"asks the clock \(to_datetime\('today'\)\)"),
        ("return frame.assign(more=[day() for _ in frame['area']])", r"asks the clock \(today\)"),
        ("return frame.assign(more=int(time.time()) // 86_400)", r"asks the clock \(time\)"),
        ("return frame.assign(more=int(seconds()) // 86_400)", r"asks the clock \(seconds\)"),
        ("from time import time\n    return frame.assign(more=int(time()) // 86_400)", r"asks the clock \(time\)"),
        ("import time\n    return frame.assign(more=int(time.time()) // 86_400)", r"asks the clock \(time\)"),
        ("return frame.assign(more=helpers.days())", r"asks the clock \(time_ns\)"),
    ],
)
def test_a_function_that_is_not_pure_is_refused_with_what_it_does(body: str, match: str, tmp_path: Path) -> None:
    head = (
        "import itertools, time, helpers\nfrom datetime import date\nfrom time import time as seconds\n"
        "import pandas as pd\nCOUNT = itertools.count()\n"
    )
    (tmp_path / "helpers.py").write_text("import time as t\ndef days(): return t.time_ns() // 86_400_000_000_000\n")
    source = f"{head}def day():\n    return date.today().toordinal()\ndef add(frame):\n    {body}\n"
    (tmp_path / "features.py").write_text(source)
    rows = pd.DataFrame({"area": [2.0, 1.0], "zip": ["a", "b"]})
    with pytest.raises(DataError, match=match):
        with_features(rows, "features:add", tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        "return frame.assign(hour=frame['at'].dt.time.map(lambda time: time.hour), today=1)",
        "return frame.assign(hour=pd.to_datetime(frame['today']).dt.hour)",
        "from datetime import time\n    return frame.assign(hour=time(10).hour)",
    ],
    ids=["part of a date", "column of that name", "class of that name"],
)
def test_the_time_of_a_row_is_no_clock(body: str, tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text(f"import pandas as pd\ndef add(frame):\n    {body}\n")
    rows = pd.DataFrame({"at": pd.to_datetime(["2026-01-02 10:30"]), "today": "2026-01-02 10:30"})
    assert with_features(rows, "features:add", tmp_path)["hour"].tolist() == [10]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("if True:\n    def add(frame): return frame\n", None),
        ("try:\n    from fast import add\nexcept ImportError:\n    add = None\n", None),
        ("add: object = len\n", None),
        ("for add in [len]:\n    pass\n", None),
        ("from helpers import *\n", None),
        ("print(add)\n", "does not define 'add'"),
        ("def other():\n    add = 1\n", "does not define 'add'"),
        ("def add(:\n", "cannot be read as Python"),
        ("add = " + "-" * 200_000 + "1\n", "cannot be read as Python"),
        ("add = " + "(" * 500 + ")" * 500 + "\n", "cannot be read as Python"),
    ],
    ids=["if", "try", "annotated", "for", "star", "used", "inside", "broken", "deep signs", "deep brackets"],
)
def test_a_function_is_looked_for_in_the_text_of_a_module_whatever_the_text_is(
    source: str, fault: str | None, tmp_path: Path
) -> None:
    (tmp_path / "features.py").write_text(source)
    found = declaration_fault("features:add", tmp_path)
    assert found is None if fault is None else fault in str(found)
