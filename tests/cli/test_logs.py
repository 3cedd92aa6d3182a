"""`leeway logs` without servers: what the processes of the last stack wrote, without what a reader must not see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flows.cli.commands.machine.show_logs import READ_BYTES, newest_lines
from flows.stack.access_key import access_key

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway


@pytest.fixture
def home(here: Path, leeway: Leeway, orders: pd.DataFrame) -> Path:
    orders.to_csv("orders.csv", index=False)
    assert leeway("init", "orders.csv", "--time", "date", "--label", "price").code == 0
    found = here / "deployments" / ".leeway"
    found.mkdir(exist_ok=True)
    return found


def test_the_newest_lines_of_the_stack_are_shown_without_secrets(
    home: Path, leeway: Leeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "correct-horse")
    key = access_key(home)
    written = [
        "first",
        "\x1b[32mINFO\x1b[0m  [bold]worker[/] polls\x1b[2J",
        f"wrong log-in with {key}, or {key.partition(':')[2]}, to postgresql://me:correct-horse@db/x",
    ]
    (home / "stack.log").write_text("\n".join(written), encoding="utf-8")
    said = leeway("logs", "--lines", "2")
    hidden = "wrong log-in with [hidden], or [hidden], to postgresql://[hidden]@db/x"
    assert (said.code, said.out.splitlines()) == (0, ["INFO  [bold]worker[/] polls", hidden])
    assert "stack.log" in said.err


def test_a_long_log_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "stack.log"
    path.write_text("x" * READ_BYTES + "\nlast\n", encoding="utf-8")
    assert newest_lines(path, 50) == ["last"]


def test_what_is_missing_is_said(here: Path, leeway: Leeway) -> None:
    assert not list(here.iterdir())
    assert leeway("logs").err.startswith("error: there is no project yet")
    assert leeway("logs", "--flow", "nightly").code == 2


def test_without_servers_no_run_is_shown_and_none_is_started(home: Path, leeway: Leeway) -> None:
    said = leeway("logs", "orders")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: no Prefect runs that has the logs of runs; `leeway up` starts it\n"
    assert leeway("logs").err.startswith("error: found no log at ")
    assert not (home / "stack.json").exists()
