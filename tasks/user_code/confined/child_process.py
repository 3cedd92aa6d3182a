"""A process that runs foreign code for a flow: started, asked, and ended, also when it does not answer.

It gets no variable with a secret, no file descriptor of the flow but its own connection, and what it prints is read
from a pipe. Before it imports anything it gives up rights (`confinement`). Its answers are data (`framing`), with a
largest size; nothing of them is run.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from tasks.child_environment import without_secrets
from tasks.user_code.confined.framing import ChildMessage, TooLargeError, read_message, send_message
from tasks.user_code.confined.process_limits import ProcessLimits, memory_limit_bytes

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 3600.0
END_SECONDS, LOOK_SECONDS = 2.0, 1.0
ANSWER_BYTES, ANSWER_BYTES_A_ROW = 64 * 2**20, 16 * 2**10
PRINTED_BYTES = 4_000  # of what is printed during one question, the first ones are kept
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LD_LIBRARY_PATH")
USER_CODE = "tasks.user_code.child_main"
START = (
    "import json, runpy, sys; sys.path.insert(0, json.loads(sys.argv[1])['code']); "
    "runpy.run_module('tasks.user_code.confined.start_confined', run_name='__main__')"
)


class EndedError(Exception):
    """The process ended, or was ended, before it answered; the text says how."""


class Printed(NamedTuple):
    """What a process has printed during one question: the beginning, and how many bytes in all."""

    text: str
    size: int


class ChildProcess:
    """A process that runs the code of one project; it is started by making this.

    Parameters
    ----------
    folder : Path
        Of the project.
    environ : mapping of str to str
        Only variables without a secret are passed on.
    hidden : sequence of Path
        Folders with files that the code has no reason to read, see `confinement`.
    patience_seconds : float
        How long an answer may take.
    limits : ProcessLimits, optional
        By default, three quarters of the memory of the machine.
    main : str
        The module that answers.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        hidden: Sequence[Path] = (),
        patience_seconds: float = PATIENCE_SECONDS,
        limits: ProcessLimits | None = None,
        main: str = USER_CODE,
    ) -> None:
        self.printed = Printed("", 0)
        self.limits = limits or ProcessLimits(memory_limit_bytes())
        self._patience_seconds, self._deadline = patience_seconds, 0.0
        self._number, self._lock = 0, Lock()
        self._connection, other = socket.socketpair()
        self._output, output = os.pipe()
        self._temporary = TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True)
        away = _paths([folder, Path(self._temporary.name)], hidden)
        settings = {"socket": other.fileno(), "folder": str(folder), "main": main, **away}
        settings["limits"] = self.limits._asdict()
        with other:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-u", "-X", "faulthandler", "-c", START, json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**without_secrets(environ, *THREADS), "TMPDIR": self._temporary.name},
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        os.close(output)
        os.set_blocking(self._output, False)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._connection, selectors.EVENT_READ)
        self._ready.register(self._output, selectors.EVENT_READ)

    @property
    def memory_mb(self) -> float:
        """How much memory it may use."""
        return self.limits.memory_bytes / 2**20

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self.process.poll() is None

    def ask(self, question: ChildMessage, rows: int, read: Callable[[ChildMessage], Answer]) -> Answer:
        """Return what `read` makes of the answer to a question; one question is asked at a time.

        Parameters
        ----------
        question : ChildMessage
            What is asked.
        rows : int
            How many rows it is about, for the size that the answer may have.
        read : callable
            Reads the answer; whatever it raises means that the answer is none.

        Raises
        ------
        EndedError
            There is no answer, or one that cannot be read; the process is ended then.
        """
        with self._lock:
            self._number, self._deadline = self._number + 1, monotonic() + self._patience_seconds
            self.printed = Printed("", 0)
            most_bytes = ANSWER_BYTES + rows * ANSWER_BYTES_A_ROW
            try:
                self._send(ChildMessage({**question.header, "number": self._number}, question.frame))
                result = read(self._answer(most_bytes))
                self._read_printed()
            except (EOFError, ConnectionError) as error:
                raise EndedError(self._how_it_ended()) from error
            except TimeoutError as error:
                self._end()
                raise EndedError(f"did not answer within {self._patience_seconds:g} s") from error
            except TooLargeError as error:
                self._end()
                raise EndedError(f"answered with {error}, of at most {most_bytes / 2**20:,.0f} MB") from error
            except Exception as error:
                self._end()
                raise EndedError(f"answered something that is no result ({type(error).__name__})") from error
            except BaseException:  # such as Ctrl-C: its answer would be taken for that to the next question
                self._end()
                raise
            return result

    def end(self) -> None:
        """End the process, and those that it started, once it has answered what it was asked."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._connection.fileno() < 0:  # ended before: its id may be that of another process by now
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._read_printed()
        self._ready.close()
        self._connection.close()
        os.close(self._output)
        self._temporary.cleanup()

    def _send(self, message: ChildMessage) -> None:
        self._connection.settimeout(self._patience_seconds)
        send_message(message, self._connection.sendall)

    def _answer(self, most_bytes: int) -> ChildMessage:
        answer = read_message(self._receive, most_bytes)
        if answer.header.get("number") != self._number:
            raise ValueError("found the answer to another question")
        return answer

    def _receive(self, most: int) -> bytes:
        """Return the next bytes of an answer; none when the process has ended, even if one that it started goes on."""
        while (left_seconds := self._deadline - monotonic()) > 0:
            ready = [key.fileobj for key, _ in self._ready.select(min(left_seconds, LOOK_SECONDS))]
            if self._connection in ready:
                return self._connection.recv(most)
            self._read_printed()
            if not self.is_alive:
                self._connection.settimeout(0)
                with suppress(BlockingIOError):
                    return self._connection.recv(most)
                return b""
        raise TimeoutError

    def _read_printed(self) -> None:
        """Read what was printed, so that the process can go on; only the beginning is kept."""
        with suppress(BlockingIOError):
            while part := os.read(self._output, 2**16):
                left = max(0, PRINTED_BYTES - self.printed.size)
                text = self.printed.text + part[:left].decode(errors="replace")
                self.printed = Printed(text, self.printed.size + len(part))
            with suppress(KeyError):  # closed at the other end: it would be ready for ever
                self._ready.unregister(self._output)

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        code = self.process.returncode
        self._end()
        if code is None:
            return "closed its connection"
        if code == -signal.SIGKILL:
            return "was killed, as a machine does that has too little memory"
        if code == -signal.SIGXCPU:
            return f"used {self.limits.processor_seconds} s of processor time, which is all it may use"
        if code == -signal.SIGABRT:
            return f"ended by SIGABRT, as a program does that may use no more memory than {self.memory_mb:,.0f} MB"
        return f"ended with exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"


def _paths(folders: Sequence[Path], hidden: Sequence[Path]) -> dict[str, Any]:
    """Return where the process finds code, and which files are hidden from it: not those of its own folders."""
    away = [path.resolve() for path in hidden]
    needed = [
        *(path.resolve() for path in folders),
        *(Path(entry).resolve() for entry in (*sys.path, sys.prefix, sys.base_prefix)),
    ]
    inside = [path for path in needed if any(path.is_relative_to(one) and path != one for one in away)]
    return {
        "code": str(Path(__file__).parents[3]),
        "path": sys.path,
        "hidden": list(map(str, away)),
        "visible": list(map(str, inside)),
    }
