"""No line of output is longer than 120 characters in a pipe, unless it is one word, such as a path."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flows.cli.console import PIPE_WIDTH, screen
from flows.cli.session import open_servers
from flows.demo.narration import COLUMNS, as_line
from tasks.lake import Lake, append_entry
from tasks.records import Action
from tests.recorded_entries import decided_night, moved

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

LONG_REASON = "the champion's error on the newest cohort exceeds what the gate promised by more than its leeway; " * 4
LEVEL = "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"
NIGHT = date(2026, 1, 31)


def too_long(output: str) -> list[str]:
    return [line for line in output.splitlines() if len(line) > PIPE_WIDTH and " " in line.strip()]


@pytest.fixture
def project(here: Path, leeway: Leeway, orders: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project `orders`, with one night that has much to say, and a project with a wrong spec."""
    monkeypatch.delenv("COLUMNS")
    orders.to_csv("orders.csv", index=False)
    assert leeway("init", "orders.csv", "--time", "date", "--label", "price").code == 0
    lake = Lake(str(here / "deployments" / ".leeway" / "lake"))
    decided = decided_night(moved=(moved("size", 2.0),), first_step=LONG_REASON, rows=120, labels=120)
    actions: tuple[Action, ...] = ("score", "ask")
    for action in actions:
        entry = replace(decided, name=f"{NIGHT}/{action}", night=NIGHT, action=action, reason=LONG_REASON)
        append_entry(lake, "orders", entry)
    broken = here / "deployments" / "broken" / "project.yaml"
    broken.parent.mkdir()
    broken.write_text("project: broken\nscope: {owner: 3, metric: nothing}\nsource: {uri: [], label: 1}\n")
    return here


@pytest.mark.parametrize(
    "words",
    [
        ["check", "orders"],
        ["check", "broken"],
        ["demo", "--incident", "list"],
        ["doctor"],
        ["init", "orders.csv", "--time", "date", "--label", "price", "--project", "more"],
        ["answer", "orders", "nothing", "fault"],
        ["degree", "orders"],
        ["release", "orders", "nothing"],
        ["erase", "orders", "--id", "nothing"],
        ["review", "orders"],
        ["status"],
        ["why", "orders", "2026-01-31"],
        ["why", "orders", "2026-01-01"],
        ["replay", "--help"],
        ["run", "nightly", "--help"],
        ["serve"],
        ["serve", "orders", "--host", "0.0.0.0"],  # noqa: S104 - it is refused
        ["serve-key"],
        ["serve-key", "shop"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("project")
def test_a_command_in_a_pipe_prints_no_long_line(words: list[str], leeway: Leeway) -> None:
    said = leeway(*words)
    assert said.out + said.err
    assert too_long(said.out + said.err) == []


def test_a_real_pipe_gets_no_long_line_and_no_colour(project: Path) -> None:
    command = [str(Path(sys.executable).parent / "leeway"), "status"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    piped = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    assert "the champion's error" in piped.stdout
    assert too_long(piped.stdout) == []
    assert "\x1b" not in piped.stdout


def test_a_path_is_never_broken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    path = "/home/" + "deeply-nested/" * 12
    screen().print(f"[bold]written[/] to {path} just now")
    assert capsys.readouterr().out == f"written to\n  {path}\n  just now\n"


def test_a_line_that_a_command_prints_whole_is_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    line = "log in with " + "a long link " * 12 + "end"
    screen().print(f"[bold]{line}[/]", soft_wrap=True)
    assert capsys.readouterr().out == f"{line}\n"


def test_a_long_decision_of_the_demo_continues_below_itself() -> None:
    cells = ("2015-01-05", *("0" for _ in COLUMNS[1:-1]), LONG_REASON)
    lines = as_line(cells).splitlines()
    assert len(lines) > 4
    assert too_long("\n".join(lines)) == []
    assert {len(line) - len(line.lstrip()) for line in lines[1:]} == {lines[0].index("the champion")}


def test_on_80_characters_a_decision_of_the_demo_has_lines_of_its_own() -> None:
    cells = ("2015-01-05", *("0" for _ in COLUMNS[1:-1]), LONG_REASON)
    values, *decision = as_line(cells, width=80).splitlines()
    assert values.split() == list(cells[:-1])
    assert " ".join(" ".join(decision).split()) == LONG_REASON.strip()
    assert max(map(len, decision)) <= 80
    assert {len(line) - len(line.lstrip()) for line in decision} == {12}


def test_a_command_that_needs_servers_keeps_the_lines_of_prefect_off_the_console(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LEVEL, "")
    monkeypatch.delenv(LEVEL)
    monkeypatch.setenv("LEEWAY_PROJECTS", "")
    monkeypatch.setattr("flows.cli.session.open_stack", lambda *_, **__: nullcontext())
    with open_servers(here / "deployments" / "orders" / "project.yaml"):
        assert os.environ[LEVEL] == "CRITICAL"
