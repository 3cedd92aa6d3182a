"""The prediction log of a worker: answered rows go through a bounded queue to a thread, which writes them to files.

A file of the log has the rows of one version, and is locked while its worker writes to it. Once it is closed, or its
worker was killed, the controller lands it as a delivery (`flows.serving.log_carrier`). Answers never wait for the log:
rows that find the queue or the disk full are counted, and not logged.
"""

from __future__ import annotations

import logging
import secrets
import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tasks import clock
from tasks.logs import line, raised_at
from tasks.serve.champions import Serving
from tasks.serve.processes.log_file import LogFile
from tasks.serve.processes.shared_counters import WorkerCounters
from tasks.serve.served_version import AnsweredRow, ServedVersion
from tasks.serve.service_request import ServiceRequest
from tasks.serve.service_settings import LOG_CLOSE_SECONDS, LogTerms
from tasks.serving_store.logged_rows import (
    LOG_FOLDER,
    PROTOCOL,
    Arm,
    Draw,
    LoggedAnswer,
    bits_of,
    inputs_digest,
    log_line,
    row_text,
    slot_of,
)
from tasks.serving_store.sent_files import time_stamp
from tasks.serving_store.waiting_bytes import WaitingBytes

LOG = logging.getLogger("leeway.serve")
MOST_QUEUED = 20_000
MOST_QUEUED_BYTES = 64 * 2**20
"""Of a worker; each of its logged projects has an equal part."""
ROW_BYTES = 512
"""About what a row in the queue takes in addition to its text and its inputs."""
WRITE_SECONDS = 0.05
MOST_FILE_BYTES = 64 * 2**20


class LoggedRow(NamedTuple):
    """A row that waits to be written: `text` is that of `row_text`, `size_bytes` what it takes in the queue."""

    number: int
    at: datetime
    request_id: str
    latency_ms: float
    version: ServedVersion
    text: bytes
    answered: AnsweredRow
    arm: Arm
    user: str
    size_bytes: int


class QueuedRows:
    """How many rows of a project wait, and their size.

    One thread adds and another one removes. Each has totals of its own, so that neither needs a lock.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._added, self._added_bytes = 0, 0
        self._removed, self._removed_bytes = 0, 0

    def has_room(self, size_bytes: int) -> bool:
        """Return whether one more row may wait."""
        rows, waiting_bytes = self._added - self._removed, self._added_bytes - self._removed_bytes
        return rows < MOST_QUEUED and waiting_bytes + size_bytes <= self._most_bytes

    def add(self, size_bytes: int) -> None:
        """Count a row that waits."""
        self._added, self._added_bytes = self._added + 1, self._added_bytes + size_bytes

    def remove(self, size_bytes: int) -> None:
        """Count a row that was taken out."""
        self._removed, self._removed_bytes = self._removed + 1, self._removed_bytes + size_bytes


class PredictionLog:
    """Logs answered rows.

    Parameters
    ----------
    root : Path
        The serving folder.
    terms : mapping of str to LogTerms
        The projects that are logged.
    slot : int
        The number of the worker.
    """

    def __init__(self, root: Path, terms: Mapping[str, LogTerms], counters: WorkerCounters, slot: int) -> None:
        self._root, self._terms, self._counters, self._slot = root / LOG_FOLDER, terms, counters, slot
        self._queue: deque[tuple[str, LoggedRow]] = deque()
        self._queued = {project: QueuedRows(MOST_QUEUED_BYTES // len(terms)) for project in terms}
        self._files: dict[tuple[str, str], LogFile] = {}
        self._waiting = {project: WaitingBytes(self._root / project, self._is_own) for project in terms}
        self._faults: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        for project in terms:
            done = sum(counters.of_project(project, name) for name in ("log_written", "log_failed"))
            counters.set_project(project, "log_lost", counters.of_project(project, "log_queued") - done)

    def start(self) -> None:
        """Start the thread that writes."""
        self._thread.start()

    def add(
        self, request: ServiceRequest, serving: Serving, answered: Sequence[tuple[Any, AnsweredRow]], draw: Draw
    ) -> None:
        """Take the rows of a request, as far as the queue has room for rows of its project."""
        project, version = serving.route.project, serving.version
        terms = self._terms.get(project)
        if terms is None:
            return
        at, latency_ms = clock.now(), request.age_seconds() * 1000
        limit, queued, counters = terms.share * 2**32, self._queued[project], self._counters
        for (row, one), user in zip(answered, draw.users or [""] * len(answered), strict=True):
            if zlib.crc32(one.answer["id"].encode()) >= limit:
                continue
            text = self._text(project, version, row)
            size_bytes = ROW_BYTES + len(text) + one.inputs.itemsize * one.inputs.shape[1]
            if not queued.has_room(size_bytes):
                counters.add_project(project, "log_full", 1)
                continue
            counters.add_project(project, "log_queued", 1)
            queued.add(size_bytes)
            number = counters.of_project(project, "log_queued")
            logged = LoggedRow(number, at, request.id, latency_ms, version, text, one, draw.arm, user, size_bytes)
            self._queue.append((project, logged))

    def close(self) -> None:
        """Write what waits, and let the controller take all files."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(LOG_CLOSE_SECONDS)
        if self._queue:
            LOG.error(line("log_not_closed", rows_lost=len(self._queue), waited_seconds=LOG_CLOSE_SECONDS))

    def _run(self) -> None:
        while not self._stop.wait(WRITE_SECONDS):
            self.write()
        self.write()
        for file in self._files.values():
            file.close()

    def write(self) -> None:
        """Write the rows that wait, and close the files that have been written to long enough."""
        groups: defaultdict[tuple[str, ServedVersion], list[LoggedRow]] = defaultdict(list)
        for _ in range(len(self._queue)):
            project, logged = self._queue.popleft()
            self._queued[project].remove(logged.size_bytes)
            groups[project, logged.version].append(logged)
        for (project, version), rows in groups.items():
            try:
                self._append(project, version, b"".join(map(self._line, rows)))
            except Exception as error:  # noqa: BLE001 - the log never fails an answer, and the next rows are tried again
                self._counters.add_project(project, "log_failed", len(rows))
                self._report(project, error)
            else:
                self._counters.add_project(project, "log_written", len(rows))
                self._faults.pop(project, None)
        for key, file in list(self._files.items()):
            is_due = monotonic() - file.opened >= self._terms[key[0]].seconds
            if is_due or file.is_broken or file.size_bytes >= MOST_FILE_BYTES:
                self._files.pop(key).close()

    def _append(self, project: str, version: ServedVersion, content: bytes) -> None:
        waiting = self._waiting[project]
        if waiting.total() >= self._terms[project].max_bytes:
            raise OSError("the files that have not landed yet have reached serving.log_mb")
        self._file(project, version).append(content)
        waiting.add(len(content))

    def _is_own(self, name: str) -> bool:
        return slot_of(name) == self._slot

    def _file(self, project: str, version: ServedVersion) -> LogFile:
        """Return the open file of a version."""
        key = project, version.digest
        if key not in self._files:
            now = clock.now()
            today = now.astimezone(ZoneInfo(version.contract.time_zone)).date()
            name = f"{today}-{time_stamp(now)}-{self._slot}-{secrets.token_hex(6)}.jsonl"
            self._files[key] = LogFile(self._root / project, name)
        return self._files[key]

    def _text(self, project: str, version: ServedVersion, row: Mapping[str, Any]) -> bytes:
        """Return a row with the columns of its contract: no other one is kept, and its label is not known."""
        columns = {name: row.get(name) for name in version.columns}
        if label := self._terms[project].label:
            columns[label] = None
        return row_text(columns)

    def _line(self, logged: LoggedRow) -> bytes:
        """Return a row and how it was answered, as a line."""
        version, (answer, inputs, computed, place, tables) = logged.version, logged.answered
        score, prediction, sure = computed.score[place], computed.prediction[place], computed.confidence[place]
        return log_line(
            logged.text,
            LoggedAnswer(
                protocol=PROTOCOL,
                row_id=answer["id"],
                request=logged.request_id,
                time=logged.at.isoformat(),
                version=version.number,
                digest=version.digest,
                inputs=inputs_digest(inputs[place]),
                bits=bits_of(float(score), float(prediction), float(sure)),
                unsure=bool(computed.unsure[place]),
                latency_ms=round(logged.latency_ms, 3),
                worker=self._slot,
                number=logged.number,
                contract=version.contract_digest,
                tables=tables,
                arm=logged.arm,
                user=logged.user,
            ),
        )

    def _report(self, project: str, error: Exception) -> None:
        """Log why rows were not written, once for each reason; the text of other errors may have values."""
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else type(error).__name__
        if reason != self._faults.get(project):
            self._faults[project] = reason
            LOG.error(line("rows_not_logged", project=project, reason=reason, where=raised_at(error)))
