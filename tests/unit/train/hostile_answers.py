"""A process that answers an adoption in place of the real one, as one does that a file has taken over.

It takes what it does from the name of the file.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from tasks.user_code.confined.answer_loop import answer_flow
from tasks.user_code.confined.framing import ChildMessage, EncodedFrame


def crash() -> ChildMessage:
    return ChildMessage({"read": ctypes.string_at(0)})


def fill() -> ChildMessage:
    parts = [bytearray(2**20)]
    while True:
        parts.append(bytearray(b"x") * 2**24)


def go_on() -> ChildMessage:
    while True:
        pass


def look() -> ChildMessage:
    """Say what is seen of the machine, as a refusal."""

    def outcome(attempt: Callable[[], object]) -> str:
        try:
            attempt()
        except OSError as error:
            return type(error).__name__
        return "allowed"

    secrets = [name for name in os.environ if "SECRET" in name]
    home = Path(os.environ["HOME"])
    tries = {
        "key": (home / ".ssh" / "id").read_text,
        "parent": lambda: os.kill(os.getppid(), signal.SIGTERM),
        "network": lambda: socket.create_connection(("127.0.0.1", int(os.environ["LANG"])), 5),
        "disk": lambda: (Path(os.environ["TMPDIR"]) / "file").write_bytes(bytes(2**22)),
    }
    found = {name: outcome(attempt) for name, attempt in tries.items()}  # type: ignore[arg-type]  # each takes nothing
    return ChildMessage({"refused": ["DataError", json.dumps({"secrets": secrets, **found})]})


def other_columns() -> ChildMessage:
    return ChildMessage({"estimator": "Ridge", "columns": ["salary"], "made_with": ""})


def other_kind() -> ChildMessage:
    return ChildMessage({"estimator": "<script>", "columns": ["rooms"], "made_with": ""})


def seen() -> ChildMessage:
    return ChildMessage({"estimator": "Ridge", "columns": ["rooms"], "made_with": ""})


def other_files() -> ChildMessage:
    return ChildMessage({"difference": 0.0}, EncodedFrame({"../keys/signing.pem": 3}, b"abc"))


def no_model() -> ChildMessage:
    return ChildMessage({"difference": 0.0}, EncodedFrame({"schema.json": 2}, b"{}"))


ANSWERS = [crash, fill, go_on, look, other_columns, other_kind, other_files, no_model]


class Hostile:
    """Answers the first question as expected where the second one is the attack."""

    def __init__(self) -> None:
        self._name = ""

    def answered(self, asked: ChildMessage, _folder: Path) -> ChildMessage:
        first, self._name = not self._name, self._name or str(asked.header["name"])
        answers = {answer.__name__: answer for answer in ANSWERS}
        return seen() if first and self._name in {"other_files", "no_model"} else answers[self._name]()


if __name__ == "__main__":
    answer_flow(Hostile().answered)
