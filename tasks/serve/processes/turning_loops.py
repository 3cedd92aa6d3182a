"""Which workers hang: their process runs, and its event loop does not turn."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.serve.processes.shared_counters import SharedCounters


class TurningLoops:
    """Looks at the turns that each worker counts in the shared memory.

    A worker that has not counted its first turn is still loading its versions, which may take longer. What is counted
    are looks and not seconds, so that a machine that was suspended, with its supervisor, finds no worker hung.

    Parameters
    ----------
    looks, first_looks : int
        After how many looks at the same turn a worker hangs, and at none.

    Examples
    --------
    >>> from tasks.serve.processes.shared_counters import CounterLayout, WorkerCounters, shared_memory
    >>> layout = CounterLayout([], workers=1)
    >>> counters = SharedCounters(layout, shared_memory(layout))
    >>> turning = TurningLoops(counters, looks=2, first_looks=3)
    >>> worker = WorkerCounters(counters, 0)
    >>> worker.begin(pid=77)
    >>> worker.set("turns", 1)
    >>> turning.hung([77]), turning.hung([77]), turning.hung([77])
    ([], [], [0])
    >>> turning.hung([77])
    []

    The process that replaces it hangs before it has begun: its number is not in the memory yet.

    >>> [turning.hung([78]) for _ in range(4)]
    [[], [], [], [0]]
    """

    def __init__(self, counters: SharedCounters, looks: int, first_looks: int) -> None:
        self._counters, self._looks, self._first_looks = counters, looks, first_looks
        self._seen = dict.fromkeys(range(counters.layout.workers), (0, 0))
        self._same = dict.fromkeys(range(counters.layout.workers), 0)

    def hung(self, pids: Sequence[int]) -> list[int]:
        """Look once; return the slots of the workers that hang; each process is named once.

        Parameters
        ----------
        pids : sequence of int
            The process of each slot; 0 where none runs.
        """
        hung = []
        for slot, before in self._seen.items():
            has_begun = self._counters.of_worker(slot, "pid") == pids[slot]
            now = (pids[slot], self._counters.of_worker(slot, "turns") if has_begun else 0)
            self._same[slot] = self._same[slot] + 1 if now == before and now[0] else 0
            self._seen[slot] = now
            if self._same[slot] == (self._looks if now[1] else self._first_looks):
                hung.append(slot)
        return hung
