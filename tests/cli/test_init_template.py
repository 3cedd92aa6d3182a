"""A project that starts as a copy of a worked one: checked like any other, with its own name."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.demo.worked_projects import SHOWN, worked_project
from tests.cli.conftest import Leeway


@pytest.mark.usefixtures("here")
def test_a_copy_of_a_worked_project_passes_its_check_under_its_own_name(leeway: Leeway) -> None:
    said = leeway("init", "--template", "card-fraud", "--project", "mine")
    assert said.code == 0, said.err
    assert "of the worked project card-fraud to deployments/mine" in said.out
    folder = Path("deployments/mine")
    first, second = (folder / "project.yaml").read_text(encoding="utf-8").splitlines()[:2]
    assert first == "# Started from the worked project card-fraud: replace its data and its columns by yours."
    assert second == "project: mine"
    assert not (folder / "README.md").exists()
    assert [each.name for each in Path("deployments").iterdir() if each.name.startswith(".init")] == []
    assert leeway("check", "mine", "--files").code == 0
    again = leeway("init", "--template", "house-prices", "--project", "mine")
    assert again.code == 1
    assert "deployments/mine exists and is never overwritten; give another name with --project" in again.err


@pytest.mark.usefixtures("here")
def test_every_worked_project_of_one_step_can_be_the_start(leeway: Leeway) -> None:
    for name in SHOWN:
        said = leeway("init", "--template", name)
        if worked_project(name).upstream:
            assert f"{name} is a chain of projects (voice-activity -> voice-recogniser -> voice-search)" in said.err
            assert not Path("deployments", name).exists()
        else:
            assert leeway("check", name, "--files").code == 0, name


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--template", "card-frauds"], 1, "found no worked project 'card-frauds'"),
        (["--template", "card-fraud", "--label", "price"], 2, "only --project goes with it"),
        (["--template", "card-fraud", "--project", "../mine"], 1, "../mine"),
        (["orders.csv", "--time", "date"], 2, "--label"),
        ([], 2, "DATA"),
    ],
)
def test_wrong_words_create_nothing(words: list[str], code: int, said: str, leeway: Leeway) -> None:
    found = leeway("init", *words)
    assert (found.code, said in found.err) == (code, True), found.err
    assert not Path("deployments").exists() or not any(Path("deployments").iterdir())
