"""What the processes of one test session share: each thing is made once, by the first process that asks for it.

pytest-xdist starts its workers with the environment of the process that controls them, so a folder named there is
common to all. The controlling process ends what was started in it, and removes it, after the last worker has ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flows.stack.process_registry import alive, entry, terminate

FOLDER = "LEEWAY_TESTS_SHARED"
PROCESS, LOG = "process.json", "process.log"


def open_folder(config: pytest.Config) -> None:
    """Make the common folder in the process that controls the session, and clean up at its end."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(tempfile.mkdtemp(prefix="leeway-tests-"))
    os.environ[FOLDER] = str(folder)

    def close() -> None:
        terminate(_with_children(alive(json.loads(note.read_text())) for note in folder.glob(f"*/{PROCESS}")))
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(close)


def _with_children(processes: Iterator[psutil.Process | None]) -> list[psutil.Process]:
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
    """Start a process that the end of the session ends; return its id and its start time.

    Parameters
    ----------
    home : Path
        A folder of the session: its working directory, in which its log is.
    """
    with (home / LOG).open("wb") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    noted = entry(process.pid)
    process.returncode = 0  # it outlives this object on purpose; else that is warned of
    (home / PROCESS).write_text(json.dumps(noted))
    return noted
