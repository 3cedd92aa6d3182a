"""`leeway doctor` says what is in the way, and the command or setting that helps: for every check."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from flows.cli.commands.machine import machine_findings
from flows.stack.process_registry import entry, write_note
from tasks import clock
from tasks.errors import Unreachable
from tasks.lake import append_entry
from tasks.records import PromotionEntry
from tasks.serve.service_settings import ServiceSettings
from tasks.serving_store import SERVING_FOLDER, public_pems
from tasks.serving_store.store import ROUTES
from tasks.serving_store.traffic_route import PROTOCOL, Route

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

SPEC = """\
project: shop
scope: {owner: me, objective: Sell., metric: mean_absolute_error}
source: {uri: landing, id: [order_id], event_time: date, label: {column: price}}
features: {numbers: [size], booleans: [paid], categories: [kind]}
"""
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Machine:
    """A machine with one project, on which something may go wrong."""

    home: Path
    project: Path
    changes: pytest.MonkeyPatch

    def has(self, name: str, found: object) -> None:
        """Let one of the checks find this by one of its names."""
        self.changes.setattr(machine_findings, name, found)

    def with_variables(self, **values: str) -> None:
        for name, value in values.items():
            self.changes.setenv(name, value)


@pytest.fixture
def machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    project = here / "deployments" / "shop"
    project.mkdir(parents=True)
    (project / "project.yaml").write_text(SPEC)
    return Machine(here / "deployments" / ".leeway", project, monkeypatch)


def old_python(machine: Machine) -> None:
    machine.has("sys", SimpleNamespace(version_info=(3, 10, 2), path=sys.path))


def other_packages(machine: Machine) -> None:
    machine.has("requires", lambda _name: ["pandas<2", "dask; extra == 'x'"])


def lost_package(machine: Machine) -> None:
    machine.has("requires", lambda _name: ["no-such-package"])


def not_installed(machine: Machine) -> None:
    def requires(_name: str) -> list[str]:
        raise PackageNotFoundError

    machine.has("requires", requires)


def no_compiler(machine: Machine) -> None:
    machine.has("is_built", lambda: False)


def no_landlock(machine: Machine) -> None:
    machine.has("landlock_version", lambda: 0)


def names_of_ours(machine: Machine) -> None:
    theirs = machine.project / "theirs" / "tasks"
    theirs.mkdir(parents=True)
    (theirs / "__init__.py").write_text("")
    machine.changes.syspath_prepend(str(theirs.parent))


def home_of_another(machine: Machine) -> None:
    machine.changes.setattr(os, "access", lambda *_: False)


def open_home(machine: Machine) -> None:
    machine.home.mkdir()
    machine.home.chmod(0o755)


def full_disk(machine: Machine) -> None:
    machine.has("shutil", SimpleNamespace(disk_usage=lambda _place: SimpleNamespace(free=1e9)))


def half_configured(machine: Machine) -> None:
    machine.with_variables(PREFECT_API_URL=NOWHERE)


def silent_servers(machine: Machine) -> None:
    machine.with_variables(PREFECT_API_URL=f"{NOWHERE}/api", MLFLOW_TRACKING_URI=NOWHERE)


def silent_stack(machine: Machine) -> None:
    machine.home.mkdir(mode=0o700)
    write_note(
        machine.home, {"keeper": entry(os.getpid()), "members": {}, "prefect": f"{NOWHERE}/api", "mlflow": NOWHERE}
    )


def wrong_port(machine: Machine) -> None:
    machine.with_variables(LEEWAY_MLFLOW_PORT="five")


def wrong_spec(machine: Machine) -> None:
    (machine.project / "project.yaml").write_text("project: shop\n")


def served_before(machine: Machine) -> None:
    """Let the record have a champion that the service has no package of."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from flows.workspace import open_lake

    private, root, now = Ed25519PrivateKey.generate(), machine.home / SERVING_FOLDER, clock.now()
    (root / "shop").mkdir(parents=True)
    settings = ServiceSettings(projects=("shop",), root=str(root), trusted=public_pems([private.public_key()]))
    settings.write()
    ROUTES.write(root, Route(protocol=PROTOCOL, project="shop", serial=1, package="0" * 64, version=1), private)
    (root / "shop" / "publisher_fault.txt").write_text("no MLflow server answers")
    promoted = PromotionEntry(
        name="2/promoted",
        night=now.date(),
        time=now,
        action="promoted",
        subject="version 2",
        reason="",
        digest="a" * 64,
    )
    append_entry(open_lake(machine.home), "shop", promoted)


def lost_store(machine: Machine) -> None:
    def packages_behind(_home: Path) -> list[tuple[str, str]]:
        raise Unreachable("s3://lake did not answer")

    machine.has("packages_behind", packages_behind)


EVERYTHING: dict[str, list[tuple[Callable[[Machine], None], str, str]]] = {
    "_python": [(old_python, "FAIL Python 3.10.2 (3.11 or newer)", "`python3.11 -m venv .venv`")],
    "_packages": [
        (other_packages, "FAIL pandas is 3", "run `pip install -r requirements.lock`"),
        (lost_package, "FAIL no-such-package is not installed", "run `pip install -r requirements.lock`"),
        (not_installed, "FAIL leeway itself is not installed", "run `pip install --no-deps -e .` in its folder"),
    ],
    "_evaluator": [(no_compiler, "note trees and linear models", "`apt-get install gcc python3-dev`")],
    "_confinement": [(no_landlock, "note the own code of projects", "use Linux 5.13 or newer with `landlock`")],
    "_one_owner_of_names": [(names_of_ours, "FAIL ", "leave that folder out of PYTHONPATH")],
    "_state": [
        (home_of_another, "FAIL ", "is not writable: set LEEWAY_HOME to a folder that is"),
        (open_home, "note state is kept in", "run `chmod -R go= "),
    ],
    "_space": [(full_disk, "FAIL 1 GB free at", "`leeway upkeep PROJECT` removes what is not needed")],
    "_servers": [
        (
            half_configured,
            "FAIL PREFECT_API_URL is set but MLFLOW_TRACKING_URI is not",
            "or neither to start local ones",
        ),
        (
            silent_servers,
            f"FAIL found no answer of prefect at {NOWHERE}",
            "unset PREFECT_API_URL and MLFLOW_TRACKING_URI",
        ),
        (silent_stack, f"FAIL found no answer of prefect at {NOWHERE}", "`leeway logs` shows why"),
        (wrong_port, "FAIL LEEWAY_MLFLOW_PORT is 'five'; expected a port number", "correct that variable, or unset it"),
    ],
    "_projects": [
        (
            wrong_spec,
            "FAIL project shop: deployments/shop/project.yaml:1: missing key 'scope'",
            "and 2 more faults: correct its project.yaml; `leeway check shop` shows everything that is wrong",
        )
    ],
    "_served": [
        (
            served_before,
            "FAIL project shop: the service has the package of version 1, and the champion is version 2 (no MLflow",
            "start `leeway up` or `leeway serve shop`; where one runs, `leeway logs` says why",
        ),
        (lost_store, "FAIL s3://lake did not answer: ", "start that store, or correct LEEWAY_LAKE"),
    ],
}
"""For each check, everything that it may find wrong: what goes wrong, what is said, and the way out."""


def test_every_check_has_what_it_may_find_wrong_here() -> None:
    assert [check.__name__ for check in machine_findings.CHECKS] == list(EVERYTHING)


@pytest.mark.usefixtures("machine")
def test_doctor_finds_this_machine_fit(leeway: Leeway) -> None:
    said = leeway("doctor")
    assert (said.code, said.err) == (0, ""), said.out
    assert "packages as required: prefect" in said.out
    assert "ok   trees and linear models are evaluated in C" in said.out
    assert "ok   project shop, owner me" in said.out
    assert "the own code of projects" in said.out
    assert "the packages flows and tasks are those of Leeway" in said.out


@pytest.mark.parametrize(
    ("goes_wrong", "seen", "way_out"),
    [pytest.param(*each, id=each[0].__name__) for found in EVERYTHING.values() for each in found],
)
def test_what_is_wrong_is_said_with_the_way_out(
    goes_wrong: Callable[[Machine], None], seen: str, way_out: str, machine: Machine, leeway: Leeway
) -> None:
    goes_wrong(machine)
    said = leeway("doctor")
    wrong = [line for line in said.out.splitlines() if line.startswith(("FAIL ", "note "))]
    assert any(line.startswith(seen) and way_out in line for line in wrong), said.out
    assert said.code == any(line.startswith("FAIL ") for line in wrong)
