"""The side of a `ChildProcess` that answers: it takes a question after the other until the flow has ended.

Nothing here is believed by the flow: the code that runs next to it can change all of it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tasks.user_code.confined.framing import ChildMessage, read_message, send_message

MOST_BYTES = 2**63  # the flow is believed


def answer_flow(answered: Callable[[ChildMessage, Path], ChildMessage]) -> None:
    """Answer until the flow has ended; the argument of the process has the settings that `ChildProcess` gives.

    Parameters
    ----------
    answered : callable
        From a question and the folder of the process to the answer; both have the same `number`.
    """
    settings = json.loads(sys.argv[1])
    sys.path[:] = settings["path"]
    connection = socket.socket(fileno=settings["socket"])
    threading.Thread(target=_end_with, args=(connection, os.environ["TMPDIR"]), daemon=True).start()
    own_id = os.getpid()
    while True:
        try:
            asked = read_message(connection.recv, MOST_BYTES)
        except EOFError:
            return
        answer = answered(asked, Path(settings["folder"]))
        sys.stdout.flush()
        sys.stderr.flush()
        if os.getpid() != own_id:  # a copy, which a function made by forking
            os._exit(0)
        header = {**answer.header, "number": asked.header["number"]}
        send_message(ChildMessage(header, answer.frame), connection.sendall)


def _end_with(connection: socket.socket, temporary: str) -> None:
    """End this process and those that it started once the flow has ended, also within a function that does not."""
    ended = select.poll()
    ended.register(connection, select.POLLRDHUP if sys.platform == "linux" else select.POLLHUP)
    ended.poll()
    shutil.rmtree(temporary, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)
