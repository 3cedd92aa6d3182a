"""`leeway status` of the prediction service: the version and state of each project, while it runs and afterwards."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flows.cli.commands.service.served_projects import show_served, state_of
from tests.integration.test_serve import self_signed
from tests.running_service import Packages, running, until
from tests.unit.serve.packages import fitted, package_of, spec_of, write_suite


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder)
    return [package_of(folder, fitted(kind), number) for number, kind in enumerate(("linear", "forest"), start=1)]


def shown(home: Path, champion: int | None, **changes: Any) -> str:
    page = StringIO()
    champions = {} if champion is None else {"flats": champion}
    show_served([spec_of(**changes)], champions, home, Console(file=page, width=200))
    return " ".join(page.getvalue().split())


def test_a_project_is_shown_with_its_version_state_and_address(tmp_path: Path, packages: Packages) -> None:
    assert shown(tmp_path, 1) == ""
    assert "flats │ - │ not served now: `leeway up` or `leeway serve`" in shown(tmp_path, 1, serving={"up": True})
    with running(tmp_path, packages) as service:
        address = f"{service.address}/v1/projects/flats/predict"
        assert f"flats │ 1 │ answers │ {address}" in shown(tmp_path, 1)
        assert f"flats │ 1 │ answers; the champion is version 2 │ {address}" in shown(tmp_path, 2)
        service.publish(2)
        until(lambda: "flats │ 2 │ answers │" in shown(tmp_path, 2))
        route = Path(service.settings.root) / "flats" / "route.json"
        route.write_bytes(b"no route")
        until(lambda: "its newest package is refused, see the log of the service" in shown(tmp_path, 2))
    assert "not served now" in shown(tmp_path, 2)


def test_a_project_without_a_version_says_why(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages, published=False) as service:
        assert "flats │ - │ has no champion yet" in shown(tmp_path, None)
        (Path(service.settings.root) / "flats" / "publisher_fault.txt").write_text("the model has no exporter")
        said = "flats │ - │ does not answer yet; the champion is version 1; the model has no exporter"
        assert said in shown(tmp_path, 1)


def test_an_encrypted_address_is_shown_as_it_is(tmp_path: Path, packages: Packages) -> None:
    certificate, private_key = self_signed(tmp_path)
    with running(tmp_path, packages, certificate=str(certificate), private_key=str(private_key)) as service:
        assert f"https://127.0.0.1:{service.settings.port}/" in shown(tmp_path, 1)


def test_another_program_at_the_port_of_the_metrics_is_no_service(tmp_path: Path, packages: Packages) -> None:
    with running(tmp_path, packages) as service:
        path = tmp_path / "serving" / "service.json"
        settings = json.loads(path.read_text())
        path.write_text(json.dumps(settings | {"admin_port": service.settings.port}))
        assert "not served now" in shown(tmp_path, 1)
        path.write_text("damaged")
        assert shown(tmp_path, 1) == ""


def test_two_versions_answer_for_the_moment_of_an_exchange() -> None:
    assert state_of({"versions": [1, 2], "degraded": False}, 2) == ("1 and 2", "answers; the champion is version 2")
