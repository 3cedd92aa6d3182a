"""The prediction log of a worker: answered rows go through a bounded queue to a thread, which writes them to files.

A file of the log has the rows of one version, and is locked while its worker writes to it. Once it is closed, or its
worker was killed, the controller lands it as a delivery (`flows.serving.log_carrier`). Answers never wait for the log:
rows that find the queue or the disk full are counted, and not logged.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tasks import clock
from tasks.logs import line, raised_at
from tasks.serve.champions import Serving
from tasks.serve.processes.shared_counters import WorkerCounters
from tasks.serve.served_version import AnsweredRow, ServedVersion
from tasks.serve.service_request import ServiceRequest
from tasks.serve.service_settings import LogTerms
from tasks.serving_store.label_files import time_stamp
from tasks.serving_store.logged_rows import (
    LOG_FOLDER,
    PROTOCOL,
    LoggedAnswer,
    bits_of,
    inputs_digest,
    log_line,
)

LOG = logging.getLogger("leeway.serve")
MOST_QUEUED = 20_000
WRITE_SECONDS = 0.05
MOST_FILE_BYTES = 64 * 2**20
CLOSE_SECONDS = 5.0


class LoggedRow(NamedTuple):
    """A row that waits to be written."""

    number: int
    at: datetime
    request_id: str
    latency_ms: float
    version: ServedVersion
    row: Mapping[str, Any]
    answered: AnsweredRow


class LogFile:
    """A file that this process writes; it appears locked, so that no one takes it for that of a killed process."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft, self.path = folder / f".{name}", folder / name
        self._descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(self.path)
        self.size_bytes, self.opened = 0, monotonic()

    def append(self, content: bytes) -> None:
        """Write whole lines; what a full disk has taken of them is removed again."""
        try:
            written = 0
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
        except OSError:
            os.ftruncate(self._descriptor, self.size_bytes)
            raise
        self.size_bytes += len(content)

    def close(self) -> None:
        """Let the controller take the file."""
        with suppress(OSError):
            os.fsync(self._descriptor)
        os.close(self._descriptor)


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
        self._files: dict[tuple[str, str], LogFile] = {}
        self._fault = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        for project in terms:
            done = sum(counters.of_project(project, name) for name in ("log_written", "log_failed"))
            counters.set_project(project, "log_lost", counters.of_project(project, "log_queued") - done)

    def start(self) -> None:
        """Start the thread that writes."""
        self._thread.start()

    def add(self, request: ServiceRequest, serving: Serving, answered: Sequence[tuple[Any, AnsweredRow]]) -> None:
        """Take the rows of a request, as far as the queue has room."""
        project = serving.route.project
        terms = self._terms.get(project)
        if terms is None:
            return
        at, latency_ms = clock.now(), request.age_seconds() * 1000
        limit = terms.share * 2**32
        for row, one in answered:
            if zlib.crc32(one.answer["id"].encode()) >= limit:
                continue
            if len(self._queue) >= MOST_QUEUED:
                self._counters.add_project(project, "log_full", 1)
                continue
            self._counters.add_project(project, "log_queued", 1)
            number = self._counters.of_project(project, "log_queued")
            self._queue.append((project, LoggedRow(number, at, request.id, latency_ms, serving.version, row, one)))

    def close(self) -> None:
        """Write what waits, and let the controller take all files."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

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
            groups[project, logged.version].append(logged)
        for (project, version), rows in groups.items():
            try:
                self._check_room(project)
                content = b"".join(self._line(project, logged) for logged in rows)
                self._file(project, version).append(content)
            except Exception as error:  # noqa: BLE001 - the log never fails an answer, and the next rows are tried again
                self._counters.add_project(project, "log_failed", len(rows))
                self._report(project, error)
            else:
                self._counters.add_project(project, "log_written", len(rows))
                self._fault = ""
        for key, file in list(self._files.items()):
            if monotonic() - file.opened >= self._terms[key[0]].seconds or file.size_bytes >= MOST_FILE_BYTES:
                self._files.pop(key).close()

    def _check_room(self, project: str) -> None:
        waiting_bytes = 0
        for path in (self._root / project).glob(f"*-{self._slot}-*"):
            with suppress(FileNotFoundError):  # it has landed meanwhile
                waiting_bytes += path.stat().st_size
        if waiting_bytes >= self._terms[project].max_bytes:
            raise OSError("the files that have not landed yet have reached serving.log_mb")

    def _file(self, project: str, version: ServedVersion) -> LogFile:
        """Return the open file of a version."""
        key = project, version.digest
        if key not in self._files:
            now = clock.now()
            today = now.astimezone(ZoneInfo(version.contract.time_zone)).date()
            name = f"{today}-{time_stamp(now)}-{self._slot}-{secrets.token_hex(6)}.jsonl"
            self._files[key] = LogFile(self._root / project, name)
        return self._files[key]

    def _line(self, project: str, logged: LoggedRow) -> bytes:
        """Return a row with the columns of its contract: no other one touches the disk, and its label is not known."""
        version, (answer, inputs, computed, place) = logged.version, logged.answered
        columns = {name: logged.row.get(name) for name in version.columns}
        if label := self._terms[project].label:
            columns[label] = None
        score, prediction, sure = computed.score[place], computed.prediction[place], computed.confidence[place]
        return log_line(
            columns,
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
            ),
        )

    def _report(self, project: str, error: Exception) -> None:
        """Log why rows were not written, once for each reason; the text of other errors may have values."""
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else type(error).__name__
        if reason != self._fault:
            self._fault = reason
            LOG.error(line("rows_not_logged", project=project, reason=reason, where=raised_at(error)))
