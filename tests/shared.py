"""What the processes of one test session share: each thing is made once, by the first process that asks for it.

pytest-xdist starts its workers with the environment of the process that controls them, so a folder named there is
common to all. Each process ends what it has started once no other needs it; the controlling process removes the folder,
and ends what processes left that were killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import psutil
import pytest

from flows.stack.process_registry import alive, entry, terminate

FOLDER = "LEEWAY_TESTS_SHARED"
PROCESS, LOG = "process.json", "process.log"


IN_USE = pytest.StashKey[TextIO]()
STARTED: list[subprocess.Popen[bytes]] = []


def open_folder(config: pytest.Config) -> None:
    """Make the common folder in the process that controls the session; say in each other that it is in use."""
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="leeway-tests-")
        config.add_cleanup(_close_folder)
    if not config.getoption("numprocesses", None):
        config.stash[IN_USE] = (Path(os.environ[FOLDER]) / "in-use").open("a")
        fcntl.flock(config.stash[IN_USE], fcntl.LOCK_SH)


def end_processes(config: pytest.Config) -> None:
    """End what this process has started, after the last other process of the session has ended."""
    if IN_USE in config.stash:
        with config.stash[IN_USE] as in_use:
            fcntl.flock(in_use, fcntl.LOCK_EX if STARTED else fcntl.LOCK_UN)
        for process in STARTED:
            terminate(_with_children([psutil.Process(process.pid)]))
            process.wait()


def _close_folder() -> None:
    folder = Path(os.environ[FOLDER])
    terminate(_with_children(alive(json.loads(note.read_text())) for note in folder.glob(f"*/{PROCESS}")))
    shutil.rmtree(folder, ignore_errors=True)


def _with_children(processes: Iterable[psutil.Process | None]) -> list[psutil.Process]:
    return [each for process in processes if process for each in (process, *process.children(recursive=True))]


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """Give a folder of the session in which one process at a time works."""
    folder = Path(os.environ[FOLDER]) / name
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of the session; the first process that asks fills it, and the others wait for that.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
    ...     environment.setenv(FOLDER, folder)
    ...     print(*(made_once("answer", lambda made: made.mkdir()).name for _ in range(2)))
    answer answer
    """
    with locked(f"making-{name}") as folder:
        done = folder / "done"
        if not done.exists():
            make(folder / name)
            done.touch()
    return folder / name


def start(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Start a process for all of the session; return its id and its start time.

    Parameters
    ----------
    home : Path
        A folder of the session: its working directory, in which its log is.
    """
    with (home / LOG).open("wb") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    STARTED.append(process)
    noted = entry(process.pid)
    (home / PROCESS).write_text(json.dumps(noted))
    return noted
