"""The rim of score: reads batches without predictions, writes their predictions once, and writes answer files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa

from tasks.dataset.night_data import RECENT_DAYS, NightData
from tasks.errors import Conflict
from tasks.inference.automation_degree import Degree
from tasks.lake import (
    Batch,
    Filter,
    Lake,
    ParallelMap,
    RowFiles,
    partitions,
    served_key,
    version_key,
)
from tasks.logs import line, logger
from tasks.model import Predictor
from tasks.prefect_task import leeway_task
from tasks.score.answer_columns import Answerer
from tasks.score.answer_destination import Answers
from tasks.score.automation_rate import AutomationRate, automation
from tasks.score.prediction_rows import Role

ROWS_HELD = 200_000  # answers of so many rows are computed before they are written
ROWS_AT_ONCE = (
    4_000_000  # answered in one commit, unless one delivery has more; a run that dies loses one commit's work
)
PARTITION_ROWS = 1_000_000  # rows with answers that are returned together: 75 bytes a row


@dataclass(frozen=True)
class Scorer:
    """A version that answers: into which lake, with which features and when, and where its answers are copied to.

    `degree` is the spec's `automation.degree`: it says which rows people decide, whatever the model's own rule is.
    `spread` answers part by part: in this process, or on the workers of a cluster.
    """

    lake: Lake
    project: str
    model: Predictor
    version: int
    features: Callable[[pd.DataFrame], pd.DataFrame]
    moment: datetime
    files: Answers | None = None
    degree: Degree = "partial"
    spread: ParallelMap = map

    def unanswered(self, batches: Sequence[Batch]) -> list[Batch]:
        """Return the batches that this version has not answered yet."""
        names = {version_key(batch.write_key, self.version): batch for batch in batches}
        return [names[key] for key in self.lake.missing(self.project, "predictions", list(names))]

    def write(self, batches: Sequence[Batch], role: Role) -> int:
        """Score batches and write their predictions once, in as few commits as memory allows; return their rows.

        Raises
        ------
        Conflict
            When another run answered some of them in the meantime.
        """
        return sum(self._write(group, role) for group in _groups(batches))

    def hand_out(self, batches: Sequence[Batch]) -> int:
        """Hand out the answers for every served batch that were not, in the order of arrival; return for how many.

        What is missing is looked for: the next run hands out what one left that ended after its commit to the lake.
        """
        if self.files is None:
            return 0
        named = {self.files.name(batch): batch for batch in batches}
        lacking, made = self.files.lacking(named), 0
        for name, batch in ((name, batch) for name, batch in named.items() if name in lacking):
            answers = served_answers(self.lake, self.project, batch)
            if len(answers):
                self.files.write(name, answers)
                made += 1
        return made

    def _write(self, batches: Sequence[Batch], role: Role) -> int:
        rows = sum(batch.rows_accepted for batch in batches)
        keys = [version_key(batch.write_key, self.version) for batch in batches]
        if role == "champion":
            keys += [served_key(batch.write_key) for batch in batches]
        if not self._added(batches, role, keys):
            raise Conflict(
                f"another run of {self.project} answered some of {len(batches)} batches in the meantime; run it again: "
                "answers that exist stay as they are"
            )
        return rows

    def _added(self, batches: Sequence[Batch], role: Role, keys: list[str]) -> bool:
        if sum(batch.rows_accepted for batch in batches) <= ROWS_HELD:
            answers = pa.concat_tables(self._answers(batches, role))
            return self.lake.append_if_absent(self.project, "predictions", answers, *keys)
        failed: list[Exception] = []

        def pieces() -> Iterator[pa.Table]:
            try:
                yield from self._answers(batches, role)
            except Exception as error:
                failed.append(error)  # Delta would raise it as an error of its own
                raise

        try:
            return self.lake.append_if_absent(self.project, "predictions", pieces, *keys)
        except Exception:
            if failed:
                raise failed[-1] from None
            raise

    def _answers(self, batches: Sequence[Batch], role: Role) -> Iterator[pa.Table]:
        stored = RowFiles.now(self.lake, self.project)
        asked = Answerer(stored.reader, self.features, self.model, self.version, role, self.moment, self.degree)
        parts = [part for batch in batches for part in stored.parts(batch)]
        for answered in self.spread(asked.answered, partitions(parts, PARTITION_ROWS)):
            for part, sent in answered:
                yield asked.whole(part, sent)


def served_answers(lake: Lake, project: str, batch: Batch) -> pd.DataFrame:
    """Return the answers that champions gave for one revision of a batch."""
    inside: list[Filter] = [("batch_id", "=", batch.batch_id), ("revision", "=", batch.revision)]
    if batch.event_from is not None and batch.event_until is not None:
        inside += [("event_date", ">=", batch.event_from), ("event_date", "<=", batch.event_until)]
    return lake.read(project, "predictions", where=[*inside, ("role", "=", "champion")])


def score_batches(scorer: Scorer, batches: Sequence[Batch]) -> int:
    """Let the champion answer every batch that it has not answered yet; return the number of rows.

    It serves the batches that no champion has served. Where another one did, its answers are shadow answers, which it
    is measured by. Where the spec names an output, the answers for every served batch are handed out there.

    Parameters
    ----------
    batches : sequence of Batch
        Those with accepted rows.
    """
    names = {served_key(batch.write_key): batch for batch in scorer.unanswered(batches)}
    unserved = set(scorer.lake.missing(scorer.project, "predictions", list(names)))
    served = scorer.write([batch for key, batch in names.items() if key in unserved], "champion")
    shadowed = scorer.write([batch for key, batch in names.items() if key not in unserved], "shadow")
    files = scorer.hand_out(batches)
    logger().info(line("rows_scored", files=files, served=served, shadowed=shadowed, version=scorer.version))
    return served + shadowed


score_batches_task = leeway_task("score")(score_batches)


def automated(data: NightData) -> AutomationRate:
    """Return how much of the newest rows was decided without a person, and the recent error of that part.

    The share is of the newest `monitoring.window_days` that were served, looked for no further back than
    `RECENT_DAYS`; the error is of the newest `monitoring.cohort_days` with matured labels.
    """
    monitoring, until = data.spec.monitoring, data.matured_until
    cohort_after = until - timedelta(days=monitoring.cohort_days)
    since = min(cohort_after, data.night - timedelta(days=RECENT_DAYS))
    served = data.served(after=since)
    newest = max(served["event_date"], default=data.night)
    recent = served[served["event_date"] > newest - timedelta(days=monitoring.window_days)]
    cohort = data.matured(served[served["event_date"] > cohort_after], labels_after=since)
    rate = automation(recent, cohort, data.spec)
    logger().info(line("automation_measured", error=rate.automated_error, deferred_share=rate.deferred_share))
    return rate


def _groups(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    group: list[Batch] = []
    rows = 0
    for batch in batches:
        if group and rows + batch.rows_accepted > ROWS_AT_ONCE:
            yield group
            group, rows = [], 0
        group.append(batch)
        rows += batch.rows_accepted
    if group:
        yield group
