"""The answers of a project as rows of a table, of a database or of Delta: one for each row id and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from tasks.databases import ARROW, Kind
from tasks.score.prediction_rows import as_proposals

COLUMNS: Mapping[str, Kind] = {
    "row_id": "text",
    "version": "whole",
    "event_date": "day",
    "prediction": "real",
    "score": "real",
    "confidence": "real",
    "deferred": "truth",
    "reasons": "text",
    "probabilities": "reals",
    "predicted_class": "text",
    "proposal": "truth",
    "batch_id": "text",
    "time": "moment",
}
"""What is written of each answer."""
BOUNDS: Mapping[str, Kind] = {"lower": "real", "upper": "real"}
"""What is written of the answers of a project with intervals too."""
KEY = ("row_id", "version")


@dataclass(frozen=True)
class AnswerRows:
    """What is written of an answer.

    Parameters
    ----------
    proposals : bool
        Whether a person decides on the answers.
    renamed : mapping of str to str
        The columns with another name in the table.
    blind_share : float
        Of the rows that people decide, those without the proposal.
    intervals : bool
        Whether the bounds of intervals are written.
    """

    proposals: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    blind_share: float = 0.0
    intervals: bool = False

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The columns of an answer."""
        return {**COLUMNS, **BOUNDS} if self.intervals else COLUMNS

    @property
    def schema(self) -> pa.Schema:
        """The columns with their names in the table."""
        return pa.schema([(self.column(name), ARROW[kind]) for name, kind in self.kinds.items()])

    def column(self, name: str) -> str:
        """Return the name of a column in the table."""
        return self.renamed.get(name, name)

    def table(self, answers: pd.DataFrame) -> pa.Table:
        """Return answers with the columns of `kinds`."""
        in_utc = answers["time"].dt.tz_convert(None)  # which Arrow takes as UTC
        shown = as_proposals(answers, self.blind_share) if self.proposals else answers.assign(proposal=False)
        shown = shown.assign(time=in_utc)
        schema = pa.schema([(name, ARROW[kind]) for name, kind in self.kinds.items()])
        return pa.Table.from_pandas(shown[list(self.kinds)], schema=schema, preserve_index=False)
