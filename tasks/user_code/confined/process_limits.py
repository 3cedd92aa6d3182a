"""How much a process that runs foreign code may use, and whether it may connect to other machines."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

GROUP_MEMORY = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much memory this container has."""
OF_THE_MACHINE = 0.75
END_SECONDS = 5  # between the signal that says that the time is over and the one that cannot be ignored
MAPPED_BYTES = 4 * 2**30
"""What mapped files and memory that is only reserved may have in addition: libraries have gigabytes."""


class ProcessLimits(NamedTuple):
    """What one process may use.

    Attributes
    ----------
    memory_bytes : int
        Of memory that it can write to. Each process that it starts may use as much again.
    processor_seconds : int, optional
        After them it is ended.
    file_bytes : int, optional
        Of each file that it writes.
    has_network : bool
        Without it, the kernel refuses connections, as far as it can.
    """

    memory_bytes: int
    processor_seconds: int | None = None
    file_bytes: int | None = None
    has_network: bool = True


def memory_limit_bytes() -> int:
    """Return what the own code of a project may use: three quarters of the memory of the machine or container.

    So a function that needs more fails, with its name, before the system ends the run that has called it.
    """
    return int(OF_THE_MACHINE * min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_of_the_group()]))


def _of_the_group() -> list[int]:
    found = []
    for path in GROUP_MEMORY:
        with suppress(OSError, ValueError):  # there is no such file, or it says "max"
            found.append(int(path.read_text()))
    return found


def limit_process(limits: ProcessLimits) -> None:
    """Limit this process and those that it starts; what they have is never raised."""
    _limit(resource.RLIMIT_CORE, 0)  # a dump has rows
    if limits.processor_seconds is not None:
        _limit(resource.RLIMIT_CPU, limits.processor_seconds, END_SECONDS)
    if limits.file_bytes is not None:
        _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    if sys.platform == "linux":  # other systems do not count what is mapped
        _limit(resource.RLIMIT_DATA, limits.memory_bytes)
        _limit(resource.RLIMIT_AS, limits.memory_bytes + MAPPED_BYTES)


def _limit(kind: int, most: int, more: int = 0) -> None:
    """Set a limit, and one that it could be raised to, which is `more` above it."""
    before = resource.getrlimit(kind)[1]
    soft, hard = (each if before == resource.RLIM_INFINITY else min(each, before) for each in (most, most + more))
    resource.setrlimit(kind, (soft, hard))
