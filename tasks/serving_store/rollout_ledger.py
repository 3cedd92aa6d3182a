"""The ledger of a rollout: what one worker has seen of it, in a file that outlives the worker and the service.

The file is mapped into memory, so that a killed process loses nothing of it. A changed answer is on the disk before it
is sent: their number is exact even if the machine loses its power, and there are at most as many of these writes as the
quota has answers.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import EvidenceError
from tasks.rollout import COUNTS, NOTHING_SEEN, OF_STAGE, SHAPE, RolloutSums
from tasks.whole_file import private_folder, write_whole

LEDGER_FOLDER = "rollout_ledgers"
"""The folder of the ledgers in the serving folder; no project can have this name."""
PROTOCOL = 2
"""Of the format: 1 ends with the wealth; 2 has the busy seconds of the stage after it. A file of 1 is continued."""
HEAD = ("protocol", "stage")
WORDS = len(HEAD) + len(COUNTS)
BETS = SHAPE[0] * SHAPE[1]
BUSY_START = 8 * (WORDS + BETS)
SIZE_BYTES = BUSY_START + 8


def ledger_path(root: Path, project: str, rollout: str, slot: int) -> Path:
    """Return the ledger of a worker."""
    return root / LEDGER_FOLDER / project / f"{rollout}-{slot}.ledger"


class RolloutLedger:
    """The ledger that this process writes.

    Raises
    ------
    EvidenceError
        When another process writes it, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._memory = _mapped(self._descriptor, path)
        except BaseException:
            os.close(self._descriptor)
            raise
        self._counts = np.frombuffer(self._memory, dtype=np.int64, count=WORDS)
        numbers = np.frombuffer(self._memory, dtype=np.float64, offset=8 * WORDS)
        self.wealth: FloatArray = numbers[:BETS].reshape(SHAPE)
        self._busy: FloatArray = numbers[BETS:]
        self._counts[0] = PROTOCOL

    def enter(self, stage: int) -> bool:
        """Begin a stage, or go on with it; return whether it has begun."""
        if self._counts[1] == stage:
            return False
        for name in OF_STAGE:
            self._counts[_place(name)] = 0
        self._busy[0] = 0.0
        self._counts[1] = stage
        return True

    def count(self, name: str) -> int:
        """Return a count."""
        return int(self._counts[_place(name)])

    def add(self, name: str, number: int) -> None:
        """Add to a count."""
        self._counts[_place(name)] += number

    def add_busy(self, seconds: float) -> None:
        """Add to the time of this stage in which requests came in."""
        self._busy[0] += seconds

    def spend(self, changed: int, quota: int) -> bool:
        """Take changed answers from the quota, on the disk, before they are sent; return whether it has that many."""
        if self.count("spent") + changed > quota:
            return False
        if changed:
            self.add("spent", changed)
            self._memory.flush()
        return True

    def close(self) -> None:
        """Let another process write it."""
        del self._counts, self.wealth, self._busy
        self._memory.close()
        os.close(self._descriptor)


def _mapped(descriptor: int, path: Path) -> mmap.mmap:
    """Return the memory of a ledger that is new, or that this version has written."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise EvidenceError(
            f"{path} belongs to another service; each service needs a LEEWAY_HOME of its own."
        ) from None
    content = os.pread(descriptor, SIZE_BYTES + 1, 0)
    if any(content[:8]) and not _is_whole(content):
        raise EvidenceError(f"{path} is damaged; end the rollout with `leeway rollback`.")
    os.posix_fallocate(descriptor, 0, SIZE_BYTES)  # a full disk is an error here, and not a signal at the first write
    return mmap.mmap(descriptor, SIZE_BYTES)


def _is_whole(content: bytes) -> bool:
    protocol = int.from_bytes(content[:8], "little")
    if protocol == 1:
        return len(content) in {BUSY_START, SIZE_BYTES}  # the second one while it is being continued
    return (protocol, len(content)) == (PROTOCOL, SIZE_BYTES)


def read_sums(root: Path, project: str, rollout: str, stage: int) -> RolloutSums:
    """Return the sums of all workers; counts of a stage only of those that have entered it.

    Raises
    ------
    EvidenceError
        When a ledger is damaged.
    """
    total = NOTHING_SEEN
    for path in sorted((root / LEDGER_FOLDER / project).glob(f"{rollout}-*.ledger")):
        content = path.read_bytes()
        if not any(content[:8]):
            continue  # it is being made
        if not _is_whole(content):
            raise EvidenceError(f"{path} is damaged; end the rollout with `leeway rollback {project}`.")
        counts = np.frombuffer(content, dtype=np.int64, count=WORDS).tolist()
        named = dict(zip(COUNTS, counts[len(HEAD) :], strict=True))
        numbers = np.frombuffer(content, dtype=np.float64, offset=8 * WORDS)
        wealth, busy = numbers[:BETS].reshape(SHAPE), float(numbers[BETS:].sum())
        if counts[1] != stage:
            named, busy = named | dict.fromkeys(OF_STAGE, 0), 0.0
        total += RolloutSums(**named, wealth=wealth, busy_seconds=busy)
    return total


def write_carried(root: Path, project: str, rollout: str, stage: int, sums: RolloutSums) -> None:
    """Write what workers of an earlier home of this service have seen; it is added to what its present ones see."""
    path = _carried_path(root, project, rollout)
    private_folder(path.parent)
    counts = np.array([PROTOCOL, stage, *(getattr(sums, name) for name in COUNTS)], dtype=np.int64)
    numbers = np.array([*sums.wealth.ravel(), sums.busy_seconds], dtype=np.float64)
    write_whole(path, counts.tobytes() + numbers.tobytes())


def carried_spent(root: Path, project: str, rollout: str) -> int:
    """Return how many changed answers count as sent by workers of an earlier home; 0 without one."""
    path = _carried_path(root, project, rollout)
    if not path.exists():
        return 0
    counts = np.frombuffer(path.read_bytes(), dtype=np.int64, count=WORDS)
    return int(counts[_place("spent")])


def _carried_path(root: Path, project: str, rollout: str) -> Path:
    return root / LEDGER_FOLDER / project / f"{rollout}-carried.ledger"


def _place(name: str) -> int:
    return len(HEAD) + COUNTS.index(name)
