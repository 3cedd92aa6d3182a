"""Lands the answers that bundles have kept, as deliveries of their project: each answer counts once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.loaded_version import fetched
from flows.workspace import Workspace
from tasks.bundle.runtimes.answer_queue import MOST_BYTES as QUEUE_BYTES
from tasks.errors import DataError, EvidenceError
from tasks.ingest.landing.landing_zones import served_zones
from tasks.lake import LandingFolder
from tasks.records import RecordedVersion
from tasks.serving_store.logged_rows import logged_answers

MOST_BYTES = 2 * QUEUE_BYTES  # a file is handed over with the line that passes its limit


@dataclass(frozen=True)
class LandedAnswers:
    """How many answers landed, in how many files, and why others did not: file and reason."""

    rows: int
    files: int
    refused: tuple[tuple[str, str], ...]


def land_answers(workspace: Workspace, paths: Sequence[Path], today: date) -> LandedAnswers:
    """Land files of answers, and remove each one once it has landed.

    A delivery has the name and the content of its file, so one that comes again, or that was landing when this process
    was killed, is the same delivery, which nights take in once.

    Parameters
    ----------
    today : date
        In the time zone of the project; a file of a clock that is ahead lands as of today.

    Raises
    ------
    DataError
        When nights look for no answers of this project.
    Unreachable
        When the landing zone does not respond; the files stay.
    """
    spec = workspace.spec
    if not any(zone.kind == "rows" for zone in served_zones(spec)):
        raise DataError(
            f"answers land in serving.uri, which is {spec.serving.uri} and has deliveries of {spec.project} already; "
            "name another folder there"
        )
    landing = LandingFolder(spec.served_uri("rows"), spec, workspace.folder, os.environ)
    rows, files, refused = 0, 0, list[tuple[str, str]]()
    for path in paths:
        try:
            content = _content(path)
            count = _checked(workspace, path.name, content)
        except EvidenceError as error:
            refused.append((path.name, str(error)))
            continue
        landing.write([(f"{min(path.name[:10], today.isoformat())}{path.name[10:]}", content)])
        path.unlink()
        rows, files = rows + count, files + 1
    return LandedAnswers(rows, files, tuple(refused))


def _content(path: Path) -> bytes:
    """Return a file's content; a link is not followed, and a file that no bundle writes is not read."""
    if path.is_symlink() or not path.is_file():
        raise EvidenceError("it is no regular file; copy the file itself")
    if (size_bytes := path.stat().st_size) > MOST_BYTES:
        raise EvidenceError(f"it has {size_bytes:,} bytes; a bundle writes at most about half of {MOST_BYTES:,}")
    return path.read_bytes()


def _checked(workspace: Workspace, name: str, content: bytes) -> int:
    """Return how many answers a file has, of one version that the registry has.

    Raises
    ------
    EvidenceError
        When it is not whole, or has other answers.
    """
    try:
        date.fromisoformat(name[:10])
    except ValueError as error:
        raise EvidenceError(f"its name begins with {name[:10]!r}; expected the day of its first answer") from error
    digest = name.removesuffix(".jsonl").rpartition("-")[2]
    if hashlib.sha256(content).hexdigest()[:16] != digest:
        raise EvidenceError("it has changed since it was handed over, or did not arrive as a whole; copy it again")
    answers = logged_answers(content)
    given = {(answer.version, answer.digest, answer.serial) for answer in answers}
    if len(given) != 1:
        raise EvidenceError(f"it has answers of {len(given)} bundles; expected those of one, as a bundle writes them")
    number, of_version, _ = given.pop()
    if fetched(workspace.registry, workspace.project, RecordedVersion(number, of_version)) is None:
        raise EvidenceError(f"the registry has no version {number} of {workspace.project}, which has answered them")
    return len(answers)
