from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.errors import SpecError
from tasks.spec.find_project import find_project, home, known_projects, projects_folder


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEEWAY_PROJECTS", raising=False)
    monkeypatch.delenv("LEEWAY_HOME", raising=False)
    for name in ("houses", "card-fraud", "Not A Name"):
        (tmp_path / "deployments" / name).mkdir(parents=True)
        (tmp_path / "deployments" / name / "project.yaml").touch()
    (tmp_path / "deployments" / "empty").mkdir()
    return tmp_path / "deployments"


@pytest.mark.parametrize(
    "asked", ["houses", " houses ", "deployments/houses", "deployments/houses/", "deployments/houses/project.yaml"]
)
def test_a_name_a_folder_or_a_file_finds_the_project(asked: str, projects: Path) -> None:
    assert find_project(asked).resolve() == projects / "houses" / "project.yaml"


def test_the_folder_of_projects_can_be_set_by_a_variable(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert projects_folder() == Path("deployments")
    monkeypatch.chdir("/")
    monkeypatch.setenv("LEEWAY_PROJECTS", str(projects))
    assert find_project("houses") == projects / "houses" / "project.yaml"


def test_the_nearest_file_of_a_repository_says_where_its_projects_are(
    projects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (projects.parent / "leeway.toml").write_text('projects = "deployments"')
    below = projects.parent / "src" / "app"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert projects_folder() == projects
    assert find_project("houses") == projects / "houses" / "project.yaml"
    (below / "leeway.toml").write_text('projects = "own"')
    assert (projects_folder(), known_projects()) == (below / "own", [])
    monkeypatch.setenv("LEEWAY_PROJECTS", str(projects))
    assert projects_folder() == projects


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("projects = 3", "has projects = 3; expected the folder"),
        ("", "has projects = None; expected the folder"),
        ('project = "ml"', "has the keys project; expected the folder"),
        ("projects = ml", "cannot be read"),
        ("\xff", "cannot be read"),
        ("a = " + 5000 * "[", "cannot be read"),
    ],
)
def test_a_file_of_a_repository_with_another_form_is_refused(text: str, found: str, projects: Path) -> None:
    (projects.parent / "leeway.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SpecError, match=found):
        known_projects()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file to another user")
@pytest.mark.parametrize("given", ["leeway.toml", "deployments"])
def test_a_file_or_a_folder_of_another_user_does_not_choose_the_projects(given: str, projects: Path) -> None:
    (projects.parent / "leeway.toml").write_text('projects = "deployments"')
    os.chown(projects.parent / given, 12_345, -1)
    with pytest.raises(
        SpecError, match="belongs to another user; replace it by one of your own, or set LEEWAY_PROJECTS"
    ):
        known_projects()


def test_a_link_to_a_file_of_ones_own_does_not_choose_the_projects(
    projects: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (projects.parent / "leeway.toml").write_text('projects = "deployments"')
    shared = tmp_path_factory.mktemp("shared")
    (shared / "leeway.toml").symlink_to(projects.parent / "leeway.toml")
    monkeypatch.chdir(shared)
    with pytest.raises(SpecError, match="is a link"):
        known_projects()


def test_a_folder_that_is_gone_has_no_file_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEEWAY_PROJECTS", raising=False)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert projects_folder() == Path("deployments")


@pytest.mark.usefixtures("projects")
def test_an_unknown_project_is_reported_the_known_ones_and_the_nearest() -> None:
    assert known_projects() == ["card-fraud", "houses"]
    with pytest.raises(SpecError) as refused:
        find_project("hoses")
    assert refused.value.faults == [
        "no project 'hoses' in deployments; known: card-fraud, houses; did you mean 'houses'?"
    ]


@pytest.mark.usefixtures("projects")
@pytest.mark.parametrize(
    "asked", ["", "..", "../houses", "empty", "a\0b", "x" * 5000, "~no-such-user/x", "houses/../empty"]
)
def test_what_is_no_project_is_refused(asked: str) -> None:
    with pytest.raises(SpecError, match="no project"):
        find_project(asked)


@pytest.mark.usefixtures("projects")
def test_a_folder_with_an_invalid_project_name_is_refused() -> None:
    with pytest.raises(SpecError, match="project name 'Not A Name'; expected 1 to 63 lower-case letters"):
        find_project("deployments/Not A Name")


def test_local_state_is_next_to_the_projects_or_where_a_variable_says(
    projects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home("deployments/houses/project.yaml") == projects / ".leeway"
    monkeypatch.setenv("LEEWAY_HOME", "elsewhere")
    assert home("deployments/houses/project.yaml") == projects.parent / "elsewhere"


def test_without_any_project_the_refusal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path / "none"))
    with pytest.raises(SpecError, match="known: none yet"):
        find_project("houses")
