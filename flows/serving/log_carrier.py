"""Lands the prediction log: a file that no worker writes any more becomes a delivery of the project, once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd

from tasks.errors import EvidenceError
from tasks.lake import LandingFolder
from tasks.logs import line, logger
from tasks.row_contract.feedback_columns import EVENT
from tasks.serving_store.logged_rows import LOG_FOLDER, UNREADABLE_FOLDER, whole_answered_lines
from tasks.serving_store.sent_files import (
    DECISION_FOLDER,
    FEEDBACK_FOLDER,
    LABEL_FOLDER,
    SENT_AT,
    WaitingFile,
    in_parts,
    newest_lines,
    oldest_file,
    time_stamp,
    waiting_files,
)
from tasks.spec import ProjectSpec
from tasks.spec.cells.entity_keys import event_names
from tasks.validate.typing.row_ids import row_ids
from tasks.whole_file import private_folder, sync_folder

FILES = "[!.]*.jsonl"
SentKind = Literal["labels", "feedback", "decisions"]
SENT_FOLDERS: dict[SentKind, str] = {
    "labels": LABEL_FOLDER,
    "feedback": FEEDBACK_FOLDER,
    "decisions": DECISION_FOLDER,
}
"""What is sent over the API; feedback and decisions land as values of a table."""
DELIVERY_BYTES = 16_000_000  # reading labels takes ten times their size


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
            When files have lines that no worker writes; they are in `UNREADABLE_FOLDER` then, and the others landed.
        Unreachable
            When the landing zone does not respond; the files are carried later.
        """
        carried, unreadable = 0, dict[str, str]()
        for path in sorted((self.root / LOG_FOLDER / self.spec.project).glob(FILES)):
            with suppress(FileNotFoundError), unlocked(path) as free:  # an erasure may have removed it
                if not free:
                    continue
                try:
                    content = whole_answered_lines(path.read_bytes())
                except EvidenceError as error:
                    unreadable[path.name] = str(error)
                    self._move_away(path)
                    continue
                if content:
                    self._land("rows", path.name, content)
                    carried += 1
                path.unlink(missing_ok=True)
        if unreadable:
            name, reason = next(iter(unreadable.items()))
            raise EvidenceError(
                f"{len(unreadable)} files of the prediction log cannot be read, such as {name}: {reason} They are in "
                f"{self.root / UNREADABLE_FOLDER / self.spec.project}, and do not land: mend them and put them back "
                f"into {self.root / LOG_FOLDER / self.spec.project}, or remove them"
            )
        return carried

    def _move_away(self, path: Path) -> None:
        folder = private_folder(self.root / UNREADABLE_FOLDER / self.spec.project)
        path.rename(folder / path.name)
        sync_folder(folder)

    def carry_labels(self, now: datetime, *, at_once: bool = False) -> int:
        """Land the labels that have come, once the oldest has waited `delivery_minutes`, or at once.

        Many labels are several deliveries of some megabytes.

        Labels that landed when this process was killed land again; nights count equal labels once.

        Returns
        -------
        int
            The number of requests with labels that landed.
        """
        return self._carry_sent("labels", now, at_once=at_once)

    def carry_feedback(self, now: datetime, *, at_once: bool = False) -> int:
        """Land the feedback that has come, as `carry_labels`; of an event of a row that came again, the last."""
        return self._carry_sent("feedback", now, at_once=at_once)

    def carry_decisions(self, now: datetime, *, at_once: bool = False) -> int:
        """Land the decisions that have come, as `carry_labels`; of a row with several, the last."""
        return self._carry_sent("decisions", now, at_once=at_once)

    def _carry_sent(self, kind: SentKind, now: datetime, *, at_once: bool) -> int:
        folder = self.root / SENT_FOLDERS[kind] / self.spec.project
        if not folder.is_dir():
            return 0
        with unlocked(folder) as free:  # an erasure may be removing lines from the files
            return self._carry_files(kind, now, at_once=at_once) if free else 0

    def _carry_files(self, kind: SentKind, now: datetime, *, at_once: bool) -> int:
        oldest = oldest_file(self.root, self.spec.project, SENT_FOLDERS[kind])
        patience = timedelta(minutes=self.spec.serving.delivery_minutes)
        if oldest is None or (now - oldest < patience and not at_once):
            return 0
        parts = in_parts(waiting_files(self.root, self.spec.project, SENT_FOLDERS[kind]), DELIVERY_BYTES)
        return sum(self._land_sent(kind, part, now) for part in parts)

    def _land_sent(self, kind: SentKind, waiting: Sequence[WaitingFile], now: datetime) -> int:
        """Land files of one kind as one delivery, and remove them; return how many."""
        lines, read = list[bytes](), list[Path]()
        for each in waiting:
            with suppress(FileNotFoundError):  # all of it was erased meanwhile
                lines += each.path.read_bytes().splitlines()
                read.append(each.path)
        if lines:
            ids = label_ids(lines, self.spec)
            names = _event_ids(ids, lines, self.spec) if kind == "feedback" else ids
            content = newest_lines(lines, names.tolist())
            today = now.astimezone(ZoneInfo(self.spec.schedule.time_zone)).date()
            digest = hashlib.sha256(content).hexdigest()[:16]
            self._land(kind, f"{today}-{time_stamp(waiting[-1].taken)}-{digest}.jsonl", content)
        for path in read:
            path.unlink(missing_ok=True)
        return len(read)

    def _land(self, kind: Literal["rows", "labels", "feedback", "decisions"], key: str, content: bytes) -> None:
        LandingFolder(self.spec.served_uri(kind), self.spec, self.folder, os.environ).write([(key, content)])
        logger().info(line("log_landed", bytes=len(content), key=key, kind=kind, project=self.spec.project))


def label_ids(lines: Sequence[bytes], spec: ProjectSpec) -> pd.Series:
    """Return the row ids of lines of labels, as a night reads them: 7 and "7" are one; missing where unreadable.

    Lines that came before the spec was given another id column have no id, and a night reports them.
    """
    return row_ids(label_rows(lines).reindex(columns=spec.key_columns), spec).names


def _event_ids(row_ids: pd.Series, lines: Sequence[bytes], spec: ProjectSpec) -> pd.Series:
    """Return the key of the event of each line of feedback, as a night has it; missing where the id of its row is."""
    events = pd.Series([str(json.loads(line)[EVENT]) for line in lines], row_ids.index, dtype="str")
    return event_names(row_ids, events, len(spec.key_columns))


def label_rows(lines: Sequence[bytes]) -> pd.DataFrame:
    """Return lines of labels as a night has them before it reads their cells."""
    return pd.DataFrame([json.loads(line) for line in lines], dtype=object).drop(columns=SENT_AT, errors="ignore")


def is_written(root: Path, project: str) -> bool:
    """Return whether a worker writes to a file of the log of a project."""
    for path in (root / LOG_FOLDER / project).glob(FILES):
        with suppress(FileNotFoundError), unlocked(path) as free:
            if not free:
                return True
    return False


@contextmanager
def unlocked(path: Path) -> Iterator[bool]:
    """Yield whether no process uses a file or folder: a worker has its file locked for as long as it lives.

    Raises
    ------
    FileNotFoundError
        It is not there.
    """
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
