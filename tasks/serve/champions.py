"""The versions that answer now: one for each project, exchanged when its verified route changes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tasks.errors import EvidenceError
from tasks.logs import line
from tasks.row_contract import TypedRow
from tasks.row_contract.table_values import JoinedTables
from tasks.serve.served_version import ServedVersion
from tasks.serve.tick_batch import TickBatch
from tasks.serving_store import UNREAD, Route, ServingStore
from tasks.serving_store.project_notes import says_why_unrouted
from tasks.serving_store.table_snapshots.snapshot_store import SnapshotStore
from tasks.serving_store.table_snapshots.table_snapshot import TableSnapshot

LOG = logging.getLogger("leeway.serve")


@dataclass(frozen=True, slots=True)
class Serving:
    """What answers the requests of a project: a version, the route that named it, and its feature tables if any."""

    route: Route
    version: ServedVersion
    batch: TickBatch
    snapshot: TableSnapshot | None = None
    tables: JoinedTables | None = None

    def read(self, row: Mapping[str, Any]) -> TypedRow:
        """Return a row with typed values and those of the feature tables.

        Raises
        ------
        RowRefused
            The row has faults, or is of a time that the tables do not go back to.
        """
        typed = self.version.reader.read(row)
        return typed if self.tables is None else self.tables.joined(typed)


class Champions:
    """The versions of the served projects.

    A route or package that does not verify, or does not repeat its references, changes nothing: the version before it
    goes on answering, and the fault is logged and counted.

    Parameters
    ----------
    is_controlled : bool
        Whether a controller publishes routes, and says of which projects there are none.
    """

    def __init__(self, store: ServingStore, projects: Sequence[str], *, is_controlled: bool = False) -> None:
        self._store, self._snapshots, self._is_controlled = store, SnapshotStore(store), is_controlled
        self._serving: dict[str, Serving] = {}
        self._stamps: dict[str, object] = dict.fromkeys(projects)
        self._refused: dict[str, object] = {}
        self.faults: dict[str, str] = {}

    def get(self, project: str) -> Serving | None:
        """Return what answers a project; None before its first verified package."""
        return self._serving.get(project)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that are served."""
        return tuple(self._stamps)

    @property
    def is_ready(self) -> bool:
        """Whether each project that has a champion is answered, and there is one.

        The others are those without a route and, if there is a controller, of which it has said why: a project without
        a champion delays no other for ever, and one that the controller has not looked at yet is waited for.
        """
        others = [project for project in self._stamps if project not in self._serving]
        return bool(self._serving) and all(self._is_left_out(project) for project in others)

    def _is_left_out(self, project: str) -> bool:
        has_route = self._store.route_stamp(project) is not None
        return not has_route and (not self._is_controlled or says_why_unrouted(self._store.root / project))

    def changed(self) -> list[str]:
        """Return the projects to read: with a route or tables written since, or not readable, or with a new package."""
        return [
            project
            for project, seen in self._stamps.items()
            if seen == UNREAD
            or self._stamp(project) != seen
            or (project in self._refused and self._package_stamp(project) != self._refused[project])
        ]

    def load(self, project: str) -> Serving | None:
        """Return what a project's route names, verified and proven; None if that serves already, or does not verify.

        After a fault of the disk the route is read again soon; after another fault, once it or its package is written
        again.
        """
        stamp, package = self._stamp(project), self._package_stamp(project)
        self._refused.pop(project, None)
        try:
            found = self._loaded(project)
        except OSError as error:
            self._refuse(project, error)
            stamp, found = UNREAD, None
        except Exception as error:  # noqa: BLE001 - whatever a package has, the version before it goes on
            self._refuse(project, error)
            self._refused[project], found = package, None
        else:
            self.faults.pop(project, None)
        self._stamps[project] = stamp
        return found

    def _stamp(self, project: str) -> object:
        """Return what changes whenever the route or the snapshot of the tables is written."""
        stamps = self._store.route_stamp(project), self._snapshots.stamp(project)
        return UNREAD if UNREAD in stamps else stamps

    def _package_stamp(self, project: str) -> object:
        """Return what changes whenever the package of a route is written; None where no route can be read."""
        with suppress(EvidenceError, OSError):
            route = self._store.route(project)
            return None if route is None else self._store.package_stamp(project, route.package)
        return None

    def _refuse(self, project: str, error: Exception) -> None:
        """Keep the reason, and log it unless it is that of the try before."""
        reason = str(error) or type(error).__name__
        if self.faults.get(project) != reason:
            LOG.error(line("route_refused", project=project, reason=reason))
        self.faults[project] = reason

    def exchange(self, serving: Serving) -> None:
        """Let a version answer from now on; requests that are being answered keep theirs."""
        project = serving.route.project
        before = self._serving.get(project)
        self._serving[project] = serving
        LOG.info(
            line(
                "version_serves",
                before=before.version.number if before else "none",
                project=project,
                serial=serving.route.serial,
                tables=serving.tables.state if serving.tables else "none",
                version=serving.version.number,
            )
        )

    def _loaded(self, project: str) -> Serving | None:
        route, current = self._store.route(project), self._serving.get(project)
        if route is None:
            return None
        if current is not None and route == current.route:
            newer = self._with_tables(current)
            return None if newer is current else newer
        if current is not None and route.serial <= current.route.serial:
            raise EvidenceError(
                f"the route of {project} has serial {route.serial}, and {current.route.serial} is in use; "
                "an old route was put back: publish the champion again."
            )
        if current is not None and route.package == current.route.package:
            return self._with_tables(replace(current, route=route))
        package, files = self._store.package(project, route.package)
        version = ServedVersion(package, files, self._store.root.parent)
        version.prove(package.references)
        return self._with_tables(Serving(route, version, TickBatch(version)))

    def _with_tables(self, serving: Serving) -> Serving:
        """Return what answers with the newest snapshot of its feature tables; the same if it has that, or needs none.

        A snapshot of other tables belongs to a version that is published next.
        """
        contract, project, used = serving.version.contract, serving.route.project, serving.snapshot
        if not contract.tables:
            return serving
        newest = None if used is None else self._snapshots.snapshot(project)
        if used is not None and (newest is None or newest.serial <= used.serial or newest.tables != used.tables):
            return serving
        snapshot, tables = self._snapshots.load(project, contract)
        return replace(serving, snapshot=snapshot, tables=tables)
