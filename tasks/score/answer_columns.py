"""Answers for parts of the rows, wherever they are computed: what a worker receives, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import pyarrow as pa

from tasks.inference.automation_degree import Degree, deferred_under
from tasks.lake import TABLES, RowPart, RowReader
from tasks.model import Predictor
from tasks.score.prediction_rows import Role, predictions

SHARED = ("batch_id", "revision", "version", "role", "time")  # equal in all rows of a part, so not returned
KINDS = pa.schema([kind for kind in TABLES["predictions"].schema if kind.name not in SHARED])


@dataclass(frozen=True)
class Answerer:
    """Answers parts of the rows: it has their reader, their features and the model, and is sent once to each worker."""

    reader: RowReader
    features: Callable[[pd.DataFrame], pd.DataFrame]
    model: Predictor
    version: int
    role: Role
    moment: datetime
    degree: Degree

    def answered(self, partition: tuple[RowPart, ...]) -> list[tuple[RowPart, pa.Table]]:
        """Return the answers for each part's rows, without the columns that are equal in all of them."""
        return [(part, self._sent(part)) for part in partition]

    def whole(self, part: RowPart, sent: pa.Table) -> pa.Table:
        """Return answers as rows of the table `predictions`."""
        shared = {
            "batch_id": part.batch_id,
            "revision": part.revision,
            "version": self.version,
            "role": self.role,
            "time": self.moment,
        }
        fixed = dict(TABLES["predictions"].columns)
        for name, value in shared.items():
            sent = sent.append_column(name, pa.repeat(pa.scalar(value, fixed[name]), sent.num_rows))
        return sent

    def _sent(self, part: RowPart) -> pa.Table:
        return pa.concat_tables([KINDS.empty_table(), *map(self._answers, self.reader.pieces(part))])

    def _answers(self, rows: pd.DataFrame) -> pa.Table:
        made = predictions(self.features(rows), self.model, self.version, self.role, self.moment)
        made["deferred"] = deferred_under(self.degree, made["deferred"])
        return pa.Table.from_pandas(made[KINDS.names], schema=KINDS, preserve_index=False)
