"""A version is made again from what it wrote down: from real commits of a lake, against a real registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tasks.errors import DataError, EvidenceError
from tasks.lake import Lake
from tasks.model import load_model

if TYPE_CHECKING:
    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
PROJECT = "again"
NIGHT, LATER = date(2014, 7, 7), date(2014, 7, 14)
LANDING = {
    "sales": {"2014-07-07": ("2014-05-05", "2014-07-07"), "2014-07-14": ("2014-07-14", "2014-07-14")},
    "prices": {"2014-07-07": ("2014-05-19", "2014-07-07"), "2014-07-14": ("2014-07-14", "2014-07-14")},
}


@pytest.fixture(scope="module")
def workspace(servers: Path, houses: Callable[[Path, Any], None]) -> Workspace:
    """A project with one version, a lake that changed since, and a spec that tolerates few errors."""
    from flows.nightly import nightly
    from flows.retrain import retrain
    from flows.workspace import open_workspace

    folder = servers / "projects" / PROJECT
    houses(folder, LANDING)
    spec = folder / "project.yaml"
    asked = spec.read_text().replace("  degree: partial", "  degree: partial\n  target_error: 0.14")
    asked = asked.replace("\ntraining:\n", "\ntraining:\n  interval: 0.9\n")
    asked = asked.replace("holdout_days: 28", "holdout_days: 14").replace("fold_days: 28", "fold_days: 7")
    spec.write_text(asked)
    nightly(PROJECT, NIGHT)
    retrain(PROJECT, NIGHT)
    nightly(PROJECT, LATER)
    return open_workspace(PROJECT)


def training(workspace: Workspace) -> dict[str, Any]:
    version = workspace.registry.version(PROJECT, 1)
    assert version is not None
    content: dict[str, Any] = json.loads(workspace.registry.fetch(version)["training.json"])
    return content


def test_the_same_rows_recipe_spec_and_seed_give_the_same_bytes(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.cli.commands.models.reproduce import reproduce_version
    from flows.steps.challengers.training_provenance import commits

    then, now = training(workspace)["lake_commits"], commits(workspace.lake, PROJECT)
    assert set(then) == {"batches", "rows", "labels"}
    assert all(now[table] > then[table] for table in then)
    assert reproduce_version(PROJECT, 1)
    said = " ".join(capsys.readouterr().out.split())
    assert "the same model: model.onnx has the same" in said


def test_the_intervals_of_a_version_are_examined_on_the_hold_out_and_repeated_with_it(workspace: Workspace) -> None:
    version = workspace.registry.version(PROJECT, 1)
    assert version is not None
    model = load_model(workspace.registry.fetch(version))
    assert model.schema.interval is not None
    assert model.schema.interval.share == training(workspace)["finish"]["reach"]["share"] == 0.9
    assert "Prediction intervals for 90%: 9" in version.description
    assert "labels of the hold-out are inside" in version.description


def test_another_seed_or_other_rows_are_reported_with_a_possible_explanation(workspace: Workspace) -> None:
    from flows.backtest.retrace_version import _again, compared
    from flows.steps.challengers.training_provenance import code

    version = workspace.registry.version(PROJECT, 1)
    assert version is not None
    files, recorded = workspace.registry.fetch(version), training(workspace)
    other = recorded | {"recipe_parts": recorded["recipe_parts"] | {"iterations": 150}}
    fitted, rows = _again(workspace, other)
    found = compared(files, recorded, fitted, rows, code() | {"lock_sha256": "another"})
    assert not found.same
    assert any(each.startswith("answers: ") for each in found.differences)
    assert any(each.startswith("lock_sha256: ") for each in found.explanations)
    newest = recorded | {"lake_commits": {}, "night": LATER.isoformat()}
    with pytest.raises(DataError, match="has 0 labelled rows on 2014-07-14"):
        _again(workspace, newest)


def test_a_missing_or_incomplete_version_is_reported(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.backtest.retrace_version import reproduce

    with pytest.raises(DataError, match="again has no version 7; there is 1"):
        reproduce(workspace, 7)
    files = {"training.json": b'{"night": "2014-07-07", "rows": 3}'}
    monkeypatch.setattr(type(workspace.registry), "fetch", lambda *_: files)
    with pytest.raises(
        EvidenceError, match="registered without \\['recipe_parts', 'finish', 'spec', 'lake_commits'\\]"
    ):
        reproduce(workspace, 1)


def test_a_lake_as_it_was_knows_no_later_row_and_says_what_is_gone(tmp_path: Path) -> None:
    from tasks.lake import LakeSnapshot

    lake = Lake(str(tmp_path))
    for key in ("a", "b"):
        rows = pd.DataFrame({"row_id": [key], "batch_id": key, "revision": 1, "event_date": NIGHT})
        lake.append_if_absent("mine", "rows", rows, key)
    then = LakeSnapshot(
        lake.root, lake.options, commits={"rows": 1}
    )  # a table is made empty, at 0, before its first rows
    assert then.read("mine", "rows")["row_id"].tolist() == ["a"]
    assert then.read("mine", "labels", columns=["row_id"]).empty
    with pytest.raises(DataError, match="cannot be read as it was at commit 9"):
        replace(then, commits={"rows": 9}).read("mine", "rows")


def test_the_version_says_what_it_needs_and_shows_what_was_read(workspace: Workspace) -> None:
    recorded, version = training(workspace), workspace.registry.version(PROJECT, 1)
    assert version is not None
    assert recorded["spec"]["project"] == PROJECT
    assert recorded["code"]["packages"]["scikit-learn"]
    files = workspace.registry.fetch(version)
    assert {"plots.html", "MLmodel"} <= set(files)
    assert "<h2>Residuals</h2>" in files["plots.html"].decode()
    rule = load_model(files).schema.deferral
    assert rule is not None
    assert rule.target_error == 0.14
    assert len(rule.typical) == len(load_model(files).schema.inputs)
    for said in ("### Where the errors are", "plots.html)", "leeway rollback again", "more rows", "onnx", "people"):
        assert said in version.description
    run = workspace.registry._server.ask("get_run", version.run_id)
    read = {each.dataset.name: each.dataset.digest for each in run.inputs.dataset_inputs}
    assert read == {table: f"commit-{commit}" for table, commit in recorded["lake_commits"].items()}
    assert run.data.params["code.leeway"]
