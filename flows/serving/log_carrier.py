"""Lands the prediction log: a file that no worker writes any more becomes a delivery of the project, once."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from tasks.lake import LandingFolder
from tasks.logs import line, logger
from tasks.serving_store.label_files import LABEL_FOLDER, newest_labels
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
                        self._land("rows", path.name, content)
                        carried += 1
                    path.unlink()
        return carried

    def carry_labels(self, now: datetime) -> int:
        """Land the labels that have come as one delivery, once the oldest has waited `delivery_minutes`.

        Labels that landed when this process was killed land again with later ones; nights count equal labels once.

        Returns
        -------
        int
            The number of requests with labels that landed.
        """
        folder = self.root / LABEL_FOLDER / self.spec.project
        waiting = sorted((path.stat().st_mtime_ns, path) for path in folder.glob("[!.]*.jsonl"))
        due = now.timestamp() - self.spec.serving.delivery_minutes * 60
        if not waiting or waiting[0][0] / 1e9 > due:
            return 0
        content = newest_labels(path.read_bytes() for _, path in waiting)
        today = now.astimezone(ZoneInfo(self.spec.schedule.time_zone)).date()
        if content:
            self._land("labels", f"{today}-{hashlib.sha256(content).hexdigest()[:16]}.jsonl", content)
        for _, path in waiting:
            path.unlink()
        return len(waiting)

    def _land(self, kind: Literal["rows", "labels"], key: str, content: bytes) -> None:
        LandingFolder(self.spec.served_uri(kind), self.spec, self.folder, os.environ).write([(key, content)])
        logger().info(line("log_landed", bytes=len(content), key=key, kind=kind, project=self.spec.project))


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
