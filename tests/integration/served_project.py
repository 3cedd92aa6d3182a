"""A project with registered versions and a decision record, as the control plane of the service finds it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.serving.publisher import Publisher
from flows.workspace import open_lake
from tasks.lake import Lake, append_entry
from tasks.model import model_files
from tasks.records import PromotionEntry, RollbackEntry
from tasks.registry import PACKAGES, Draft, Registry, load_keys
from tasks.serving_store import ServingStore
from tests.unit.serve.packages import SPEC_TEXT, fitted, write_suite

FIRST = datetime(2026, 11, 20, 3, tzinfo=UTC)


def project_of_a_test(
    where: Path,
    url: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    kinds: tuple[str, str] = ("linear", "forest"),
) -> Project:
    """Return a project that no other test has; this process and its children use its home, projects and registry."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("LEEWAY_HOME", str(where / "home"))
    monkeypatch.setenv("LEEWAY_PROJECTS", str(where / "projects"))
    return Project(where, url, f"served-{abs(hash(request.node.nodeid)) % 10**9}", kinds)


class Project:
    """A project with two registered versions, and its decision record."""

    def __init__(self, where: Path, url: str, name: str, kinds: tuple[str, ...] = ("linear", "forest")) -> None:
        self.home, self.name = where / "home", name
        self.path = where / "projects" / name / "project.yaml"
        self.path.parent.mkdir(parents=True)
        self.path.write_text(SPEC_TEXT.format(project=name), encoding="utf-8")
        write_suite(self.path.parent)
        self.keys, self.package_keys = load_keys(self.home, {}), load_keys(self.home, {}, pair=PACKAGES)
        self.registry = Registry(url, self.keys)
        self.registry.ensure(name, "a test's own project")
        self.lake: Lake = open_lake(self.home)
        self.digests: dict[int, str] = {}
        self.steps = 0
        for kind in kinds:
            draft = Draft(f"{name}/{kind}", model_files(fitted(kind, name)))
            version = self.registry.add_version(name, draft)
            self.digests[version.number] = self.registry.signed(version).digest

    @property
    def publisher(self) -> Publisher:
        return Publisher(self.path, self.home, self.package_keys, self.store)

    @property
    def store(self) -> ServingStore:
        return ServingStore(self.home / "serving", self.package_keys.trusted, lambda: self.keys.trusted)

    def serving(self) -> int | None:
        route = self.store.route(self.name)
        return None if route is None else route.version

    def recorded(self, kind: type, number: int, name: str, **more: Any) -> None:
        self.steps += 1
        moment = FIRST + timedelta(minutes=self.steps)
        entry = kind(name=name, night=date(2026, 11, 20), time=moment, subject=f"version {number}", reason="", **more)
        append_entry(self.lake, self.name, entry)

    def promote(self, number: int) -> None:
        self.recorded(
            PromotionEntry, number, f"{number}/promoted/{self.steps}", action="promoted", digest=self.digests[number]
        )

    def roll_back(self, number: int, to: int) -> None:
        barred = {"digest": self.digests[to], "barred_digest": self.digests[number]}
        self.recorded(RollbackEntry, to, f"{number}/rolled_back", **barred)
