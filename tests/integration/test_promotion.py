"""Answers of people, carried out in a real MLflow registry, written down, and reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks import clock
from tasks.dataset.degree_in_force import degree_in_force
from tasks.errors import EvidenceError
from tasks.lake import append_entry, read_entries
from tasks.promote import StepTime
from tasks.records import Entry, PromotionEntry, RollbackEntry, running_rollout
from tasks.registry import Basis, Draft
from tasks.registry.mlflow_names import BARRED, DEGREE, PROMOTED, ROLLOUT, TO_TELL
from tasks.rollout import RolloutVerdict
from tasks.spec import evidence_digest
from tasks.spec.project_spec import ProjectSpec
from tests.unit.people.test_audit import night

if TYPE_CHECKING:
    from flows.workspace import Workspace
    from tasks.promote import RegistryState
    from tasks.registry import Version

PROJECT = "promotion"
SPEC = ProjectSpec.model_validate(
    {
        "project": PROJECT,
        "scope": {"owner": "me", "objective": "A test.", "metric": "mean_absolute_error"},
        "source": {"uri": "landing", "id": ["id"], "event_time": "at", "label": {"column": "price"}},
        "features": {"numbers": ["size"]},
    }
)


# --- as a flow: written down, carried out, reported -----------------------------------------------------------------

NIGHT = date(2026, 11, 20)
WON = json.loads((Path(__file__).parents[1] / "unit/evaluate/frozen/evidence_2.json").read_text(encoding="utf-8"))
PROMISE = {
    "rows": 500, "unit": 1.5, "changed": 0.02, "changed_high": 0.04, "size": 0.05, "size_high": 0.06,
    "shift": 0.0, "shift_low": -0.1, "shift_high": 0.1,
}  # fmt: skip
Made = Callable[..., "Workspace"]
flows = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports


class CrashError(Exception):
    """The process died here."""


@pytest.fixture
def made(servers: Path) -> Made:
    """Make a project with one version that waits for an answer."""
    from flows.workspace import open_workspace

    def make(name: str, automation: str = "{}", rollout: str = "{}") -> Workspace:
        folder = servers / "projects" / name
        folder.mkdir(parents=True)
        parts = SPEC.model_dump(mode="json", include={"scope", "source", "features"}, exclude_defaults=True)
        lines = [f"{part}: {json.dumps(content)}" for part, content in parts.items()]
        text = "\n".join([f"project: {name}", f"automation: {automation}", f"rollout: {rollout}", *lines])
        (folder / "project.yaml").write_text(text, encoding="utf-8")
        return open_workspace(name, signs=True)

    return make


def waits(workspace: Workspace, key: str = "one", **changes: Any) -> int:
    """Add a version that beat the recorded champion; `changes` are to what its training rests on."""
    evidence = json.dumps({**WON, "passed": True, "verdict": "clear_win", "change": PROMISE}).encode()
    workspace.registry.ensure(workspace.project, "a test's own project")
    champions = workspace.champion_record().champions()
    number, digest = (champions[0].number, champions[0].digest) if champions else (None, "")
    basis = Basis(number, digest, evidence_digest(workspace.spec), workspace.lake.identity(workspace.project))
    draft = Draft(key, {"evidence.json": evidence}, "May it?\n\nWhy.", basis=replace(basis, **changes))
    return workspace.registry.add_version(workspace.project, draft).number


@flows
def test_approve_promote_reject_move_by_hand_and_roll_back(made: Made) -> None:
    from flows.promote import roll_back_now

    workspace = made("answers")
    registry, project = workspace.registry, workspace.project
    waits(workspace)
    assert promoted(workspace)["reason"] == "nothing to do"
    registry.set_tag(project, 1, "approval", "Approved ")
    assert promoted(workspace)["reason"] == "version 1 is the first champion: approved"
    registry.set_tag(project, waits(workspace, "two"), "approval", "approved")
    assert promoted(workspace)["reason"] == "version 2 is champion after version 1: approved"
    assert registry.aliases(project) == {"champion": 2, "previous": 1}
    registry.set_tag(project, waits(workspace, "three"), "approval", "rejected")
    registry.set_alias(project, "champion", 3)
    assert promoted(workspace)["reason"].split("; ", 1) == [
        "version 3 cannot be promoted again: rejected in MLflow",
        "the alias champion was moved by hand to version 3; it is back at version 2",
    ]
    roll_back_now(workspace, "prices off", NIGHT)
    assert registry.aliases(project) == {"champion": 1}
    assert promoted(workspace)["action"] == "none"
    assert registry.versions(project)[1].tags["leeway.barred"] == "rolled back to version 1: prices off"


@flows
def test_a_person_raises_a_degree_that_has_fallen_by_a_tag_on_the_page_of_the_champion(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = made("raised", automation="{degree: partial, approvers: [ann]}")
    registry, project = workspace.registry, workspace.project
    registry.set_tag(project, waits(workspace), "approval", "approved")
    promoted(workspace)
    fell, other = night(3, "partial", "assist"), waits(workspace, "two")
    append_entry(workspace.lake, project, fell)

    def asked(number: int, **tags: str) -> dict[str, str]:
        """Ask on the page of a version, and let the flow look; return the tags about degrees that are left."""
        for name, text in tags.items():
            registry.set_tag(project, number, f"degree.{name}", text)
        promoted(workspace)
        left = registry.version(project, number)
        assert left is not None
        return {name: text for name, text in left.tags.items() if name.startswith("degree.")}

    assert "the champion is version 1" in asked(other, **{"raise": "partial"})["degree.refused"]
    assert "automation.degree of the spec allows partial" in asked(1, **{"raise": "full"})["degree.refused"]
    monkeypatch.setattr("flows.steps.in_service.degree_raise.account", lambda: "pipeline")
    assert "add the tag degree.by with yours" in asked(1, **{"raise": "partial"})["degree.refused"]
    assert "Leeway's own account" in asked(1, by="pipeline")["degree.refused"]
    assert "bob is not one of automation.approvers" in asked(1, by="bob")["degree.refused"]
    assert degree_in_force(read_entries(workspace.lake, project), "partial") == "assist"
    assert asked(1, by="ann", reason="retrained") == {}
    (entry,) = read_entries(workspace.lake, project, "degree")
    assert (entry.action, entry.actor, entry.reason) == ("partial", "ann", "retrained")
    assert "it fell on 2026-01-03" in getattr(entry, "evidence", "")
    assert degree_in_force(read_entries(workspace.lake, project), "partial") == "partial"

    def shown() -> str:
        version = registry.version(project, 1)
        return "" if version is None else version.tags[DEGREE]

    assert shown() == "partial: raised by ann"
    assert asked(1, **{"raise": "partial", "by": "ann"}) == {}, "one that a crashed run left is removed"
    refused = asked(1, **{"raise": "partial", "by": "bob"})["degree.refused"]
    assert "bob is not one of automation.approvers" in refused, "a second request is checked as the first one"
    assert "partial is in force" in refused
    assert shown() == "partial: raised by ann"
    assert len(read_entries(workspace.lake, project, "degree")) == 1


def promoted(workspace: Workspace) -> dict[str, Any]:
    """Run the flow; the poll knows before whether it will do anything, and after it that nothing is left."""
    from flows.promote import has_work, promote

    had_work = has_work(workspace)
    result: dict[str, Any] = promote(workspace.project, NIGHT)
    assert had_work or result["reason"] == "nothing to do"
    if has_work(workspace):  # what was carried out may change why a request of another version is refused
        promote(workspace.project, NIGHT)
    assert not has_work(workspace)
    return result


@flows
def test_the_poll_of_all_projects_starts_one_run_where_a_person_approved_a_version(made: Made, servers: Path) -> None:
    from flows.promotions import promotions
    from flows.stack.deployments import deploy
    from flows.stack.run_deployment import run_due

    workspace = made("polled")
    waits(workspace)
    assert "polled" not in promotions()
    workspace.registry.set_tag("polled", 1, "approval", "approved")
    assert promotions()["polled"] == "not deployed"
    deploy([workspace.spec], servers)
    assert promotions()["polled"] == "started"
    assert "champion" not in workspace.registry.aliases("polled"), "the poll itself promotes nothing"
    assert promotions()["polled"] == "under way", "no second run waits behind the first"
    (outcome,) = run_due("promote", "polled")
    assert (outcome["action"], workspace.registry.aliases("polled")["champion"]) == ("promoted", 1)
    assert "polled" not in promotions()


@flows
def test_a_project_that_cannot_be_looked_at_has_a_run_that_fails_and_holds_up_no_other(
    made: Made, servers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import promote
    from flows.promotions import promotions
    from flows.stack.deployments import deploy
    from flows.stack.run_deployment import run_due

    projects = [made(name) for name in ("lost", "broken", "sound")]
    deploy([workspace.spec for workspace in projects], servers)
    for workspace in projects:
        workspace.registry.set_tag(workspace.project, waits(workspace), "approval", "approved")
    errors, of_registry = {"lost": EvidenceError("no file"), "broken": ZeroDivisionError()}, promote.registry_state

    def registry_state(workspace: Workspace, versions: list[Version]) -> RegistryState:
        if workspace.project in errors:
            raise errors[workspace.project]
        return of_registry(workspace, versions)

    monkeypatch.setattr(promote, "registry_state", registry_state)
    found = promotions()
    assert [found[workspace.project] for workspace in projects] == ["started"] * 3
    for name, error in errors.items():
        with pytest.raises(type(error)):
            run_due("promote", name)
    assert [outcome["action"] for outcome in run_due("promote", "sound")] == ["promoted"]


@flows
def test_a_run_without_a_process_does_not_block_a_project_for_ever(made: Made, servers: Path) -> None:
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
    from prefect.states import Running

    from flows.stack.deployments import deploy
    from flows.stack.run_deployment import LONGEST_RUN, start

    deploy([made("gone").spec], servers)
    now = clock.now()
    assert [start("promote", "gone", now) for _ in range(2)] == ["started", "under way"]
    with get_client(sync_client=True) as client:
        of_project = DeploymentFilter(name=DeploymentFilterName(any_=["gone"]))
        (waiting,) = [run for run in client.read_flow_runs(deployment_filter=of_project) if not run.auto_scheduled]
        client.set_flow_run_state(waiting.id, Running(), force=True)
    assert start("promote", "gone", now) == "under way"
    assert start("promote", "gone", now + 2 * LONGEST_RUN) == "started"


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """Collect what people are notified of."""
    said: list[Entry] = []
    monkeypatch.setattr("flows.promote.send_notifications_task", lambda _lake, _spec, entry, _known: said.append(entry))
    return said


@flows
def test_a_promotion_that_a_crashed_run_did_not_report_is_reported_by_the_next_run_and_once(
    made: Made, reported: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = made("untold")
    number = waits(workspace)
    workspace.registry.set_tag(workspace.project, number, "approval", "approved")

    def dies(*_: object) -> None:
        raise CrashError

    with monkeypatch.context() as broken:
        broken.setattr("flows.promote.write_report", dies)
        with pytest.raises(CrashError):
            promoted(workspace)
    left = workspace.registry.version(workspace.project, number)
    assert left is not None
    assert workspace.registry.aliases(workspace.project)["champion"] == number
    assert {PROMOTED, TO_TELL} <= set(left.tags)
    assert reported == []
    assert promoted(workspace)["action"] == "none"
    assert [(each.action, each.reason) for each in reported] == [
        ("promoted", "version 1 is the first champion: approved")
    ]
    version = workspace.registry.version(workspace.project, number)
    assert version is not None
    assert TO_TELL not in version.tags
    assert version.description.startswith("version 1 is the first champion")
    promoted(workspace)
    assert len(reported) == 1


@flows
def test_a_step_that_was_never_carried_out_is_not_reported(made: Made, reported: list[Entry]) -> None:
    workspace = made("undone")
    number = waits(workspace)
    workspace.registry.set_tag(workspace.project, number, TO_TELL, f"promotion/{number}/promoted")
    promoted(workspace)
    version = workspace.registry.version(workspace.project, number)
    assert version is not None
    assert TO_TELL not in version.tags
    assert reported == []


@flows
def test_a_canary_is_rolled_out_and_ended_by_a_person(
    made: Made, reported: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.promote import roll_back_now
    from flows.steps.in_service.rollout_steps import next_step

    events: list[str] = []
    monkeypatch.setattr(
        "flows.steps.in_service.rollout_steps.emit_event", lambda _project, event, _facts: events.append(event)
    )
    monkeypatch.setattr(
        "flows.steps.in_service.rollout_steps.send_notifications_task",
        lambda _lake, _spec, entry, _known: reported.append(entry),
    )
    workspace = made("canary", rollout="{strategy: canary}")
    registry, project = workspace.registry, workspace.project
    registry.set_tag(project, waits(workspace), "approval", "approved")
    promoted(workspace)
    registry.set_tag(project, waits(workspace, "two"), "approval", "approved")
    assert promoted(workspace)["reason"] == "version 2 is rolled out by the prediction service: approved"
    assert registry.aliases(project)["champion"] == 1
    last = running_rollout(read_entries(workspace.lake, project))
    assert last is not None
    step = next_step(last, RolloutVerdict("advanced", 0.01, "as promised"), StepTime(NIGHT, clock.now()))
    append_entry(workspace.lake, project, step)
    assert [promoted(workspace)["action"] for _ in range(2)] == ["none", "none"]
    said = roll_back_now(workspace, "prices off", NIGHT)
    assert said == "version 2 cannot be promoted again: prices off"
    version = registry.version(project, 2)
    assert version is not None
    assert version.tags[BARRED] == "prices off"
    assert version.tags[ROLLOUT].startswith("2: rolled_back, 0 % of the requests; version ")
    assert registry.aliases(project) == {"champion": 1}
    assert promoted(workspace)["action"] == "none"
    assert events == ["rollout.started", "rollout.advanced", "rollout.rolled_back"]
    assert [each.action for each in reported] == ["promoted", "started", "advanced", "rejected", "rolled_back"]


@flows
def test_every_step_is_written_down_with_who_when_and_why(
    made: Made, reported: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.promote import roll_back_now

    workspace = made("audited", "{promote: automatic}")
    waits(workspace)
    promoted(workspace)
    workspace.registry.set_tag(workspace.project, waits(workspace, "two"), "approval", "approved")
    workspace.registry.set_tag(workspace.project, 2, "approval.by", "ben")
    workspace.registry.set_tag(workspace.project, 2, "approval.reason", "better for old flats")
    promoted(workspace)
    workspace.registry.set_alias(workspace.project, "champion", 1)
    promoted(workspace)
    roll_back_now(workspace, "offers were too high", NIGHT)
    workspace.registry.set_tag(
        workspace.project, waits(workspace, "three", champion=7, champion_digest="7" * 64), "approval", "approved"
    )
    promoted(workspace)
    workspace.registry.delete_tag(workspace.project, 3, "approval")
    late = clock.now() + timedelta(days=40)
    with monkeypatch.context() as later:
        later.setattr("tasks.clock.now", lambda: late)
        promoted(workspace)
    entries = read_entries(workspace.lake, workspace.project)
    rows = [entry for entry in entries if isinstance(entry, PromotionEntry | RollbackEntry)]
    assert [(each.action, each.actor.partition(",")[0]) for each in rows][:4] == [
        ("promoted", "leeway"), ("approved", "ben"), ("promoted", "ben"), ("put_back", "leeway")
    ]  # fmt: skip
    assert [each.action for each in rows][4:] == ["rolled_back", "approved", "refused", "rejected"]
    assert rows[0].because.startswith("automation.promote is automatic; mean_absolute")
    assert rows[1].reason == rows[2].because == "better for old flats"
    assert rows[3].reason == "the alias champion was moved by hand to version 1; it is back at version 2"
    assert rows[4].reason.endswith("offers were too high")
    assert "it was compared with champion 7" in rows[6].reason
    assert rows[7].reason == "version 3 cannot be promoted again: no answer within gate.evidence_days, 30"
    assert all(each.time.tzinfo is not None for each in rows)
    assert [each.action for each in reported] == [
        "promoted",
        "promoted",
        "put_back",
        "rolled_back",
        "refused",
        "rejected",
    ]
