"""How old the feature tables are that requests are joined with: they are as of the night that has changed them last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from tasks.errors import EvidenceError
from tasks.serving_store import ServingStore
from tasks.serving_store.table_snapshots.snapshot_store import SnapshotStore

NAME = "leeway_serve_tables_age_seconds"


class TableAges:
    """The age of the newest snapshot of the feature tables of each project.

    Parameters
    ----------
    store : ServingStore
        Where the snapshots are; one is verified once, however often its age is asked for.
    """

    def __init__(self, store: ServingStore) -> None:
        self._snapshots = SnapshotStore(store)
        self._written: dict[str, tuple[object, float]] = {}

    def age_seconds(self, project: str, seconds: float) -> float | None:
        """Return how long ago a snapshot was made of the lake; None for a project without one that verifies.

        Parameters
        ----------
        seconds : float
            The time, in seconds since 1970.
        """
        stamp = self._snapshots.stamp(project)
        if stamp is None:
            return None
        known = self._written.get(project)
        if known is None or known[0] != stamp:
            snapshot = None
            with suppress(EvidenceError, OSError):
                snapshot = self._snapshots.snapshot(project)
            if snapshot is None:
                return None
            known = self._written[project] = (stamp, snapshot.serial / 1000)  # a serial is a time in milliseconds
        return max(0.0, seconds - known[1])

    def lines(self, projects: Sequence[str], seconds: float) -> Iterator[str]:
        """Yield the lines of the metric; it is 0 for projects without feature tables."""
        yield f"# HELP {NAME} Time since the lake was read for the feature tables that requests are joined with."
        yield f"# TYPE {NAME} gauge"
        for project in projects:
            yield f'{NAME}{{project="{project}"}} {self.age_seconds(project, seconds) or 0:.0f}'
