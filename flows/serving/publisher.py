"""Keeps what a project serves in step with its decision record: the champion of the record, never of the alias."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from flows.loaded_version import fetched
from flows.serving.feature_publishing.table_publisher import TablePublisher
from flows.serving.package_version import differs_in_degree_only, packaged, under_degree
from flows.serving.project_terms import ProjectTerms, Terms
from flows.serving.rollout_control import PackagePair, RolloutControl
from flows.serving.rollout_landing import rollout_landing
from flows.stack.local_stack import running
from flows.steps.in_service.rollout_guardrails import found_by_nights
from flows.workspace import assemble, open_lake
from tasks import clock
from tasks.dataset.degree_in_force import degree_in_force
from tasks.errors import DataError, EvidenceError, Terminal, Unreachable
from tasks.lake import Lake, read_entries
from tasks.logs import line, logger
from tasks.promote import StepTime, withdrawn
from tasks.records import (
    ChampionChange,
    Entry,
    RecordedVersion,
    RolloutEntry,
    champion_record,
    rollouts,
    running_rollout,
    waiting_version,
)
from tasks.registry import Keys, Registry
from tasks.serving_store import ServablePackage, ServingStore
from tasks.serving_store.project_notes import note_champion
from tasks.spec import ProjectSpec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TRACKING = "MLFLOW_TRACKING_URI"
RETRY_SECONDS = 60.0
"""Until a version is packaged again that was refused for what a person may have corrected elsewhere, such as a key."""


class Found(NamedTuple):
    """A package that can serve, its digest, and whether it was written just now."""

    package: ServablePackage
    digest: str
    is_new: bool


class Refused(NamedTuple):
    """Why a version cannot be packaged, and until when that is not tried again."""

    error: Terminal
    until: float


@dataclass
class Publisher:
    """Publishes the champion of one project.

    Parameters
    ----------
    path : Path
        The project's project.yaml.
    home : Path
        The home with lake and keys.
    keys : Keys
        The private key signs packages and routes.
    store : ServingStore
        Where they are written.
    """

    path: Path
    home: Path
    keys: Keys
    store: ServingStore
    _lake: Lake = field(init=False)
    _read: ProjectTerms = field(init=False)
    _tables: TablePublisher = field(init=False)
    _terms: Terms | None = None
    _done: object = None
    _next: tuple[RecordedVersion | None, ...] = ()
    _prepared: object = None
    _refused: dict[tuple[RecordedVersion, object], Refused] = field(default_factory=dict)
    _paired: tuple[object, str] = (None, "")

    def __post_init__(self) -> None:
        self._lake, self._read = open_lake(self.home), ProjectTerms(self.path)
        self._tables = TablePublisher(self.project, self._lake, self.store)

    @property
    def project(self) -> str:
        """The name of the project."""
        return self.path.resolve().parent.name

    def publish(self) -> str | None:
        """Publish the champion if the record, the spec, the suite, the code or its package has changed.

        Its feature tables are published again once a night has changed them.

        Returns
        -------
        str or None
            What was written: the route of a version, or newer feature tables.

        Raises
        ------
        Error
            When the champion cannot be packaged or fetched; the version before it goes on answering.
        """
        entries = read_entries(self._lake, self.project)
        terms = self._current_terms(entries)
        record = champion_record(entries)
        state, published = (record.champions(), self._read.stamp), None
        if (state, self._package_stamp()) != self._done:
            published = self._publish_first(record.champion_changes(), terms)
            has_route = self.store.route_stamp(self.project) is not None
            note_champion(self.store.root / self.project, has_route=has_route)
            self._done = state, self._package_stamp()
        elif self._tables.publish(terms, self._private, clock.now()):
            published = "feature tables"
        self._next = (waiting_version(entries, record), *record.champions()[1:2])
        return published

    def prepare(self) -> None:
        """Package what may serve next, so that a promotion or a rollback is served at once.

        That is the version that waits for approval, and the one that a rollback restores, as `publish` found them.

        Raises
        ------
        Exception
            When one cannot be packaged; the other one is, and the champion goes on answering.
        """
        next_ones = (self._next, self._read.stamp)
        if self._terms is None or next_ones == self._prepared:
            return
        faults: list[Exception] = []
        for version in self._next:
            try:
                if version is not None:
                    self._package(version, None, self._terms)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other version is packaged
                faults.append(error)
        if faults:
            raise faults[0]
        self._prepared = next_ones

    def roll_out(self) -> str | None:
        """Run the rollout of the record, if there is one; return the step that was taken, or None.

        Raises
        ------
        Error
            When the candidate cannot be packaged, or its ledgers cannot be read; its lease ends by itself.
        """
        if self._terms is None:
            return None
        control = RolloutControl(self.project, self._lake, self.store, self._private)
        entries = read_entries(self._lake, self.project)
        last = running_rollout(entries)
        if last is None:
            control.end()
            return None
        landing = rollout_landing(self.store.root, self._terms.spec, self.path.parent)
        control = replace(control, landing=landing, guardrails=found_by_nights(entries, last))
        pair = self._pair_of(last, self._terms)
        if pair is None:
            return None
        now = clock.now()
        moment = StepTime(now.astimezone(ZoneInfo(self._terms.spec.schedule.time_zone)).date(), now)
        first = rollouts(entries)[-1][0]
        return control.follow(last, pair, moment, partial(self._withdrawn, first))

    def _withdrawn(self, first: RolloutEntry) -> str | None:
        """Return why a person no longer wants the version of a rollout, as MLflow has it now; None if nothing says so.

        Raises
        ------
        Unreachable
            When MLflow does not answer.
        """
        registry = self._registry(self._current_terms().spec)
        version = registry.version(self.project, first.version, aliases={})
        return withdrawn(first, None if version is None else version.tags)

    def _pair_of(self, last: RolloutEntry, terms: Terms) -> PackagePair | None:
        """Return the packages of a rollout; None until `publish` has published its champion."""
        route = self.store.readable_route(self.project)
        if route is None:
            return None
        key = (last.digest, route.package, self._read.stamp)
        known, candidate = self._paired
        if known == key and self.store.has_package(self.project, candidate):
            return PackagePair(route.package, candidate)
        if self.store.package(self.project, route.package)[0].version_digest != last.champion_digest:
            return None
        found = self._package(RecordedVersion(last.version, last.digest), None, terms)
        if found is None:
            raise EvidenceError(f"the registry no longer has {last.subject}; end its rollout with `leeway rollback`.")
        self._paired = (key, found.digest)
        return PackagePair(route.package, found.digest)

    def forget_refusals(self) -> None:
        """Package versions again that were refused: a key that signs some is trusted now, or no longer."""
        self._refused = {}  # another thread may read the one before

    def _publish_first(self, changes: Sequence[ChampionChange], terms: Terms) -> str | None:
        """Publish the first champion that the registry still has; return it, or None if it serves already."""
        for change in changes:
            found = self._package(change.to, change.at, terms)
            if found is None:
                logger().warning(line("champion_deleted", project=self.project, version=change.to.number))
                continue
            route = self.store.readable_route(self.project)
            if route is not None and route.package == found.digest and not found.is_new:
                return None
            self._tables.publish(terms, self._private, clock.now())  # a version is never without its tables
            self.store.publish(found.package, found.digest, self._private, clock.now())
            return f"version {found.package.version}"
        return None

    def _package(self, recorded: RecordedVersion, since: datetime | None, terms: Terms) -> Found | None:
        """Return the package of a version, from the store or newly made; None if the registry has no such version."""
        under_another_degree = ""
        for package, digest in self.store.packages(self.project):
            if not recorded.is_same(package.version, package.version_digest):
                continue
            if package.row_contract == terms.contract:
                return Found(package, digest, is_new=False)
            if differs_in_degree_only(package, terms.contract):
                under_another_degree = digest
        key = (recorded, self._read.stamp)
        if (refused := self._refused.get(key)) is not None and monotonic() < refused.until:
            raise refused.error.with_traceback(None)
        try:
            if under_another_degree:
                return self._under_degree(under_another_degree, terms)
            return self._made(recorded, since, terms)
        except (
            Terminal
        ) as error:  # the same version and spec give the same package, so it is not made every two seconds
            until = inf if isinstance(error, DataError) else monotonic() + RETRY_SECONDS
            kept = {key: refused for key, refused in self._refused.items() if key[1] == self._read.stamp}
            self._refused = {**kept, key: Refused(error, until)}
            raise

    def _under_degree(self, digest: str, terms: Terms) -> Found:
        """Return a package of the store under the degree that is in force: a fall of it needs no MLflow."""
        package, files = self.store.package(self.project, digest)
        package = under_degree(package, files, terms.rows, clock.now())
        return Found(package, self.store.add_package(package, files, self._private), is_new=True)

    def _made(self, recorded: RecordedVersion, since: datetime | None, terms: Terms) -> Found | None:
        found = fetched(self._registry(terms.spec), self.project, recorded, since)
        if found is None:
            return None
        version, files, signed = found
        package = packaged(version, files, signed, terms.rows, clock.now())
        return Found(package, self.store.add_package(package, files, self._private), is_new=True)

    def _package_stamp(self) -> object:
        """Return what changes whenever a file of the package that serves is written or removed."""
        route = self.store.readable_route(self.project)
        return None if route is None else self.store.package_stamp(self.project, route.package)

    @property
    def _private(self) -> Ed25519PrivateKey:
        if self.keys.private is None:
            raise EvidenceError("there is no key to sign packages with; set LEEWAY_PACKAGE_KEY, or let one be created.")
        return self.keys.private

    def _current_terms(self, entries: Sequence[Entry] | None = None) -> Terms:
        """Return the spec and its contract, read again when a file or the degree of automation has changed."""
        self._terms = self._read.terms(None if entries is None else degree_in_force(entries, "full"))
        return self._terms

    def _registry(self, spec: ProjectSpec) -> Registry:
        if not os.environ.get(TRACKING):
            servers = running(self.home)
            if servers is None:
                raise Unreachable(f"no MLflow server answers; set {TRACKING}, or start `leeway up`")
            os.environ[TRACKING] = servers.mlflow
        return assemble(spec, self.path).registry
