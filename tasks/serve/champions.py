"""The versions that answer now: one for each project, exchanged when its verified route changes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import EvidenceError
from tasks.logs import line
from tasks.serve.served_version import ServedVersion
from tasks.serve.tick_batch import TickBatch
from tasks.serving_store import Route, ServingStore

LOG = logging.getLogger("leeway.serve")


@dataclass(frozen=True, slots=True)
class Serving:
    """What answers the requests of a project: a version, and the route that named it."""

    route: Route
    version: ServedVersion
    batch: TickBatch


class Champions:
    """The versions of the served projects.

    A route or package that does not verify, or does not repeat its references, changes nothing: the version before it
    goes on answering, and the fault is logged and counted.
    """

    def __init__(self, store: ServingStore, projects: Sequence[str]) -> None:
        self._store = store
        self._serving: dict[str, Serving] = {}
        self._stamps: dict[str, object] = dict.fromkeys(projects)
        self.faults: dict[str, str] = {}

    def get(self, project: str) -> Serving | None:
        """Return what answers a project; None before its first verified package."""
        return self._serving.get(project)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that are served."""
        return tuple(self._stamps)

    def changed(self) -> list[str]:
        """Return the projects with routes that were written since they were last read."""
        return [project for project in self._stamps if self._store.route_stamp(project) != self._stamps[project]]

    def load(self, project: str) -> Serving | None:
        """Return what a project's route names, verified and proven; None if that serves already, or does not verify."""
        stamp = self._store.route_stamp(project)
        try:
            found = self._loaded(project)
        except (EvidenceError, OSError, ValueError, KeyError) as error:
            self.faults[project] = str(error)
            LOG.error(line("route_refused", project=project, reason=str(error)))  # noqa: TRY400 - no traceback with values
            found = None
        else:
            self.faults.pop(project, None)
        self._stamps[project] = stamp
        return found

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
                version=serving.version.number,
            )
        )

    def _loaded(self, project: str) -> Serving | None:
        route, current = self._store.route(project), self._serving.get(project)
        if route is None or (current is not None and route == current.route):
            return None
        if current is not None and route.serial <= current.route.serial:
            raise EvidenceError(
                f"the route of {project} has serial {route.serial}, and {current.route.serial} is in use; "
                "an old route was put back: publish the champion again."
            )
        if current is not None and route.package == current.route.package:
            return Serving(route, current.version, current.batch)
        package, files = self._store.package(project, route.package)
        version = ServedVersion(package, files)
        version.prove(package.references)
        return Serving(route, version, TickBatch(version))
