"""The rim of score: reads batches that were not scored yet, writes their predictions once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from tasks.lake import Batch, Lake, batch_rows
from tasks.logs import line, logger
from tasks.model import PortableModel
from tasks.rim import room
from tasks.score.predictions import Role, predictions, served_key, version_key


@dataclass(frozen=True)
class Scorer:
    """A version that answers: where to, with which features, and when."""

    lake: Lake
    project: str
    model: PortableModel
    version: int
    features: Callable[[pd.DataFrame], pd.DataFrame]
    moment: datetime

    def write(self, batch: Batch, role: Role) -> int:
        """Score one batch and write its predictions once; return its rows."""
        rows = self.features(batch_rows(self.lake, self.project, batch))
        made = predictions(rows, self.model, self.version, role, self.moment)
        keys = [version_key(batch.write_key, self.version)]
        if role == "champion":
            keys.insert(0, served_key(batch.write_key))
        self.lake.add_once(self.project, "predictions", made, *keys)
        return len(rows)


@room("score")
def serve_batches(scorer: Scorer, batches: list[Batch]) -> int:
    """Score, as champion, every batch that no champion has served yet; return how many rows were.

    Parameters
    ----------
    batches : list of Batch
        Those with accepted rows.
    """
    keys = {served_key(batch.write_key): batch for batch in batches}
    missing = scorer.lake.missing(scorer.project, "predictions", list(keys))
    rows = sum(scorer.write(keys[key], "champion") for key in missing)
    logger().info(line("rows_served", batches=len(missing), rows=rows, version=scorer.version))
    return rows


@room("score again")
def shadow_batches(scorer: Scorer, batches: list[Batch]) -> int:
    """Let a version answer for batches another one served, so that it can be judged; return how many rows it did."""
    keys = {version_key(batch.write_key, scorer.version): batch for batch in batches}
    missing = scorer.lake.missing(scorer.project, "predictions", list(keys))
    rows = sum(scorer.write(keys[key], "shadow") for key in missing)
    logger().info(line("rows_shadowed", batches=len(missing), rows=rows, version=scorer.version))
    return rows
