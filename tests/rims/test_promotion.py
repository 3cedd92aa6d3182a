"""Answers of people, carried out in a real MLflow registry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.promote import Proof, Situation, asking, carry_out, plan, recorded_champion, rollback, sentence
from tasks.registry import Draft, Registry, load_keys
from tasks.spec.models import ProjectSpec

PROJECT = "promotion"
EVIDENCE = {"passed": True, "verdict": "clear_win"}
SPEC = ProjectSpec.model_validate(
    {
        "project": PROJECT,
        "scope": {"owner": "me", "objective": "A test.", "metric": "mean_absolute_error"},
        "source": {"uri": "landing", "id": ["id"], "event_time": "at", "label": {"column": "price"}},
        "features": {"numbers": ["size"]},
    }
)


@pytest.fixture
def registry(mlflow_url: str, tmp_path: Path) -> Registry:
    opened = Registry(mlflow_url, load_keys(tmp_path, {}))
    opened.ensure(PROJECT, "A test's own project.")
    return opened


def seen(registry: Registry) -> Situation:
    versions = registry.versions(PROJECT)
    return Situation(versions, recorded_champion(versions))


def settle(registry: Registry, now: datetime) -> list[str]:
    situation = seen(registry)
    proofs = {each.number: Proof(json.loads(registry.fetch(each)["evidence.json"])) for each in asking(situation, SPEC)}
    steps = plan(Situation(situation.versions, situation.recorded, proofs), SPEC, now)
    for step in steps:
        carry_out(step, PROJECT, registry)
    return [sentence(step) for step in steps]


def test_approve_promote_reject_move_by_hand_and_roll_back(registry: Registry) -> None:
    now = datetime.now(UTC)
    for number, compared in ((1, "none"), (2, "1"), (3, "2")):
        tags = {"leeway.compared_with": compared}
        registry.add_version(PROJECT, Draft(str(number), {"evidence.json": json.dumps(EVIDENCE).encode()}, tags=tags))
    assert settle(registry, now) == []
    registry.set_tag(PROJECT, 1, "approval", "Approved ")
    assert settle(registry, now) == ["version 1 is the first champion: approved"]
    registry.set_tag(PROJECT, 2, "approval", "approved")
    assert settle(registry, now + timedelta(seconds=1)) == ["version 2 is champion after version 1: approved"]
    assert registry.aliases(PROJECT) == {"champion": 2, "previous": 1}
    registry.set_tag(PROJECT, 3, "approval", "rejected")
    registry.set_alias(PROJECT, "champion", 3)
    assert settle(registry, now) == [
        "version 3 is barred: rejected in MLflow",
        "the alias champion was moved by hand to version 3; it is back at version 2",
    ]
    carry_out(rollback(seen(registry), "prices off", now + timedelta(seconds=2)), PROJECT, registry)
    assert registry.aliases(PROJECT) == {"champion": 1}
    assert settle(registry, now) == []
    assert registry.versions(PROJECT)[1].tags["leeway.barred"] == "rolled back to version 1: prices off"
