"""Lands the prediction log: a file that no worker writes any more becomes a delivery of the project, once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.lake import LandingFolder
from tasks.logs import line, logger
from tasks.serving_store.logged_rows import LOG_FOLDER, without_repeats
from tasks.spec import ProjectSpec


@dataclass(frozen=True)
class LogCarrier:
    """Carries the log of one project to its landing zone.

    The delivery has the name and the content of the file, so one that was carried when this process was killed is
    carried again as the same delivery, which nights take in once.

    Parameters
    ----------
    root : Path
        The serving folder.
    spec : ProjectSpec
        `serving.uri` is where the files land.
    folder : Path
        The folder of project.yaml.
    """

    root: Path
    spec: ProjectSpec
    folder: Path

    def carry(self) -> int:
        """Land every file that is closed, or was left by a killed worker; return how many.

        Raises
        ------
        EvidenceError
            When a file has lines that no worker writes; it stays where it is.
        Unreachable
            When the landing zone does not respond; the files are carried later.
        """
        source = self.root / LOG_FOLDER / self.spec.project
        carried = 0
        for path in sorted(source.glob("[!.]*.jsonl")):
            with unlocked(path) as free:
                if free:
                    content = without_repeats(path.read_bytes())
                    if content:
                        landing = LandingFolder(self.spec.serving.uri, self.spec, self.folder, os.environ)
                        landing.write([(path.name, content)])
                        logger().info(line("log_landed", bytes=len(content), key=path.name, project=self.spec.project))
                        carried += 1
                    path.unlink()
        return carried


@contextmanager
def unlocked(path: Path) -> Iterator[bool]:
    """Yield whether no worker writes to a file; a worker has it locked for as long as it lives."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
