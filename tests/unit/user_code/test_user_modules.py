from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pandas as pd
import pytest

from tasks.user_code.user_modules import declaration_fault, module_of

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
        assert module_of("features", first).add(ROWS)["made"].tolist() == [10.0, 20.0]
        assert module_of("features", second).add(ROWS)["made"].tolist() == [100.0, 200.0]
    assert sys.path == path
    assert {"features", "helpers"}.isdisjoint(set(sys.modules) - before)


def test_a_module_that_was_changed_is_loaded_again(tmp_path: Path) -> None:
    folder = project_of(tmp_path / "mine", 10)
    assert module_of("features", folder).add(ROWS)["made"].tolist() == [10.0, 20.0]
    (folder / "features.py").write_text(SOURCE.replace("* helpers", "+ helpers"))
    assert module_of("features", folder).add(ROWS)["made"].tolist() == [11.0, 12.0]


def test_a_module_in_a_folder_of_the_project_is_found(tmp_path: Path) -> None:
    for name, value in (("first", 1), ("second", 2)):
        (tmp_path / name / "made").mkdir(parents=True)
        (tmp_path / name / "made" / "simple.py").write_text(f"def add(frame):\n    return frame.assign(made={value})\n")
    found = [module_of("made.simple", tmp_path / name).add(ROWS)["made"].iloc[0] for name in ("first", "second")]
    assert found == [1, 2]


def test_a_module_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text("import helpers\nraise RuntimeError('no')\n")
    (tmp_path / "helpers.py").write_text("")
    path = list(sys.path)
    with pytest.raises(RuntimeError, match="no"):
        module_of("features", tmp_path)
    assert sys.path == path
    assert {"features", "helpers"}.isdisjoint(sys.modules)


def test_a_function_can_be_pickled_in_its_own_process(tmp_path: Path) -> None:
    function = module_of("features", project_of(tmp_path / "mine", 10)).add
    assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301 - our own bytes


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
