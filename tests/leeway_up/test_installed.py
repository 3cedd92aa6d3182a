"""What an installed wheel has, and that no process of it takes a package of the repository for one of ours."""

from __future__ import annotations

from pathlib import Path

import psutil

from flows.demo.worked_projects import HISTORY_UNTIL
from tests.leeway_up.checkout import Checkout, Up
from tests.leeway_up.wheel import ROOT

WHERE = """
import flows
from flows.demo.worked_projects import SHOWN, worked_project
print(flows.__file__, *(one.path for name in SHOWN for one in worked_project(name).chain))
"""


def test_the_wheel_brings_the_worked_projects_and_its_own_packages(checkout: Checkout) -> None:
    said = checkout.types(f"cd deployments && python -P -c '{WHERE}'").split()
    environment = checkout.folder / ".venv"
    assert [path for path in said if not Path(path).is_relative_to(environment)] == []
    assert {Path(path).parent.name for path in said[1:]} == set(HISTORY_UNTIL)
    for spec in map(Path, said[1:]):
        assert names_in(spec.parent) == names_in(ROOT / "deployments" / spec.parent.name)


def test_the_wheel_brings_the_evaluator_in_c(checkout: Checkout) -> None:
    code = "import tasks.compact._native as native; print(native.__file__)"
    said = checkout.types(f"cd deployments && python -P -c '{code}'").strip()
    assert Path(said).is_relative_to(checkout.folder / ".venv")


def names_in(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix() for path in paths}


def test_every_process_of_the_stack_runs_from_the_wheel(up: Up) -> None:
    keeper = psutil.Process(up.note["keeper"]["pid"])
    members = [keeper, *keeper.children(recursive=True)]
    assert len(members) >= 4
    assert {member.environ().get("PYTHONSAFEPATH") for member in members} == {"1"}
    assert "of another repository" not in (up.checkout.home / "stack.log").read_text()


def test_prefect_deploys_the_projects_from_their_folder(up: Up) -> None:
    key = f"PREFECT_API_AUTH_STRING=$(cat {up.key_file}) PREFECT_API_URL={up.api}"
    said = up.checkout.types(f"cd deployments && {key} python -P -m prefect --no-prompt deploy --all")
    assert "retrain/orders" in said
    assert "retrain/rentals" in said
