"""Lists the landing zones and reads the deliveries that are new; deliveries taken in before are not read again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from tasks import clock
from tasks.errors import Conflict, SourceError, SpecError
from tasks.ingest.file_features import FileFeatures
from tasks.ingest.landing.fetch import fetched
from tasks.ingest.landing.landing_zones import files_of, served_zones
from tasks.ingest.landing_night import LandingNight
from tasks.ingest.privacy import KeyOf, secret, separated
from tasks.ingest.read_delivery import Spool, batch_id, delivery
from tasks.ingest.readers.bounds import Bounds
from tasks.ingest.readers.object_content import estimated_text_bytes
from tasks.ingest.readers.unreadable import Unreadable
from tasks.ingest.sources.open_source import FolderSource, S3Source, open_source
from tasks.ingest.sources.stored_objects import DeliverySource, StoredObject
from tasks.lake import Batch, Lake, append_repeats, deliveries, kind_conflicts, read_repeats
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.records import Delivery, Landed, Unread
from tasks.spec import ProjectSpec

PSEUDONYM_SCHEME = "pseudonyms"
BY_COLUMN = b"2"


def take_in(
    lake: Lake,
    spec: ProjectSpec,
    folder: Path,
    night: date,
    moment: datetime | None = None,
    spool: Path | None = None,
) -> list[Delivery | Unread]:
    """Read every delivery that arrived up to a night and is not taken in yet.

    Parameters
    ----------
    folder : Path
        The folder of project.yaml.
    moment : datetime, optional
        The present, for `settle_minutes`; by default, read from the clock.
    spool : Path, optional
        A folder for deliveries too large for memory, returned with `Delivery.chunks`; it must exist as long as they are
        used. By default, all are read into memory.

    Returns
    -------
    list of Delivery or Unread
        Rows first, then labels, feature tables and the rows that the prediction service has answered, each by arrival;
        without content that was taken in under another key.
    """
    if conflicts := kind_conflicts(lake, spec):
        raise SpecError([conflict.sentence for conflict in conflicts])
    taken = deliveries(lake, spec.project)
    stamps = {(batch.kind, batch.key, batch.stamp) for batch in taken.newest_of_keys().values()}
    stamps |= read_repeats(lake, spec.project)
    stale, key = taken.stale(), kept_pseudonym_key(lake, spec, is_new=not taken.revisions)
    batch_ids = {batch.batch_id for batch in taken.revisions if not batch.is_placeholder}
    reader = DeliveryReader(spec, key, spool, folder)
    new, repeated = list[Delivery | Unread](), list[tuple[str, Landed]]()
    for source, objects, arrived in LandingNight(lake, spec, folder, taken, night, moment or clock.now()).arrived():
        if (arrived.kind, arrived.name, arrived.stamp) in stamps:
            continue
        try:
            with reader.fetched(source, objects, arrived) as (batch_id, read):
                if batch_id in batch_ids and stale.get(batch_id) != arrived.name:
                    repeated += [(batch_id, arrived)] if taken.repeats(batch_id, arrived.kind, arrived.name) else []
                    continue
                batch_ids.add(batch_id)
                new.append(read())
        except Conflict as error:
            logger().warning(line("object_left_alone", key=arrived.key, why=error))
    append_repeats(lake, spec.project, repeated)
    logger().info(line("deliveries_taken_in", batches=len(new), night=night))
    return new


take_in_task = leeway_task("ingest")(take_in)


def pseudonym_key(lake: Lake, spec: ProjectSpec, *, is_new: bool) -> bytes | KeyOf:
    """Return the key of the pseudonyms: one for each column, or, of rows that an earlier version stored, one of all.

    Parameters
    ----------
    is_new : bool
        Whether nothing of the project is stored yet.

    Raises
    ------
    SpecError
        The variable with the key is not set, or too short to be a secret.
    """
    if not spec.privacy.pseudonymise:
        return b""
    if not is_new and lake.get(spec.project, PSEUDONYM_SCHEME) is None:
        return secret(spec.privacy, os.environ, short=True)
    return separated(secret(spec.privacy, os.environ), spec.first_name)


def kept_pseudonym_key(lake: Lake, spec: ProjectSpec, *, is_new: bool) -> bytes | KeyOf:
    """Return the key of the pseudonyms; the scheme is chosen with the first delivery of a project, and kept.

    The pseudonyms of one id must stay equal.
    """
    key = pseudonym_key(lake, spec, is_new=is_new)
    if is_new and not isinstance(key, bytes) and lake.get(spec.project, PSEUDONYM_SCHEME) is None:
        lake.put(spec.project, PSEUDONYM_SCHEME, BY_COLUMN)
    return key


class DeliveryReader:
    """Reads the deliveries of one run; those that are too large, or too many together, are kept on disk.

    Parameters
    ----------
    spec : ProjectSpec
        For the formats, the memory and the privacy rules.
    key : bytes or function
        See `pseudonym_key`.
    spool : Path, optional
        The folder for large deliveries; by default, all are read into memory.
    folder : Path
        The folder of project.yaml, with the module of `features.function`.
    """

    def __init__(self, spec: ProjectSpec, key: bytes | KeyOf, spool: Path | None, folder: Path) -> None:
        self._spec, self._key, self._folder = spec, key, folder
        self._memory = _Memory(spool, Bounds(spec.ingest.memory_mb))

    @contextmanager
    def fetched(
        self, source: DeliverySource, objects: Sequence[StoredObject], arrived: Landed
    ) -> Iterator[tuple[str, Callable[[], Delivery | Unread]]]:
        """Yield the id of what was delivered, and how to read it within the block.

        Raises
        ------
        Conflict
            When an object is written while it is read.
        """
        files = files_of(arrived.kind, self._spec, arrived.table)
        text_bytes = sum(estimated_text_bytes(stored.key, stored.size_bytes, files.read_as) for stored in objects)
        with self._memory.reserve(text_bytes) as (raw, rows):
            batch_id, contents = fetched(source, objects, raw, files.path_columns)

            def read() -> Delivery | Unread:
                files = self._files(source, arrived)
                found = delivery(contents, batch_id, arrived, self._spec, self._key, rows, files=files)
                self._memory.hold(found)
                if isinstance(found, Unreadable):
                    return Unread(batch_id, arrived, found.reason, found.detail)
                return found

            yield batch_id, read

    def _files(self, source: DeliverySource, arrived: Landed) -> FileFeatures | None:
        """Return what reads the files that the rows of a delivery name; None where they name none."""
        if arrived.kind != "rows" or arrived.table or not isinstance(source, FolderSource | S3Source):
            return None
        return None if self._spec.source.files is None else FileFeatures(source, self._spec, self._folder)


@dataclass
class _Memory:
    """The memory of a night's deliveries; a large delivery, or one that is too much, gets a folder of its own."""

    folder: Path | None
    bounds: Bounds
    left_bytes: int = field(default=0, init=False)
    count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.left_bytes = self.bounds.together_bytes

    @contextmanager
    def reserve(self, text_bytes: int) -> Iterator[tuple[Path | None, Spool | None]]:
        """Yield a folder for the objects, which is removed afterwards, and a spool for the rows; None means memory.

        Objects that are small may unpack to many rows, and are in memory while these are spooled.
        """
        if self.folder is None:
            yield None, None
            return
        self.count += 1
        own = self.folder / f"{self.count:06}"
        allowed = min(self.bounds.held_bytes, self.left_bytes)
        raw = own / "raw" if text_bytes > allowed else None
        try:
            yield raw, Spool(own / "rows", 0 if raw else allowed)
        finally:
            shutil.rmtree(own / "raw", ignore_errors=True)

    def hold(self, read: Delivery | Unreadable) -> None:
        """Note a delivery that is kept in memory."""
        if isinstance(read, Delivery) and read.chunks is None:
            self.left_bytes = max(0, self.left_bytes - int(read.frame.memory_usage(deep=True).sum()))


def served_content(spec: ProjectSpec, folder: Path, batch: Batch) -> bytes | None:
    """Return a delivery of the prediction log as it was taken in; None if it is gone, or has changed.

    Raises
    ------
    Unreachable
        When the landing zone does not respond.
    """
    zone = next((zone for zone in served_zones(spec) if zone.kind == batch.kind), None)
    if zone is None:
        return None
    source = open_source(zone.uri, folder, spec.source, zone.files)
    try:
        content = source.read(batch.key.removeprefix(f"{zone.table}/"))
    except SourceError:
        return None
    return content if batch_id(content) == batch.batch_id else None
