"""Generated files are what the code generates: after a change to a spec or to its models run `make generated`."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.stack.generate import PROJECTS, generated

WANTED = generated(PROJECTS)


@pytest.mark.parametrize("path", WANTED, ids=lambda path: path.name)
def test_a_generated_file_is_what_the_code_generates(path: Path) -> None:
    assert path.is_file(), f"{path} is missing; run `make generated`"
    assert path.read_text(encoding="utf-8") == WANTED[path], f"{path} is old; run `make generated`"


def test_another_schedule_gives_another_prefect_yaml(tmp_path: Path) -> None:
    spec = next(PROJECTS.glob("*/project.yaml"))
    copy = tmp_path / spec.parent.name / spec.name
    copy.parent.mkdir()
    copy.write_text(spec.read_text(encoding="utf-8").replace('"0 2 * * *"', '"0 3 * * *"'), encoding="utf-8")
    assert generated(tmp_path)[tmp_path / "prefect.yaml"] != WANTED[PROJECTS / "prefect.yaml"]
