"""Lands what the service keeps of one project: its prediction log and what was sent, whatever its champion is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.serving.log_carrier import LogCarrier, is_written
from tasks import clock
from tasks.spec import ProjectSpec, read_spec


@dataclass
class LogLanding:
    """Lands the prediction log, labels, feedback and decisions of a project as its deliveries.

    Parameters
    ----------
    path : Path
        The project's project.yaml.
    root : Path
        The serving folder.
    """

    path: Path
    root: Path
    _spec: tuple[int, ProjectSpec] | None = None

    @property
    def project(self) -> str:
        """The name of the project."""
        return self.path.resolve().parent.name

    @property
    def is_logging(self) -> bool:
        """Whether a worker writes to a file of the prediction log."""
        return is_written(self.root, self.project)

    def carry(self, *, at_once: bool = False) -> None:
        """Land what has been kept; what was logged lands also when the spec no longer asks for a log.

        Parameters
        ----------
        at_once : bool
            Whether labels land before they have waited `serving.delivery_minutes`, because the service ends.
        """
        carrier = LogCarrier(self.root, self._current_spec(), self.path.parent)
        try:
            carrier.carry_labels(clock.now(), at_once=at_once)
            carrier.carry_feedback(clock.now(), at_once=at_once)
            carrier.carry_decisions(clock.now(), at_once=at_once)
        finally:  # the log lands whatever is wrong with the labels
            carrier.carry()

    def _current_spec(self) -> ProjectSpec:
        """Return the spec, read again when its file has changed."""
        stamp = self.path.stat().st_mtime_ns
        if self._spec is None or self._spec[0] != stamp:
            self._spec = (stamp, read_spec(self.path))
        return self._spec[1]
