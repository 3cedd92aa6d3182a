"""What `leeway status` says of the prediction service: for each project the version that answers, and its state."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from rich.console import Console

from flows.cli.commands.service.run_service import Address
from flows.cli.console import table
from tasks.errors import EvidenceError
from tasks.render.safe_text import terminal
from tasks.serve.service_settings import FILE, ServiceSettings, read_settings
from tasks.serving_store import SERVING_FOLDER, ServingStore, public_keys
from tasks.serving_store.project_notes import FAULT_FILE
from tasks.spec import ProjectSpec

STALE_TABLES_HOURS = 48
REPLY_SECONDS = 5


def show_served(specs: Sequence[ProjectSpec], champions: Mapping[str, int], where: Path, console: Console) -> None:
    """Print the projects that a service of this home answers, and those that ask for one.

    Parameters
    ----------
    champions : mapping of str to int
        The version that the decision record names as the champion of a project.
    where : Path
        The home.
    """
    settings = _settings(where)
    asked = () if settings is None else settings.projects
    named = [spec.project for spec in specs if spec.project in asked or spec.serving.up]
    if not named:
        return
    ready = None if settings is None else _ready(settings)
    shown = table("served", "version", "state", "address")
    for project in named:
        said = (ready or {}).get(project)
        if settings is None or ready is None or said is None:
            shown.add_row(terminal(project), "-", "not served now: `leeway up` or `leeway serve`", "-")
            continue
        address = f"{_address(settings).url}/v1/projects/{project}/predict"
        version, state = state_of(said, champions.get(project))
        shown.add_row(terminal(project), version, terminal(state), terminal(address))
    console.print(shown)


def packages_behind(where: Path) -> Iterator[tuple[str, str]]:
    """Yield the projects of a service with a package of another version than their champion, and what was found.

    Parameters
    ----------
    where : Path
        The home.
    """
    from flows.workspace import open_lake
    from tasks.lake import read_entries
    from tasks.records import champion_record

    settings = _settings(where)
    if settings is None:
        return
    lake = open_lake(where)
    store = ServingStore(Path(settings.root), public_keys(settings.trusted))
    for project in settings.projects:
        champions = champion_record(read_entries(lake, project, "promotion", "rollback")).champions()
        route = store.readable_route(project)
        if champions and (route is None or route.version != champions[0].number):
            packaged = "no version" if route is None else f"version {route.version}"
            seen = f"the service has the package of {packaged}, and the champion is version {champions[0].number}"
            fault = store.root / project / FAULT_FILE
            yield project, f"{seen} ({fault.read_text(encoding='utf-8').strip()})" if fault.exists() else seen


def state_of(said: Mapping[str, Any], champion: int | None) -> tuple[str, str]:
    """Return the versions that answer a project, and its state in words.

    Parameters
    ----------
    said : mapping of str to any
        What `/ready` says of the project.
    champion : int or None
        The champion of the decision record.

    Examples
    --------
    >>> state_of({"versions": [3], "degraded": False}, 3)
    ('3', 'answers')
    >>> state_of({"versions": [2], "degraded": True}, 3)
    ('2', 'answers; the champion is version 3; its newest package is refused, see the log of the service')
    >>> state_of({"versions": [3], "degraded": False, "tables_age_seconds": 260_000}, 3)[1]
    'answers; its feature tables are as of 72 hours ago: does the nightly flow run?'
    >>> state_of({"versions": [0], "degraded": False}, None)
    ('-', 'has no champion yet')
    """
    versions = [number for number in said["versions"] if number]
    faults = []
    if champion is not None and versions != [champion]:
        faults.append(f"the champion is version {champion}")
    if said.get("publisher_fault"):
        faults.append(said["publisher_fault"])
    age_hours = said.get("tables_age_seconds", 0) / 3600
    if age_hours > STALE_TABLES_HOURS:
        faults.append(f"its feature tables are as of {age_hours:.0f} hours ago: does the nightly flow run?")
    if said["degraded"]:
        faults.append("its newest package is refused, see the log of the service")
    state = "answers" if versions else "does not answer yet" if champion is not None else "has no champion yet"
    return " and ".join(map(str, versions)) or "-", "; ".join([state, *faults])


def _settings(where: Path) -> ServiceSettings | None:
    with suppress(FileNotFoundError, EvidenceError):
        return read_settings(where / SERVING_FOLDER / FILE)
    return None


def _address(settings: ServiceSettings) -> Address:
    tls = (Path(settings.certificate), Path(settings.private_key)) if settings.certificate else None
    return Address(settings.host, settings.port, tls, admin_host=settings.admin_host, admin_port=settings.admin_port)


def _ready(settings: ServiceSettings) -> dict[str, Any] | None:
    """Return what `/ready` says by project; None when no service answers."""
    try:
        with urlopen(f"{_address(settings).admin_url}/ready", timeout=REPLY_SECONDS) as reply:  # noqa: S310 - an http address of our own
            content = json.load(reply)
    except HTTPError as error:
        with error:
            content = _content(error.read())
    except (OSError, HTTPException, ValueError):
        return None
    projects = content.get("projects") if isinstance(content, dict) else None
    return projects if isinstance(projects, dict) else None


def _content(body: bytes) -> Any:
    with suppress(ValueError):
        return json.loads(body)
    return None
