"""Labels that came over the API: a file for each request, until the controller lands them as a delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tasks.whole_file import write_whole

LABEL_FOLDER = "prediction_labels"
"""The folder in the serving folder; no project can have this name."""


def keep_labels(root: Path, project: str, labels: Sequence[Mapping[str, Any]]) -> None:
    """Write labels so that they survive this process and the machine; the same ones are kept once.

    Parameters
    ----------
    labels : sequence of mapping
        The columns of the id of each row, then the label.

    Raises
    ------
    OSError
        When the disk is full; nothing is kept.
    """
    folder = root / LABEL_FOLDER / project
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = b"".join(msgspec.json.encode(dict(label)) + b"\n" for label in labels)
    write_whole(folder / f"{hashlib.sha256(content).hexdigest()}.jsonl", content)


def newest_labels(contents: Iterable[bytes]) -> bytes:
    r"""Return the labels of several files, oldest first, as one: of a row with several labels, the last.

    >>> newest_labels([b'{"flat":7,"price":1}\n{"flat":8,"price":5}\n', b'{"flat":7,"price":2}\n'])
    b'{"flat":8,"price":5}\n{"flat":7,"price":2}\n'
    """
    newest: dict[bytes, bytes] = {}
    for content in contents:
        for line in content.splitlines():
            *ids, _ = msgspec.json.decode(line).values()
            key = msgspec.json.encode(ids)
            newest.pop(key, None)
            newest[key] = line
    return b"".join(line + b"\n" for line in newest.values())
