"""Labels, feedback and decisions that came over the API: a file for each request, until they land as a delivery.

The name of a file begins with the time at which its request was taken, in UTC, so that names are in the order of time.
Each line has that time too: the same label that is sent again later, such as 1, then 2, then 1, is another line.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tasks.whole_file import private_folder, write_whole

LABEL_FOLDER, FEEDBACK_FOLDER = "prediction_labels", "prediction_feedback"
DECISION_FOLDER = "prediction_decisions"
"""The folders in the serving folder; no project can have such a name."""
SENT_AT = "@sent_at"
"""The name of the time in a line; it is taken off before the label is read."""
STAMP = "%Y%m%dT%H%M%S.%fZ"


def time_stamp(moment: datetime) -> str:
    """Return a time in UTC as a part of a name; names with it are in the order of time.

    >>> time_stamp(datetime(2026, 2, 3, 4, 5, 6, 700, tzinfo=UTC))
    '20260203T040506.000700Z'
    """
    return moment.astimezone(UTC).strftime(STAMP)


def keep_sent(
    root: Path, project: str, rows: Sequence[Mapping[str, Any]], moment: datetime, kept_in: str = LABEL_FOLDER
) -> int:
    """Write labels or feedback so that they survive this process and the machine; return how many bytes.

    Parameters
    ----------
    rows : sequence of mapping
        The columns of the id of each row, then the label, or the event.
    moment : datetime
        When they were taken.
    kept_in : str
        `LABEL_FOLDER`, `FEEDBACK_FOLDER` or `DECISION_FOLDER`.

    Raises
    ------
    OSError
        When the disk is full; nothing is kept.
    """
    folder, sent = private_folder(root / kept_in / project), {SENT_AT: moment.astimezone(UTC).isoformat()}
    content = b"".join(msgspec.json.encode({**row, **sent}) + b"\n" for row in rows)
    write_whole(folder / f"{time_stamp(moment)}-{secrets.token_hex(4)}.jsonl", content)
    return len(content)


class WaitingFile(NamedTuple):
    """A file of labels or feedback that has not landed yet: when its request was taken, its path and its size."""

    taken: datetime
    path: Path
    size_bytes: int


def waiting_files(root: Path, project: str, kept_in: str = LABEL_FOLDER) -> list[WaitingFile]:
    """Return the files of labels or feedback that have not landed yet, oldest first."""
    found = []
    for path in _files(root, project, kept_in):
        with suppress(FileNotFoundError):  # it has landed, or was erased, meanwhile
            found.append(WaitingFile(_taken(path), path, path.stat().st_size))
    return sorted(found)


def oldest_file(root: Path, project: str, kept_in: str = LABEL_FOLDER) -> datetime | None:
    """Return when the oldest file was taken that has not landed yet; None without any. It reads names only."""
    with suppress(FileNotFoundError):
        first = min(_files(root, project, kept_in), key=lambda path: path.name, default=None)
        return None if first is None else _taken(first)
    return None


def in_parts(waiting: Sequence[WaitingFile], most_bytes: int) -> Iterator[list[WaitingFile]]:
    """Yield files in their order, in parts of at most some bytes; a larger file is a part of its own.

    >>> day = datetime(2026, 1, 1, tzinfo=UTC)
    >>> files = [WaitingFile(day, Path(), size) for size in (3, 4, 9)]
    >>> [[file.size_bytes for file in part] for part in in_parts(files, 8)]
    [[3, 4], [9]]
    """
    part, size = list[WaitingFile](), 0
    for each in waiting:
        if part and size + each.size_bytes > most_bytes:
            yield part
            part, size = [], 0
        part.append(each)
        size += each.size_bytes
    if part:
        yield part


def _files(root: Path, project: str, kept_in: str) -> Iterator[Path]:
    return (root / kept_in / project).glob("[!.]*.jsonl")


def _taken(path: Path) -> datetime:
    """Return when the request of a file was taken; a name that an earlier version gave has no time."""
    try:
        return datetime.strptime(path.name.partition("-")[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def newest_lines(lines: Sequence[bytes], names: Sequence[object]) -> bytes:
    r"""Return lines, oldest first, as the content of a delivery: of several with one name, the last.

    Parameters
    ----------
    names : sequence of str or None
        What each line is about: the id of its row as a night reads it, and of feedback the event too; None where it
        cannot be read, so that the night reports it.

    Examples
    --------
    >>> newest_lines([b'{"flat":7,"price":1}', b'{"flat":8,"price":5}', b'{"flat":"7","price":2}'], ["7", "8", "7"])
    b'{"flat":8,"price":5}\n{"flat":"7","price":2}\n'
    """
    newest: dict[object, bytes] = {}
    for place, (line, name) in enumerate(zip(lines, names, strict=True)):
        key = name if isinstance(name, str) else place
        newest.pop(key, None)
        newest[key] = line
    return b"".join(line + b"\n" for line in newest.values())
