"""`leeway serve`: the prediction service, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from flows.cli.console import screen
from flows.serving.version_keys import VersionKeys, without_signing_key
from flows.stack.ports import LOOPBACK
from flows.stack.supervisor import NOTHING_TO_SERVE
from tasks.errors import Error, Terminal
from tasks.registry import PACKAGES, HomeKeys, load_keys
from tasks.render.safe_text import terminal
from tasks.rollout.landed_evidence import SERVICE_NAME
from tasks.serve.service_settings import LogTerms, ServiceSettings
from tasks.serving_store import SERVING_FOLDER, keys_of, public_pems, read_keys, write_keys
from tasks.spec import ProjectSpec, find_project, home, known_projects, read_spec

GIVEN_KEYS = "LEEWAY_API_KEYS"
"""The variable with the content of a file of API keys, for a container; it replaces the file of the home."""


@dataclass(frozen=True)
class Address:
    """Where the service listens, and how a request is kept private on the way; and where its health and metrics are."""

    host: str
    port: int
    tls: tuple[Path, Path] | None = None
    behind_proxy: bool = False
    admin_host: str = LOOPBACK
    admin_port: int = 0
    grpc_port: int = 0

    def check(self) -> None:
        """Raise Terminal when API keys would travel readable through a network, or the packages of gRPC are missing."""
        if self.grpc_port and not all(map(find_spec, ("grpc", "google.protobuf"))):
            raise Terminal("--grpc-port needs packages that are not installed; `pip install leeway[grpc]`")
        if not is_loopback(self.host) and not self.tls and not self.behind_proxy:
            raise Terminal(
                f"{self.host} can be reached by other machines, and API keys would be sent unencrypted; give "
                "--tls CERTIFICATE KEY, or --behind-proxy if a proxy encrypts the connections"
            )

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"{'https' if self.tls else 'http'}://{_in_url(self.host)}:{self.port}"

    @property
    def admin_url(self) -> str:
        """The address of health and metrics; by default the port after that of the service."""
        return f"http://{_in_url(self.admin_host)}:{self.admin_port or self.port + 1}"


@dataclass(frozen=True)
class RolloutPart:
    """The part of this service in rollouts: its name, and whether it lands what it sees instead of recording steps."""

    name: str = ""
    lands: bool = False

    def check(self) -> None:
        """Raise Terminal when the name cannot be that of a file."""
        if self.name and not SERVICE_NAME.fullmatch(self.name):
            raise Terminal(
                f"{self.name!r} is no name of a service; expected letters, digits, dots and hyphens, such as serve-0"
            )


ALONE = RolloutPart()


def opted_in() -> list[str]:
    """Return the projects with `serving: {up: true}`; one with a wrong spec is named and left out.

    Raises
    ------
    SystemExit
        With NOTHING_TO_SERVE, when there is none.
    """
    found = []
    for name in known_projects():
        try:
            spec = read_spec(find_project(name))
        except Error as error:
            screen(stderr=True).print(f"not served: {terminal(str(error))}")
            continue
        if spec.serving.up:
            found.append(name)
    if not found:
        screen(stderr=True).print("no project has `serving: {up: true}`")
        sys.exit(NOTHING_TO_SERVE)
    return found


def run_service(projects: Sequence[str], address: Address, workers: int, part: RolloutPart = ALONE) -> None:
    """Start the service in place of this process.

    Raises
    ------
    Terminal
        When there is nothing to serve, or the address is not safe.
    """
    address.check()
    part.check()
    paths, where = _served(projects)
    specs = {path.resolve(): read_spec(path) for path in paths}
    where.mkdir(parents=True, exist_ok=True)
    for path, spec in specs.items():
        _require_landing(spec, path.parent, lands_rollouts=part.lands)
    settings = _settings(where, specs, address, workers, part)
    path, versions = settings.write(), HomeKeys(where, os.environ)
    VersionKeys(versions, Path(settings.root)).follow()
    without_signing_key(versions)
    if given := os.environ.get(GIVEN_KEYS):
        write_keys(Path(settings.root), keys_of(given.encode(), GIVEN_KEYS))
    _welcome(settings, address)
    os.environ["LEEWAY_HOME"] = str(where)
    supervisor = [sys.executable, "-P", "-m", "tasks.serve.processes.service_supervisor", str(path)]
    # The supervisor replaces this process, so that signals reach it.
    os.execv(sys.executable, supervisor)  # noqa: S606 - of our own module, and without a shell


def _served(projects: Sequence[str]) -> tuple[list[Path], Path]:
    """Return the specs of the projects that are served, of all with a champion where none are named, and their home."""
    paths = [find_project(project) for project in projects or known_projects()]
    if not paths:
        raise Terminal("there is no project yet; `leeway init DATA --time COLUMN --label COLUMN` creates one")
    where = home(paths[0])
    if not projects:
        paths = [path for path in paths if _has_champion(path, where)]
        if not paths:
            raise Terminal("no project has a champion yet; `leeway run retrain PROJECT`, then approve its version")
    return paths, where


def _settings(
    where: Path, specs: Mapping[Path, ProjectSpec], address: Address, workers: int, part: RolloutPart
) -> ServiceSettings:
    """Return the settings of the processes of a service, by the absolute paths of the specs."""
    by_name = {path.parent.name: spec for path, spec in specs.items()}
    certificate, private_key = map(str, address.tls or ("", ""))
    controller = ("-P", "-m", "flows.serving.controller", str(where), *map(str, specs))
    return ServiceSettings(
        projects=tuple(by_name),
        root=str(where / SERVING_FOLDER),
        trusted=public_pems(load_keys(where, os.environ, pair=PACKAGES).trusted),
        follows_version_keys=True,
        logs={name: terms for name, spec in by_name.items() if (terms := _log_terms(spec))},
        labels={name: spec.source.label.column for name, spec in by_name.items() if spec.serving.labels},
        feedback={
            name: tuple(spec.feedback.events)
            for name, spec in by_name.items()
            if spec.serving.feedback and spec.feedback is not None
        },
        decisions=tuple(name for name, spec in by_name.items() if spec.serving.decisions),
        host=address.host,
        port=address.port,
        admin_host=address.admin_host,
        admin_port=address.admin_port or address.port + 1,
        grpc_port=address.grpc_port,
        workers=workers,
        controller=(sys.executable, *controller),
        name=part.name,
        lands_rollouts=part.lands,
        certificate=certificate,
        private_key=private_key,
    )


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Return whether an address cannot be reached by other machines.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _log_terms(spec: ProjectSpec) -> LogTerms | None:
    """Return what is logged of a project; None where its spec asks for no log."""
    serving, label = spec.serving, spec.source.label
    if not serving.log:
        return None
    return LogTerms(
        label=label.column if label.uri is None else "",
        share=serving.log_share,
        seconds=serving.delivery_minutes * 60.0,
        max_bytes=serving.log_mb * 2**20,
    )


def _require_landing(spec: ProjectSpec, folder: Path, *, lands_rollouts: bool) -> None:
    """Raise Terminal if what is kept of a project cannot land: the service would lose it once its disk is full."""
    from tasks.lake.landing_file import LandingFolder

    rolls_out, serving = lands_rollouts and spec.rollout.strategy != "at_once", spec.serving
    kept: dict[Literal["rows", "labels", "feedback", "decisions", "rollouts"], bool] = {
        "rows": serving.log,
        "labels": serving.labels,
        "feedback": serving.feedback,
        "decisions": serving.decisions,
        "rollouts": rolls_out,
    }
    for kind in (kind for kind, is_kept in kept.items() if is_kept):
        LandingFolder(spec.served_uri(kind), spec, folder, os.environ).require_writable()


def _has_champion(path: Path, where: Path) -> bool:
    from flows.workspace import open_lake
    from tasks.lake import read_entries
    from tasks.records import champion_record

    entries = read_entries(open_lake(where), path.resolve().parent.name, "promotion", "rollback")
    return bool(champion_record(entries).champions())


def _welcome(settings: ServiceSettings, address: Address) -> None:
    console = screen()
    for project in settings.projects:
        console.print(f"{address.url}/v1/projects/{project}/predict", soft_wrap=True)
    if settings.grpc_port:
        console.print(f"the Open Inference Protocol over gRPC: {address.host}:{settings.grpc_port}", soft_wrap=True)
    console.print(f"the API is described at {address.url}/docs", soft_wrap=True)
    console.print(f"health and metrics: {address.admin_url}/ready and /metrics", soft_wrap=True)
    if not read_keys(Path(settings.root)).keys:
        console.print("there is no API key yet, so every request is refused: `leeway serve-key NAME` makes one")
    console.print("Ctrl-C stops the service")
    sys.stdout.flush()
