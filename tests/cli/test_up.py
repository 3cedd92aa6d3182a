"""`leeway up` before anything is started, and what it chooses: ports, names, whether a night is overdue."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.cli.commands.service.run_service import opted_in
from flows.cli.console import screen
from flows.stack.endpoints import environment, on_host
from flows.stack.next_runs import overdue
from flows.stack.ports import LOOPBACK, OF_SERVICE, ports_of
from flows.stack.process_registry import MARK
from flows.stack.supervisor import NOTHING_TO_SERVE
from flows.stack.watcher import Projects, ServedTerms
from tasks.serving_store import ApiKeys, new_key, write_keys
from tasks.spec import ProjectSpec, read_spec
from tasks.spec.spec_sections.online_section import OnlineServing

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

SPEC = """\
project: shop
scope: {owner: me, objective: Sell., metric: mean_absolute_error}
source: {uri: landing, id: [order_id], event_time: date, label: {column: price}}
features: {numbers: [size]}
schedule: {nightly: "0 2 * * *", time_zone: Europe/Berlin}
"""
PORTS = {"prefect": 4200, "mlflow": 5000}


@pytest.fixture
def shop(here: Path) -> ProjectSpec:
    path = here / "deployments" / "shop" / "project.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SPEC)
    return read_spec(path)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_without_a_project_it_says_how_to_begin(leeway: Leeway) -> None:
    said = leeway("up")
    assert said.code == 1
    assert said.err.startswith("error: there is no project yet; `leeway init DATA")


def test_with_only_wrong_specs_nothing_is_started(here: Path, leeway: Leeway) -> None:
    (here / "deployments" / "shop").mkdir(parents=True)
    (here / "deployments" / "shop" / "project.yaml").write_text("project: shop\n")
    said = leeway("up")
    assert said.code == 1
    assert said.out.startswith("wrong deployments/shop/project.yaml:1: missing key 'scope'")
    assert said.out.endswith("and 2 more: `leeway check shop`\n")
    assert "no project has a valid spec" in said.err
    assert not (here / "deployments" / ".leeway").exists()


@pytest.mark.usefixtures("shop")
def test_a_spec_is_read_again_only_when_it_was_written(here: Path) -> None:
    projects = Projects(screen().print)
    assert [spec.project for spec in projects.changed()] == ["shop"]
    assert projects.changed() == []
    os.utime(here / "deployments" / "shop" / "project.yaml", ns=(1, 1))
    assert [spec.project for spec in projects.changed()] == ["shop"]


def test_ports_are_chosen_once(here: Path, taken: int) -> None:
    said: list[str] = []
    first = ports_of(here, LOOPBACK, said.append)
    assert ports_of(here, LOOPBACK, said.append) == first
    assert said == []
    (here / "ports.json").write_text(json.dumps({**first, "prefect": taken}))
    elsewhere = ports_of(here, LOOPBACK, said.append)["prefect"]
    assert elsewhere != taken
    assert said == [f"port {taken}, used by prefect before, is not free; using {elsewhere} this time"]
    assert json.loads((here / "ports.json").read_text())["prefect"] == taken
    service = ports_of(here, LOOPBACK, said.append, OF_SERVICE)
    assert ports_of(here, LOOPBACK, said.append, OF_SERVICE) == service
    assert json.loads((here / "ports.json").read_text()).keys() == {*PORTS, *service}


def test_a_port_that_another_homes_stack_was_started_for_is_its_own_before_anybody_listens(here: Path) -> None:
    wanted = ports_of(here, LOOPBACK, print)["prefect"]
    theirs = {MARK: str(here / "another"), "LEEWAY_PREFECT_PORT": str(wanted)}
    starting = subprocess.Popen(["sleep", "60"], env={**os.environ, **theirs})
    try:
        assert ports_of(here, LOOPBACK, print)["prefect"] != wanted
    finally:
        starting.kill()
        starting.wait()
    assert ports_of(here, LOOPBACK, print)["prefect"] == wanted


def test_the_service_starts_again_when_what_it_was_started_with_changes(here: Path, shop: ProjectSpec) -> None:
    said: list[str] = []
    served, projects = ServedTerms(said.append), Projects(said.append)
    assert not served.changed([shop], projects)
    served.say("http://127.0.0.1:8500", here)
    assert said == []

    def asking(**keys: Any) -> ProjectSpec:
        return shop.model_copy(update={"serving": OnlineServing(up=True, **keys)})

    assert served.changed([asking()], projects)
    served.say("http://127.0.0.1:8500", here)
    where, missing = said
    assert where == "[bold]predictions[/] http://127.0.0.1:8500   for shop"
    assert "`leeway serve-key NAME` makes one" in missing
    write_keys(here / "serving", ApiKeys((new_key("app")[0],)))
    served.say("http://127.0.0.1:8500", here)
    assert said[2:] == [where]
    (here / "serving" / "api_keys.json").write_text("{")
    served.say("http://127.0.0.1:8500", here)
    assert "every request is refused[/]: " in said[-1]
    assert not served.changed([asking()], projects)
    assert served.changed([asking(log=True)], projects)
    assert served.changed([shop], projects)
    assert not served.changed([shop], projects)


def test_a_service_that_left_out_a_wrong_spec_starts_again_once_it_is_right_and_forgets_a_removed_project(
    here: Path, shop: ProjectSpec
) -> None:
    served, projects = ServedTerms(print), Projects(print)
    path = here / "deployments" / shop.project / "project.yaml"
    right = SPEC + "serving: {up: true}\n"
    path.write_text(right)
    assert served.changed(projects.changed(), projects)
    path.write_text("project: shop\n")
    assert not served.changed(projects.changed(), projects)
    path.write_text(right)
    os.utime(path, ns=(1, 1))
    assert served.changed(projects.changed(), projects)
    assert not served.changed(projects.changed(), projects)
    path.unlink()
    assert served.changed(projects.changed(), projects)


def test_a_wrong_spec_stops_no_other_project_from_being_served(
    here: Path, shop: ProjectSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        opted_in()
    assert ended.value.code == NOTHING_TO_SERVE
    assert capsys.readouterr().err == "no project has `serving: {up: true}`\n"
    path = here / "deployments" / shop.project / "project.yaml"
    path.write_text(SPEC + "serving: {up: true}\n")
    (here / "deployments" / "broken").mkdir()
    (here / "deployments" / "broken" / "project.yaml").write_text("project: broken\n")
    assert opted_in() == ["shop"]
    assert "not served: deployments/broken/project.yaml:1: missing key 'scope'" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["five", "0", "65536", "-1"])
@pytest.mark.usefixtures("shop")
def test_a_port_that_is_none_is_said(wrong: str, leeway: Leeway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWAY_MLFLOW_PORT", wrong)
    said = leeway("run", "nightly", "shop")
    assert (said.code, said.err) == (1, f"error: LEEWAY_MLFLOW_PORT is {wrong!r}; expected a port number\n")


@pytest.mark.usefixtures("shop")
def test_servers_of_ones_own_that_do_not_answer_are_said(
    leeway: Leeway, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    said = leeway("run", "nightly", "shop")
    assert (said.code, said.err.split(";")[0]) == (1, "error: PREFECT_API_URL is set but MLFLOW_TRACKING_URI is not")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    said = leeway("run", "nightly", "shop")
    assert said.code == 1
    assert "are configured but do not answer; start them or unset them" in said.err
    assert taken


def test_only_another_host_opens_the_servers_to_other_names(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_SERVER_ALLOWED_HOSTS", raising=False)
    configured_elsewhere = environment(here, on_host(LOOPBACK, PORTS), LOOPBACK)
    assert "MLFLOW_SERVER_ALLOWED_HOSTS" not in configured_elsewhere
    near = environment(here, on_host(LOOPBACK, PORTS, "user:key"), LOOPBACK)
    assert near["MLFLOW_SERVER_ALLOWED_HOSTS"] == "localhost:5000,127.0.0.1:5000"
    far = environment(here, on_host("192.0.2.7", PORTS, "user:key"), "192.0.2.7")
    assert far["MLFLOW_TRACKING_URI"] == "http://192.0.2.7:5000"
    assert far["MLFLOW_SERVER_ALLOWED_HOSTS"] == "localhost:5000,127.0.0.1:5000,192.0.2.7:5000"
    assert "http://192.0.2.7:5000" in far["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    assert far["PREFECT_UI_API_URL"] == "/api"
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "models.example.org")
    kept = environment(here, on_host("192.0.2.7", PORTS, "user:key"), "192.0.2.7")
    assert kept["MLFLOW_SERVER_ALLOWED_HOSTS"] == "models.example.org"


@pytest.mark.parametrize(
    ("decided", "hour_utc", "late"),
    [
        (None, 9, False),  # its nights have not begun
        (date(2026, 1, 9), 9, True),  # 10 o'clock in Berlin
        (date(2026, 1, 9), 0, False),  # 1 o'clock: it is not time yet
        (date(2026, 1, 10), 9, False),  # done
    ],
)
def test_a_night_is_overdue_once_its_hour_is_over(
    decided: date | None, hour_utc: int, late: bool, shop: ProjectSpec
) -> None:
    assert overdue(shop, decided, datetime(2026, 1, 10, hour_utc, tzinfo=UTC)) is late
