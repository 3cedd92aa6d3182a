"""The registry against a real MLflow server."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks import clock
from tasks.errors import EvidenceError, Terminal, Unreachable
from tasks.registry import Draft, Keys, Registry, load_keys
from tasks.registry.mlflow_names import KEY
from tasks.registry.new_version import create_version

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning"
)  # of mlflow's own imports

FILES = {"model.onnx": b"\x00\x01 not text \xff", "evidence.json": b'{"passed":true}'}
DRAFT = Draft(
    key="mine/2026-11-20",
    files=FILES,
    description="# A card",
    tags={"leeway.verdict": "clear_win"},
    params={"recipe": "event_time"},
    metrics={"challenger_loss": 0.13},
)


class CrashError(Exception):
    """A crash between two calls."""


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return load_keys(tmp_path, {})


@pytest.fixture
def registry(mlflow_url: str, keys: Keys) -> Registry:
    return Registry(mlflow_url, keys)


@pytest.fixture
def project(registry: Registry, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_").replace("_", "-")[:63]
    registry.ensure(name, "A test's own project.")
    return str(name)


def cut_before(registry: Registry, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = registry._server.ask

    def asked(name: str, *args: Any, **options: Any) -> Any:
        if name == method:
            raise CrashError
        return ask(name, *args, **options)

    monkeypatch.setattr(registry._server, "ask", asked)


def runs_of(registry: Registry, project: str) -> list[str]:
    return registry._runs.with_tag(registry._runs.experiment(project), KEY, DRAFT.key)


def test_what_went_in_comes_out(registry: Registry, project: str) -> None:
    before = datetime.now(UTC)
    added = registry.add_version(project, DRAFT)
    assert registry.fetch(added) == FILES
    assert (added.number, added.tags["leeway.verdict"], added.description) == (1, "clear_win", "# A card")
    assert abs((added.created - before).total_seconds()) < 60
    run = registry._server.ask("get_run", added.run_id)
    assert run.data.params == {"recipe": "event_time"}
    assert run.data.metrics == {"challenger_loss": 0.13}
    assert run.info.status == "FINISHED"


def test_the_page_of_a_version_is_given_what_goes_in_and_what_comes_out(registry: Registry, project: str) -> None:
    """It asks this address for the schema that it shows."""
    added = registry.add_version(project, replace(DRAFT, files={**FILES, "MLmodel": b"signature: here"}))
    asked = f"{registry.url}/model-versions/get-artifact?path=MLmodel&name={project}&version={added.number}"
    with urllib.request.urlopen(asked, timeout=30) as found:  # noqa: S310 - our own http address
        assert found.read() == b"signature: here"


def test_the_same_key_makes_one_version(registry: Registry, project: str) -> None:
    first = registry.add_version(project, DRAFT)
    again = registry.add_version(project, replace(DRAFT, files={"model.onnx": b"another"}))
    assert again == first
    assert registry.add_version(project, replace(DRAFT, key="mine/2026-11-21")).number == 2


@pytest.mark.parametrize("step", ["log_batch", "log_artifacts", "set_terminated", "create_model_version"])
def test_a_crash_at(step: str, mlflow_url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    project = f"crash-at-{step.replace('_', '-')}"
    crashing, next_night = Registry(mlflow_url, keys), Registry(mlflow_url, keys)
    next_night.ensure(project, "")
    cut_before(crashing, step, monkeypatch)
    with pytest.raises(CrashError):
        crashing.add_version(project, DRAFT)
    assert next_night.versions(project) == []
    healed = next_night.add_version(project, DRAFT)
    assert next_night.fetch(healed) == FILES
    assert [healed] == next_night.versions(project)
    assert runs_of(next_night, project) == [healed.run_id]


def test_a_version_made_twice_by_a_lost_reply_is_one(registry: Registry, project: str) -> None:
    create_version(registry._runs, registry._keys, project, DRAFT, clock.now())
    create_version(registry._runs, registry._keys, project, DRAFT, clock.now())
    kept = registry.add_version(project, DRAFT)
    assert [version.number for version in registry.versions(project)] == [1]
    assert runs_of(registry, project) == [kept.run_id]


def test_aliases_point_where_they_were_set(registry: Registry, project: str) -> None:
    for day in (1, 2):
        registry.add_version(project, replace(DRAFT, key=f"mine/{day}"))
    registry.set_alias(project, "champion", 2)
    registry.set_alias(project, "previous", 1)
    champion = registry.by_alias(project, "champion")
    assert champion is not None
    assert (champion.number, champion.aliases) == (2, ("champion",))
    assert [version.aliases for version in registry.versions(project)] == [("champion",), ("previous",)]
    for _twice in range(2):
        registry.delete_alias(project, "previous")
    assert registry.by_alias(project, "previous") is None
    assert registry.aliases(project) == {"champion": 2}


def test_tags_and_cards_are_changed_in_place(registry: Registry, project: str) -> None:
    registry.add_version(project, DRAFT)
    registry.set_tag(project, 1, "approval.refused", "x" * 6000)
    registry.set_description(project, 1, "another card")
    changed = registry.version(project, 1)
    assert changed is not None
    assert (len(changed.tags["approval.refused"]), changed.description) == (5000, "another card")
    for _twice in range(2):
        registry.delete_tag(project, 1, "approval.refused")
    assert "approval.refused" not in registry.versions(project)[0].tags


def test_what_is_not_there_is_none(registry: Registry, project: str) -> None:
    assert registry.version(project, 99) is None
    assert registry.by_alias(project, "champion") is None
    assert registry.versions("unknown") == []
    with pytest.raises(Terminal, match="no such object"):
        registry.set_alias(project, "champion", 99)


def test_a_series_is_one_run_and_a_point_written_twice_is_one(registry: Registry, project: str) -> None:
    for day, strain in ((20_000, 0.5), (20_001, 0.7), (20_001, 0.7)):
        at = datetime(2024, 10, day - 19_990, tzinfo=UTC)
        series = registry.series(project, "monitoring")
        series.log_metrics({"strain m²": strain}, step=day, at=at)
    assert registry._runs.with_tag(series.experiment_id, "leeway.series", "monitoring") == [series.run_id]
    points = series.server.ask("get_metric_history", series.run_id, "strain m_")
    assert [(point.step, point.value) for point in points] == [(20_000, 0.5), (20_001, 0.7)]


def test_an_exchanged_file_is_not_returned(registry: Registry, project: str, tmp_path: Path) -> None:
    added = registry.add_version(project, DRAFT)
    (tmp_path / "model.onnx").write_bytes(b"something else")
    registry._server.ask("log_artifact", added.run_id, str(tmp_path / "model.onnx"), "model")
    with pytest.raises(EvidenceError, match=r"model\.onnx has changed"):
        registry.fetch(added)


def test_the_files_of_one_version_do_not_pass_as_anothers(registry: Registry, project: str) -> None:
    old = registry.add_version(project, DRAFT)
    new = registry.add_version(project, replace(DRAFT, key="mine/2026-11-21"))
    with pytest.raises(EvidenceError, match="belong to another version"):
        registry.fetch(replace(new, run_id=old.run_id))


def test_a_version_signed_elsewhere_is_not_returned(mlflow_url: str, project: str, registry: Registry) -> None:
    added = registry.add_version(project, DRAFT)
    with pytest.raises(EvidenceError, match="none of the 0 trusted keys"):
        Registry(mlflow_url).fetch(added)


def test_a_version_without_files_is_not_returned(registry: Registry, project: str) -> None:
    run_id = registry._runs.start(registry._runs.experiment(project), "by hand", {})
    registry._server.ask("create_model_version", project, source=f"runs:/{run_id}/model", run_id=run_id)
    with pytest.raises(EvidenceError, match="has no files"):
        registry.fetch(registry.versions(project)[0])


def test_many_parameters_and_metrics_are_all_kept(registry: Registry, project: str) -> None:
    draft = replace(DRAFT, params={f"p{i}": "v" for i in range(150)}, metrics={f"m{i}": float(i) for i in range(250)})
    run = registry._server.ask("get_run", registry.add_version(project, draft).run_id)
    assert (len(run.data.params), len(run.data.metrics)) == (150, 250)


def test_a_deleted_experiment_says_how_to_get_it_back(registry: Registry, project: str) -> None:
    registry._server.ask("delete_experiment", registry._runs.experiment(project))
    with pytest.raises(Terminal, match="mlflow experiments restore"):
        registry.ensure(project, "")


@pytest.mark.parametrize(
    "call",
    [
        lambda registry: registry.versions("mine"),
        lambda registry: registry.ensure("mine", ""),
        lambda registry: registry.set_alias("mine", "champion", 1),
    ],
)
def test_a_silent_server_may_answer_later(call: Callable[[Registry], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9 did not answer"):
        call(Registry("http://127.0.0.1:9"))
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
