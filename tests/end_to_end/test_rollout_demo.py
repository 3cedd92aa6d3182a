"""What `leeway demo --rollout` shows comes true: the broken version is found, and the healthy one takes over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from tasks.lake import read_entries
from tasks.records import rollouts
from tests.end_to_end.project_copies import FIRST, Copy, signing

if TYPE_CHECKING:
    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
PROJECT = "shown"
PROMISE = {
    "rows": 500, "unit": 60_000.0, "changed": 0.02, "changed_high": 0.04, "size": 0.05, "size_high": 0.06,
    "shift": 0.0, "shift_low": -0.1, "shift_high": 0.1,
}  # fmt: skip


def promised(workspace: Workspace) -> int:
    """Let the champion wait again as a second version, for which the gate promises that few answers change."""
    from tasks.registry import Basis, Draft
    from tasks.registry.mlflow_names import CHALLENGER
    from tasks.spec import evidence_digest

    first, champion = workspace.registry.version(PROJECT, 1), workspace.champion_record().champions()[0]
    assert first is not None
    files = workspace.registry.fetch(first)
    evidence = json.loads(files["evidence.json"]) | {"passed": True, "change": PROMISE}
    identity = workspace.lake.identity(PROJECT)
    basis = Basis(champion.number, champion.digest, evidence_digest(workspace.spec), identity)
    tags = {"leeway.trained_until": first.tags["leeway.trained_until"]} if "leeway.trained_until" in first.tags else {}
    draft = Draft("second", {**files, "evidence.json": json.dumps(evidence).encode()}, tags=tags, basis=basis)
    number = signing(workspace).add_version(PROJECT, draft).number
    workspace.registry.set_alias(PROJECT, CHALLENGER, number)
    return number


@pytest.mark.timeout(900)
def test_the_rollout_of_the_demo_ends_a_broken_version_and_finishes_a_healthy_one(
    copy: Callable[..., Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import date

    from flows.demo.narration import DemoRun
    from flows.demo.rollout_demo import SECTION, serve_and_roll_out
    from flows.stack.deployments import deploy
    from flows.workspace import open_workspace

    made = copy("shown", PROJECT)
    spec = made.where / "projects" / PROJECT / "project.yaml"
    with spec.open("a", encoding="utf-8") as text:
        text.write(SECTION)
    made.enter(monkeypatch)
    workspace = open_workspace(PROJECT, signs=True)
    deploy([workspace.spec], made.where, scheduled=False)
    assert promised(workspace) == 2
    printed = made.where / "printed"
    with printed.open("w", encoding="utf-8") as out:
        console = Console(file=out, width=200)
        serve_and_roll_out(DemoRun(workspace, console, date.fromisoformat(FIRST)), console)
    said = Path(printed).read_text(encoding="utf-8")
    ends = {steps[-1].version: steps[-1].action for steps in rollouts(read_entries(workspace.lake, PROJECT))}
    assert ends == {3: "rolled_back", 2: "finished"}, said
    champion = workspace.champion()
    assert champion is not None
    assert champion.number == 2
    assert "without an answer: 0" in said
    assert "champion: version 2" in said
