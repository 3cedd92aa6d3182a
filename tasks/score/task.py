"""The rim of score: reads batches that were not scored yet, writes their predictions once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from tasks.errors import Conflict
from tasks.lake import Batch, Lake, batch_rows, served_key, version_key
from tasks.logs import line, logger
from tasks.model import PortableModel
from tasks.rim import room
from tasks.score.predictions import Role, predictions

ROWS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Scorer:
    """A version that answers: where to, with which features, and when."""

    lake: Lake
    project: str
    model: PortableModel
    version: int
    features: Callable[[pd.DataFrame], pd.DataFrame]
    moment: datetime

    def unanswered(self, batches: Sequence[Batch]) -> list[Batch]:
        """Return those of the batches that this version has not answered for yet."""
        names = {version_key(batch.write_key, self.version): batch for batch in batches}
        return [names[key] for key in self.lake.missing(self.project, "predictions", list(names))]

    def write(self, batches: Sequence[Batch], role: Role) -> int:
        """Score batches and write their predictions once, in as few commits as memory allows; return their rows.

        Raises
        ------
        Conflict
            When another run answered for some of them meanwhile.
        """
        return sum(self._write(group, role) for group in _groups(batches))

    def _write(self, batches: Sequence[Batch], role: Role) -> int:
        made = pd.concat([self._answers(batch, role) for batch in batches])
        keys = [version_key(batch.write_key, self.version) for batch in batches]
        if role == "champion":
            keys += [served_key(batch.write_key) for batch in batches]
        if not self.lake.add_once(self.project, "predictions", made, *keys):
            raise Conflict(
                f"another run of {self.project} answered for some of {len(batches)} batches meanwhile; run it again: "
                "what is there will be left as it is"
            )
        return len(made)

    def _answers(self, batch: Batch, role: Role) -> pd.DataFrame:
        rows = self.features(batch_rows(self.lake, self.project, batch))
        return predictions(rows, self.model, self.version, role, self.moment)


@room("score")
def score_batches(scorer: Scorer, batches: Sequence[Batch]) -> int:
    """Let the champion answer for every batch it did not answer for yet; return how many rows that were.

    It serves what no champion has served. Where another one did, its answers are a shadow's, for it to be judged by.

    Parameters
    ----------
    batches : sequence of Batch
        Those with accepted rows.
    """
    names = {served_key(batch.write_key): batch for batch in scorer.unanswered(batches)}
    unserved = set(scorer.lake.missing(scorer.project, "predictions", list(names)))
    served = scorer.write([batch for key, batch in names.items() if key in unserved], "champion")
    shadowed = scorer.write([batch for key, batch in names.items() if key not in unserved], "shadow")
    logger().info(line("rows_scored", served=served, shadowed=shadowed, version=scorer.version))
    return served + shadowed


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
