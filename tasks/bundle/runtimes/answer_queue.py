"""Keeps the answers of a bundle in a folder, until they are handed over as files that a night of Leeway takes in once.

`AnswerQueue(bundle, folder).answer(row)` returns an answer once its line is on the disk. Each queue writes to a file of
its own, `open-...`. A file that is handed over has a name made of its content and never changes: `leeway bundle PROJECT
--land FOLDER` refuses one that arrived incomplete, and one that arrives twice counts once.

A line is that of the prediction log of the service (`tasks.serving_store.logged_rows`).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import math
import os
import secrets
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tasks.bundle.runtimes.answer_numbers import Numbers
from tasks.bundle.runtimes.answering_bundle import Bundle, BundleAnswer
from tasks.bundle.runtimes.bundle_content import BundleError
from tasks.whole_file import private_folder, sync_folder

LOG_PROTOCOL = 5
ANSWER = "@answer"
OPEN = "open-"
MOST_BYTES = 64 * 2**20
STAMP = "%Y%m%dT%H%M%S.%fZ"


class AnswerQueue:
    """Answers rows, and keeps each answer; one thread uses it.

    Answers of a stale bundle are not kept: its rows are a person's, and no version has answered them.

    Parameters
    ----------
    folder : str or Path
        It is made if it is missing. Several processes may have the same one.

    Raises
    ------
    BundleError
        The bundle has a smaller form of its version.
    """

    def __init__(self, bundle: Bundle, folder: str | Path) -> None:
        if not bundle.kept:
            raise BundleError(
                "the answers of a smaller form are not those of its version, so that no night takes them in"
            )
        self._bundle, self._folder = bundle, private_folder(Path(folder).absolute())
        self._file: IO[bytes] | None = None
        self._count = 0

    def answer(self, row: Mapping[str, Any], moment: datetime | None = None) -> dict[str, Any]:
        """Return the answer to a row, see `Bundle.answer`, once it is on the disk.

        Parameters
        ----------
        moment : datetime, optional
            By default that of the clock, in UTC.

        Raises
        ------
        RowRefused
            The row breaks its contract; nothing is kept.
        OSError
            The answer cannot be kept, such as on a full disk; ask again, or use the bundle without a queue.
        """
        at = moment or datetime.now(UTC)
        answered = self._bundle.answered(row, at.date())
        self.keep([answered], at)
        return answered.shown

    def keep(self, answered: Sequence[BundleAnswer], moment: datetime | None = None) -> None:
        """Keep answers of the bundle: all of them, or, if this raises an OSError, none or all."""
        at = (moment or datetime.now(UTC)).astimezone(UTC).isoformat()
        content = b"".join(
            self._line(one.row, one.shown["id"], one.inputs, one.numbers, at) for one in answered if one.numbers
        )
        if not content:
            return
        file = self._file = self._file or _opened(self._folder)
        try:
            _write(file, content)
        except OSError:
            self._file = None  # the next answer is in another file; what this one has of a line is left out later
            file.close()
            raise
        if file.tell() >= MOST_BYTES:
            self.close()

    def close(self) -> list[Path]:
        """Hand over what was kept, also by processes that have ended; return the files."""
        if self._file is not None:
            self._file.close()
            self._file = None
        return hand_over(self._folder)

    def _line(self, row: Mapping[str, Any], row_id: str, inputs: Sequence[float], numbers: Numbers, at: str) -> bytes:
        self._count += 1
        bundle, kept = self._bundle, self._bundle.kept
        columns = {name: row.get(name) for name in kept["columns"]} | ({kept["label"]: None} if kept["label"] else {})
        answer = {
            "protocol": LOG_PROTOCOL,
            "row_id": row_id,
            "request": secrets.token_hex(8),
            "time": at,
            "version": bundle.version,
            "digest": bundle.digest,
            "inputs": _digest(inputs),
            "bits": struct.pack("<3d", numbers.score, numbers.prediction, numbers.confidence).hex(),
            "unsure": numbers.unsure,
            "latency_ms": 0.0,
            "worker": 0,
            "number": self._count,
            "contract": kept["contract"],
            "arm": "none",
            "serial": bundle.serial,
            "rounding": kept["rounding"],
        }
        text = json.dumps({**columns, ANSWER: answer}, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()


def hand_over(folder: str | Path) -> list[Path]:
    """Close the files of a folder that no process writes any more; return all that are to be handed over.

    A file is named by the time of its first answer, the serial of its bundle, and a digest of its content.
    """
    where = Path(folder)
    for path in sorted(where.glob(f"{OPEN}*.jsonl")):
        with suppress(FileNotFoundError):  # another process was faster
            _close(path)
    return sorted(path for path in where.glob("*.jsonl") if not path.name.startswith(OPEN))


def _close(path: Path) -> None:
    with path.open("r+b") as file:
        if not _is_locked(file):
            return
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]  # a process that was killed may have left a part of a line
        if whole != content:
            file.truncate(len(whole))
            os.fsync(file.fileno())
    if whole:
        path.rename(path.with_name(_name(whole)))
    else:
        path.unlink()
    sync_folder(path.parent)


def _name(content: bytes) -> str:
    answer = json.loads(content[: content.index(b"\n")])[ANSWER]
    first = datetime.fromisoformat(answer["time"])
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"{first.date()}-{first.strftime(STAMP)}-{answer['serial']}-{digest}.jsonl"


def _opened(folder: Path) -> IO[bytes]:
    """Return a new file that this process alone writes to: it has its name once it is locked."""
    path = folder / f"{OPEN}{secrets.token_hex(8)}.jsonl"
    draft = path.with_name(f".{path.name}")
    file = open(draft, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115 - it stays open
    _is_locked(file)
    draft.rename(path)
    sync_folder(folder)
    return file


def _write(file: IO[bytes], content: bytes) -> None:
    """Write lines, and wait until they are on the disk."""
    if file.write(content) != len(content):
        raise OSError(errno.ENOSPC, "the disk is full")
    os.fsync(file.fileno())


def _is_locked(file: IO[bytes]) -> bool:
    """Lock a file until it is closed; return whether no other process has."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _digest(inputs: Sequence[float]) -> str:
    known = [math.nan if math.isnan(value) else value for value in inputs]
    return hashlib.blake2b(struct.pack(f"<{len(known)}d", *known), digest_size=8).hexdigest()
