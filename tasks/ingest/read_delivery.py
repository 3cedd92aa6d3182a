"""Makes a delivery from the bytes of its objects: with an id from its content, read, and private."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.errors import EvidenceError
from tasks.ingest.file_features import FileFeatures
from tasks.ingest.landing.landing_zones import files_of
from tasks.ingest.privacy import KeyOf, PrivateRows
from tasks.ingest.readers.bounds import Bounds, Chunk, size_bytes
from tasks.ingest.readers.chunks import Dialect, assembled, read_chunks
from tasks.ingest.readers.delivery_spool import spool_chunks
from tasks.ingest.readers.object_content import Content
from tasks.ingest.readers.unreadable import BrokenError, Unreadable
from tasks.records import Delivery, Landed
from tasks.serving_store.logged_rows import ANSWER, SERVED, without_repeats
from tasks.serving_store.sent_files import SENT_AT
from tasks.spec.own_names import apart
from tasks.spec.project_spec import ProjectSpec


def batch_id(content: bytes) -> str:
    """Return the id of a batch: the sha256 of its content, so that equal content is the same batch.

    Examples
    --------
    >>> batch_id(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(content).hexdigest()


def batch_id_of_parts(sha256s: Sequence[str]) -> str:
    r"""Return the id of a batch of several objects, which does not depend on their keys or their order.

    The id of a batch of one object is that of the object.

    Examples
    --------
    >>> batch_id_of_parts(["ab", "cd"]) == batch_id_of_parts(["cd", "ab"]) == batch_id(b"ab\ncd")
    True
    >>> batch_id_of_parts(["ab"])
    'ab'
    """
    return sha256s[0] if len(sha256s) == 1 else batch_id("\n".join(sorted(sha256s)).encode())


def delivery(  # noqa: PLR0913 - keyword-only: what few projects have
    parts: Sequence[Content],
    name: str,
    landed: Landed,
    spec: ProjectSpec,
    key: bytes | KeyOf,
    spool: Spool | None = None,
    *,
    files: FileFeatures | None = None,
) -> Delivery | Unreadable:
    """Return the delivery of one or several objects, with the rows as delivered and the privacy rules applied.

    Parameters
    ----------
    parts : sequence of Content
        Its objects, in the order of their keys.
    name : str
        The batch id.
    landed : Landed
        The delivery as listed; its kind chooses the format.
    spec : ProjectSpec
        For the format and the privacy rules.
    key : bytes or function
        The key of the pseudonyms, from `tasks.ingest.privacy.secret`, or of those of a column by its name.
    spool : Spool, optional
        Where the private rows of a delivery too large for memory are kept. By default, all are in memory.
    files : callable, optional
        Adds what is made of the files that rows name.
    """
    said = dialect(landed, spec)
    if landed.table == SERVED and landed.kind == "rows":
        parts = [_asked_last(part) for part in parts]
    private = PrivateRows(spec.privacy, key, spec.columns_of(landed.kind, landed.table))
    rows = (_without_answers(chunk, landed, spec) for chunk in read_chunks(parts, said))
    kept = (private(_with_inside_names(chunk, landed, spec)) for chunk in rows)
    chunks: Iterator[Chunk] = kept if files is None else map(files, kept)
    try:
        if spool is None:
            return Delivery(name, landed, assembled(chunks), columns_left_out=len(private.left_out))
        held, left_bytes = [], spool.memory_bytes
        while left_bytes > 0 and (chunk := next(chunks, None)) is not None:
            held.append(chunk)
            left_bytes -= size_bytes(chunk)
        if left_bytes > 0:
            return Delivery(name, landed, assembled(held), columns_left_out=len(private.left_out))
        spooled = spool_chunks(chain(_emptied(held), chunks), spool.folder, said.bounds)
        return Delivery(name, landed, spooled.no_rows(), spooled, len(private.left_out))
    except BrokenError as error:
        return private.detail(error.unreadable)


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder for the rows of a delivery that has `memory_bytes` or more once it is unpacked.

    The folder is made when it is needed, and must exist as long as the delivery is used.
    """

    folder: Path
    memory_bytes: int = 0


def _emptied(chunks: list[Chunk]) -> Iterator[Chunk]:
    """Yield chunks, and let go of each."""
    while chunks:
        yield chunks.pop(0)


def _asked_last(part: Content) -> Content:
    """Return a file of the prediction log in which a row occurs once; a damaged one as it is, to be refused."""
    with part.open_raw() as raw:
        content = raw.read()
    with suppress(EvidenceError):
        return Content.of(part.key, without_repeats(content))
    return part


def _without_answers(chunk: Chunk, landed: Landed, spec: ProjectSpec) -> Chunk:
    """Return a chunk without what the prediction service adds: answers to rows, and the times of labels.

    A request has no consent, so its row has none until it is delivered with one. Nor does it need the name of a file,
    for it has what is made of one.
    """
    if landed.table != SERVED or isinstance(chunk, pa.Table):
        return chunk
    rows = chunk.drop(columns=[ANSWER, SENT_AT], errors="ignore")
    consent = [] if spec.privacy.consent is None else [spec.privacy.consent]
    return rows.assign(**{name: None for name in [*consent, *spec.file_columns] if name not in rows})


def _with_inside_names(chunk: Chunk, landed: Landed, spec: ProjectSpec) -> Chunk:
    """Return a chunk in which no column has a name of Leeway's own: see `tasks.spec.own_names`."""
    tables = [table.columns.all for table in spec.value_tables if table.name == landed.table]
    delivered = list(chunk.columns) if isinstance(chunk, pd.DataFrame) else chunk.column_names
    names = apart(map(str, delivered), wanted=tables[0] if tables else ())
    if not names:
        return chunk
    if isinstance(chunk, pd.DataFrame):
        return chunk.rename(columns=names)
    return chunk.rename_columns([names.get(name, name) for name in delivered])


def dialect(landed: Landed, spec: ProjectSpec) -> Dialect:
    """Return the format of the files of a delivery."""
    files = files_of(landed.kind, spec, landed.table)
    return Dialect(
        files.read_as, files.encoding, files.separator, Bounds(spec.ingest.memory_mb), tuple(files.path_columns)
    )
