"""Which workers hang: their process runs, and its event loop does not turn."""

from __future__ import annotations

from tasks.serve.processes.shared_counters import SharedCounters


class TurningLoops:
    """Looks at the turns that each worker counts in the shared memory.

    A worker that has not counted its first turn is still loading its versions, and does not hang. What is counted are
    looks and not seconds, so that a machine that was suspended, with its supervisor, finds no worker hung.

    Parameters
    ----------
    looks : int
        After how many looks at the same turn a worker hangs.

    Examples
    --------
    >>> from tasks.serve.processes.shared_counters import CounterLayout, WorkerCounters, shared_memory
    >>> layout = CounterLayout([], workers=1)
    >>> counters = SharedCounters(layout, shared_memory(layout))
    >>> turning = TurningLoops(counters, looks=2)
    >>> turning.hung(), turning.hung(), turning.hung()
    ([], [], [])
    >>> WorkerCounters(counters, 0).set("turns", 1)
    >>> turning.hung(), turning.hung(), turning.hung()
    ([], [], [0])
    >>> turning.hung()
    []
    """

    def __init__(self, counters: SharedCounters, looks: int) -> None:
        self._counters, self._looks = counters, looks
        self._seen = dict.fromkeys(range(counters.layout.workers), (0, 0))
        self._same = dict.fromkeys(range(counters.layout.workers), 0)

    def hung(self) -> list[int]:
        """Look once; return the slots of the workers that hang; each process is named once."""
        for slot, before in self._seen.items():
            now = (self._counters.of_worker(slot, "pid"), self._counters.of_worker(slot, "turns"))
            self._same[slot] = self._same[slot] + 1 if now == before and now[1] else 0
            self._seen[slot] = now
        return [slot for slot, same in self._same.items() if same == self._looks]
