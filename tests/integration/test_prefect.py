"""Deployments on a real Prefect server: the pins in pyproject.toml are right only if it plans the runs it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

    from tasks.spec import ProjectSpec

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
PROJECT = "planned"
PLANNED_SECONDS = 60  # the scheduler looks every five
KINDS = ("nightly", "monitor", "promote", "retrain", "upkeep")


@pytest.fixture(scope="module")
def spec(servers: Path, houses: Callable[[Path, Any], None]) -> ProjectSpec:
    from flows.stack.deployments import deploy
    from tasks.spec import find_project, read_spec

    houses(servers / "projects" / PROJECT, {"sales": {}, "prices": {}})
    known = read_spec(find_project(PROJECT))
    deploy([known], servers)
    return known


def deployment(kind: str) -> DeploymentResponse:
    from prefect import get_client

    with get_client(sync_client=True) as client:
        return client.read_deployment_by_name(f"{kind}/{PROJECT}")


def runs(of: DeploymentResponse) -> list[FlowRun]:
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    with get_client(sync_client=True) as client:
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[of.id]))
        return client.read_flow_runs(deployment_filter=mine)


def test_the_nights_of_a_deployment_are_planned_by_the_server(spec: ProjectSpec) -> None:
    nightly, deadline = deployment("nightly"), time.monotonic() + PLANNED_SECONDS
    while not (planned := runs(nightly)) and time.monotonic() < deadline:
        time.sleep(0.5)
    first = min(run.expected_start_time for run in planned if run.expected_start_time)
    assert first > datetime.now(UTC)
    assert first.astimezone(ZoneInfo(spec.schedule.time_zone)).strftime("%H:%M") == "02:00"
    assert {run.parameters["reason"] for run in planned} == {"scheduled"}
    form = nightly.parameter_openapi_schema
    assert form is not None
    assert form["properties"]["reason"]["default"] == "by hand"


@pytest.mark.usefixtures("spec")
def test_a_retraining_has_no_schedule_and_no_two_runs_of_a_kind_overlap() -> None:
    found = {kind: deployment(kind) for kind in KINDS}
    assert [len(found[kind].schedules) for kind in KINDS] == [1, 0, 1, 0, 1]
    assert {each.global_concurrency_limit.limit for each in found.values() if each.global_concurrency_limit} == {1}


def test_deploying_again_changes_nothing(spec: ProjectSpec, tmp_path: Path) -> None:
    from flows.stack.deployments import deploy

    def described() -> list[dict[str, Any]]:
        moments = {"id", "created", "updated"}  # Prefect writes schedules again
        return [
            deployment(kind).model_dump(mode="json", exclude={"updated": True, "schedules": {"__all__": moments}})
            for kind in KINDS
        ]

    before = described()
    deploy([spec], tmp_path)
    assert described() == before


def test_a_deployment_runs_here_with_the_parameters_it_is_given(spec: ProjectSpec) -> None:
    from prefect.client.schemas.objects import StateType

    from flows.stack.run_deployment import run

    result = run("nightly", spec.project, date="2014-05-05", reason="a test")
    assert (result["night"], result["action"]) == ("2014-05-05", "wait")
    done = [each for each in runs(deployment("nightly")) if each.state_type == StateType.COMPLETED]
    assert [(each.name, each.parameters["reason"]) for each in done] == [("planned 2014-05-05: wait", "a test")]


class Untouched(list[int]):
    """A collection that cannot be walked through."""

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("walked through")


@pytest.mark.usefixtures("servers")
def test_a_task_receives_its_arguments_as_they_are_and_prefect_does_not_walk_through_them() -> None:
    from prefect import flow

    from tasks.prefect_task import leeway_task

    given = Untouched([1])
    same = leeway_task("same")(lambda first, second: first is given and second is given)

    @flow(name="as they are")
    def hands_on() -> bool:
        return bool(same(given, second=given))

    assert hands_on()


def test_logs_shows_the_last_run_of_a_project_and_of_no_other(
    spec: ProjectSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect import flow

    from flows.cli.commands.machine.show_logs import show_run_log
    from flows.stack.local_stack import drain_logs
    from tasks.logs import line, logger

    def run(kind: str, project: str, number: int) -> None:
        @flow(name=kind, flow_run_name=f"{project} tonight")
        def logging_flow(project: str) -> None:
            logger().info(line("counted", number=number, project=project))

        logging_flow(project)

    for kind, project, number in [("nightly", PROJECT, 1), ("promote", PROJECT, 2), ("nightly", f"{PROJECT}-other", 3)]:
        run(kind, project, number)
    drain_logs()
    for asked, number in ((None, 1), ("promote", 2)):
        show_run_log(spec.project, asked, lines=50)
        shown = capsys.readouterr().out
        assert f"info counted number={number} project={PROJECT}\n" in shown
        assert shown.count("counted") == 1
    show_run_log(spec.project, "upkeep", lines=50)
    assert f"{PROJECT} has no upkeep run yet" in capsys.readouterr().out


def test_one_poll_for_all_projects_says_that_there_is_nothing_to_do(spec: ProjectSpec) -> None:
    from prefect import get_client

    from flows.promotions import promotions

    with get_client(sync_client=True) as client:
        poll = client.read_deployment_by_name("promotions/all")
    assert [schedule.schedule.cron for schedule in poll.schedules] == ["* * * * *"]  # type: ignore[union-attr]
    before = len(runs(deployment("promote")))
    assert spec.project not in promotions()
    assert len(runs(deployment("promote"))) == before


def test_a_schedule_that_a_spec_no_longer_has_is_gone(spec: ProjectSpec, tmp_path: Path) -> None:
    from flows.stack.deployments import deploy

    own = {"monitoring": "0 4 * * *", "promote": "0 3 1 1 *"}
    deploy([spec.model_copy(update={"schedule": spec.schedule.model_copy(update=own)})], tmp_path)
    assert [each.active for each in deployment("promote").schedules] == [True]
    assert [each.active for each in deployment("monitor").schedules] == [True]
    deploy([spec], tmp_path)
    assert [each.active for each in deployment("promote").schedules] == [False]  # the poll of all projects runs it
    assert deployment("monitor").schedules == []
