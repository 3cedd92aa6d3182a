from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
import typer

from flows.cli.app import RENAMED, app
from flows.cli.parsers.service_commands import bundle
from flows.demo.worked_projects import SHOWN
from tasks.bundle import FORMS

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

HEAVY = ("prefect", "mlflow", "pandas", "numpy", "pyarrow", "sklearn", "great_expectations", "pydantic", "deltalake")
COMMANDS = [
    *(
        "adopt",
        "answer",
        "approve",
        "bundle",
        "check",
        "degree",
        "demo",
        "docs",
        "doctor",
        "erase",
        "init",
        "logs",
        "migrate",
        "predictions",
        "quarantine",
        "reject",
    ),
    *(
        "release",
        "rename",
        "replay",
        "reproduce",
        "restore",
        "review",
        "rollback",
        "run",
        "serve",
        "serve-key",
        "status",
        "up",
        "upkeep",
        "why",
    ),
]


def commands(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield before, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*before, name))


EVERY = dict(commands(typer.main.get_command(app)))


def test_the_command_line_has_these_commands() -> None:
    assert sorted(words[0] for words in EVERY if len(words) == 1) == COMMANDS
    below = [" ".join(words) for words in EVERY if len(words) == 2]
    assert sorted(below) == ["doctor s3", "run monitor", "run nightly", "run promote", "run retrain"]


@pytest.mark.parametrize("words", EVERY, ids=lambda words: " ".join(words) or "leeway")
def test_help_says_what_everything_is_for(words: tuple[str, ...], leeway: Leeway) -> None:
    command = EVERY[words]
    assert command.help
    assert [each.name for each in command.params if not each.help] == []
    said = leeway(*words, "--help")
    assert said.code == 0
    assert all(name in said.out for name in getattr(command, "commands", {}))


def test_help_says_what_an_option_that_is_left_out_means(leeway: Leeway) -> None:
    defaults = {
        "init": ["inferred", "from the name of the data"],
        "run nightly": ["today"],
        "replay": ["when 40 % of the rows have landed", "never,monthly,nightly"],
        "approve": ["the waiting challenger"],
        "docs": ["a folder in LEEWAY_HOME"],
        "status": ["all projects"],
    }
    for words, expected in defaults.items():
        shown = " ".join(leeway(*words.split(), "--help").out.translate(dict.fromkeys(map(ord, "│()"), " ")).split())
        assert [default for default in expected if default not in shown.replace("[default:", "")] == []
        assert shown.count("[default:") >= len(expected)


def test_help_names_every_worked_project_and_every_form_of_a_bundle() -> None:
    (project,) = (each for each in EVERY["demo",].params if each.name == "project")
    assert [name for name in SHOWN if name not in project.help] == []
    assert sorted(get_args(get_type_hints(bundle)["form"])) == sorted(FORMS)


@pytest.mark.parametrize(
    "words",
    ["why ? 2026-01-01 --again", "replay ? --begin 2026-01-01 --beside never", "review ? --take a.csv"],
)
def test_options_still_work_under_their_old_names(words: str, here: Path, leeway: Leeway) -> None:
    assert not list(here.iterdir())
    said = leeway(*words.replace("?", "shop").split())
    assert (said.code, said.err) == (1, "error: no project 'shop' in deployments; known: none yet\n")
    shown = leeway(words.split(maxsplit=1)[0], "--help").out.split()
    assert not {f"--{name}" for name in RENAMED} & set(shown)


def test_a_shell_completes_commands_and_the_names_of_projects(here: Path) -> None:
    for name in ("house-prices", "house-rents", "spam"):
        (here / "deployments" / name).mkdir(parents=True)
        (here / "deployments" / name / "project.yaml").write_text(f"project: {name}\n")
    command = Path(sys.executable).with_name("leeway")

    def completed(words: str, place: int, where: Path = here) -> list[str]:
        asked = {"_LEEWAY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        done = subprocess.run([command], env=os.environ | asked, cwd=where, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert completed("leeway rol", 1) == ["rollback"]
    assert completed("leeway run ret", 2) == ["retrain"]
    assert completed("leeway status house", 2) == ["house-prices", "house-rents"]
    assert completed("leeway run nightly sp", 3) == ["spam"]
    assert completed("leeway serve spam house-p", 3) == ["house-prices"]
    (here / "leeway.toml").write_text("projects = 3\n")
    assert completed("leeway status house", 2) == []  # what cannot be read completes nothing, and says nothing
    of_bash = ["bash", "-c", f'"{command}" --show-completion; true']  # the shell is that of the nearest process above
    shown = subprocess.run(of_bash, cwd=here, capture_output=True, text=True, check=False)
    assert "_LEEWAY_COMPLETE" in shown.stdout + shown.stderr


def test_the_command_line_starts_without_heavy_packages() -> None:
    asked = f"import sys, flows.cli.app; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""


def test_commands_and_the_controller_of_the_service_which_run_no_flow_start_without_prefect() -> None:
    asked = "import sys, flows.serving.controller, flows.cli.commands.nights.status; print('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_an_unknown_project_names_the_nearest(here: Path, leeway: Leeway) -> None:
    known = here / "deployments" / "house-prices" / "project.yaml"
    known.parent.mkdir(parents=True)
    known.write_text("project: house-prices\n")
    for words in ("check ?", "status ?", "rollback ?", "why ? 2026-01-01", "release ? abcdef", "run nightly ?"):
        said = leeway(*words.replace("?", "house-price").split())
        assert said.code == 1
        assert said.err.startswith("error: no project 'house-price' in deployments")
        assert "did you mean 'house-prices'?" in said.err
        assert "Traceback" not in said.err


@pytest.mark.parametrize("wrong", [["why", "shop", "20-01-2026"], ["status", "--no-such-option"], ["init", "data.csv"]])
def test_wrong_usage_is_said_with_exit_code_2(wrong: list[str], leeway: Leeway) -> None:
    said = leeway(*wrong)
    assert said.code == 2
    assert "Usage: leeway" in said.err


@pytest.mark.usefixtures("here")
def test_only_debug_shows_a_traceback() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        leeway = Path(sys.executable).parent / "leeway"
        return subprocess.run([leeway, *words], capture_output=True, text=True, check=False, timeout=60)

    quiet = run("check", "shop")
    assert (quiet.returncode, quiet.stdout) == (1, "")
    assert quiet.stderr == "error: no project 'shop' in deployments; known: none yet\n"
    loud = run("--debug", "check", "shop")
    assert loud.returncode == 1
    assert "Traceback" in loud.stderr


def test_an_unexpected_error_is_a_line_too(leeway: Leeway, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_project: str | None) -> None:
        raise KeyError("size")

    monkeypatch.setattr("flows.cli.commands.nights.status.show_status", failing)
    said = leeway("status")
    assert said.code == 1
    assert said.err == "error: KeyError: 'size'; this is unexpected: `leeway --debug ...` shows where\n"


def test_a_process_that_a_library_keeps_from_ending_ends_with_the_code_of_its_command() -> None:
    code = (
        "import sys, threading\nfrom flows.cli import app\napp.EXIT_SECONDS, app.main = 0.2, lambda: sys.exit(7)\n"
        "import prefect\nthreading._register_atexit(threading.Event().wait)\napp.run()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, capture_output=True)
    assert done.returncode == 7
