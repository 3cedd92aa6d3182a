"""The rim of profiling: each batch's accepted and quarantined rows are profiled by event date and stored once.

Profiles add up exactly, so the accepted and the quarantined rows together are the rows as delivered. Only quarantined
rows are read again, in pieces; a feature that is made of other columns has no value in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from tasks.drift import RepeatedRows, repeated_rows
from tasks.lake import Batch, Deliveries, Filter, Lake, ParallelMap, RowFiles, partitions
from tasks.logs import line, logger
from tasks.monitor.profiling.batch_summaries import (
    BatchSummary,
    PartSummarizer,
    PartSummary,
    hashes_of,
    piece_summary,
    summed,
)
from tasks.monitor.profiling.quarantined_rows import quarantined_by_day
from tasks.monitor.profiling.stored_profiles import ACCEPTED, QUARANTINED, stored_profiles
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, TableProfile, added_by_day, digest, from_bytes
from tasks.spec.spec_sections.feature_sections import Features


@dataclass(frozen=True)
class BatchSummaries:
    """The summaries of a night's batches by one ruler, each made when it is first asked for.

    Parameters
    ----------
    features : callable
        From accepted rows to the same with their features.
    compared : Features
        The columns in which rows repeat each other.
    """

    lake: Lake
    project: str
    ruler: Ruler
    features: Callable[[pd.DataFrame], pd.DataFrame]
    compared: Features
    _made: dict[str, BatchSummary] = field(default_factory=dict, init=False, repr=False)

    def of(self, batches: Sequence[Batch], spread: ParallelMap = map) -> list[BatchSummary]:
        """Return the summary of each batch.

        Parameters
        ----------
        spread : callable, optional
            Makes those of the parts, with the meaning of `map`: in this process, or on the workers of a cluster. They
            add up exactly, so the result does not depend on it.
        """
        missing = [batch for batch in batches if batch.write_key not in self._made]
        found: dict[str, list[PartSummary]] = {batch.write_key: [] for batch in missing}
        if missing:
            files = RowFiles.now(self.lake, self.project)
            parts = [part for batch in missing for part in files.parts(batch)]
            made = PartSummarizer(files.reader, self.ruler, self.features, self.compared)
            for of_partition in spread(made.summaries, partitions(parts)):
                for write_key, part in of_partition.items():
                    found[write_key].append(part)
        for write_key, parts_of_batch in found.items():
            whole = summed(parts_of_batch)
            self._made[write_key] = BatchSummary(whole.days, repeated_rows(whole.hashes))
        return [self._made[batch.write_key] for batch in batches]

    def of_rows(self, pieces: Iterable[pd.DataFrame]) -> BatchSummary:
        """Return the summary of typed rows that are not among the accepted ones."""
        made = (piece_summary(piece, self.features, self.ruler, self.compared) for piece in pieces if len(piece))
        whole = summed([*made])
        return BatchSummary(whole.days, repeated_rows(whole.hashes))

    def repeated(self, batch: Batch) -> RepeatedRows:
        """Return how many rows of a batch repeat another, also where it cannot be profiled by this ruler any more.

        A night is decided again from rows of which a column may be of another kind by now.
        """
        if (made := self._made.get(batch.write_key)) is not None:
            return made.repeated
        files = RowFiles.now(self.lake, self.project)
        pieces = (self.features(piece) for part in files.parts(batch) for piece in files.reader.pieces(part))
        hashes = [hashes_of(rows, self.compared) for rows in pieces]
        return repeated_rows(np.concatenate([np.empty(0, np.uint64), *hashes]))


def profile_batches(batches: Sequence[Batch], summaries: BatchSummaries, *, spread: ParallelMap = map) -> int:
    """Profile, by event date, every batch without a profile of this ruler; return the rows that were profiled.

    Parameters
    ----------
    spread : callable, optional
        Makes the summaries of parts of them, as in `BatchSummaries.of`.
    """
    lake, project, ruler = summaries.lake, summaries.project, digest(summaries.ruler)
    keys = {f"{ACCEPTED}/{ruler}/{batch.write_key}": batch for batch in batches}
    missing = {key: keys[key] for key in lake.missing(project, "profiles", list(keys))}
    made = [each.days for each in summaries.of(list(missing.values()), spread)]
    stored = {
        key: stored_profiles(batch, ACCEPTED, ruler, days)
        for (key, batch), days in zip(missing.items(), made, strict=True)
    }
    lake.add_each(project, "profiles", stored)
    rows = sum(each.rows for days in made for each in days.values())
    logger().info(line("rows_profiled", rows=rows))
    return rows


profile_batches_task = leeway_task("profile")(profile_batches)


def profile_refused(
    lake: Lake, project: str, batches: Sequence[Batch], ruler: Ruler, *, read: Callable[[pd.Series], pd.DataFrame]
) -> int:
    """Profile, by event date, the quarantined rows of batches without a profile of this ruler; return the rows.

    Parameters
    ----------
    batches : sequence of Batch
        Batches with quarantined rows, in their newest state.
    read : callable
        From rows as the quarantine keeps them to typed ones, with `event_date`; what cannot be read is missing.
    """
    name = digest(ruler)
    keys = {f"{QUARANTINED}/{name}/{batch.write_key}": batch for batch in batches}
    made, seen = {}, 0
    for key in lake.missing(project, "profiles", list(keys)):
        batch = keys[key]
        mine: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
        pieces = lake.pieces(project, "quarantine", columns=["raw"], where=mine)
        days = added_by_day(
            pair for piece in pieces for pair in quarantined_by_day(read(piece["raw"]), batch.arrival, ruler)
        )
        made[key] = stored_profiles(batch, QUARANTINED, name, days)
        seen += sum(each.rows for each in days.values())
    lake.add_each(project, "profiles", made)
    logger().info(line("refused_profiled", rows=seen))
    return seen


profile_refused_task = leeway_task("profile refused")(profile_refused)


def refused_by_day(stored: pd.DataFrame, known: Deliveries, until: date) -> dict[date, TableProfile]:
    """Return the profiles of the quarantined rows, by event date; released rows are not among them."""
    newest = {(batch.batch_id, batch.revision) for batch in known.latest() if batch.night <= until}
    rows = zip(stored["batch_id"], stored["revision"], stored["event_date"], stored["profile"], strict=True)
    return added_by_day(
        (day, from_bytes(content)) for name, revision, day, content in rows if (name, revision) in newest
    )
