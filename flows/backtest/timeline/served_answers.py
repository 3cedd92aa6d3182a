"""What the champions of a replay have answered: each row once, on the night it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flows.loaded_version import Champion
from tasks.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from flows.backtest.timeline.timeline_night import TimelineNight, TimelineVersions


@dataclass
class ServedAnswers:
    """The answers of a replay: positions of rows in the timeline, their predictions, and the version that gave them."""

    store: TimelineVersions
    _answers: list[tuple[IntArray, FloatArray, int]] = field(default_factory=list)
    _is_served: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self._is_served = np.zeros(len(self.store.timeline.row_ids), dtype=bool)

    def answer(self, data: TimelineNight, champion: Champion) -> None:
        """Let the champion answer the rows that came and have no answer yet; late rows on the night they come."""
        timeline = self.store.timeline
        newer = timeline.between(data.counted, champion.trained_until, data.night)
        late = [timeline.rows_of(batch) for batch in data.deliveries.of(data.night) if batch.kind == "rows"]
        late = [timeline.between(_among(rows, data.counted), date.min, data.night) for rows in late]
        unanswered = (rows[~self._is_served[timeline.row_codes[rows]]] for rows in (newer, *late))
        new = np.unique(np.concatenate([*unanswered]))
        if len(new):
            self._is_served[timeline.row_codes[new]] = True
            self._answers.append((new, self.store.answers(champion.number).answers(new, data.night), champion.number))

    def rows(self) -> pd.DataFrame:
        """Return the answered rows, with the labels that they have in the end: see `BacktestResult.served`."""
        timeline, spec = self.store.timeline, self.store.spec
        nothing = np.zeros(0, dtype=np.int64), np.zeros(0), 0
        served = self._answers or [nothing]
        classes = self.store.labels.classes if spec.training.task == "multiclass" else ()
        positions = np.concatenate([rows for rows, _, _ in served])
        answers = np.concatenate([self._over(classes, values, number) for _, values, number in served])
        versions = np.repeat([number for _, _, number in served], [len(rows) for rows, _, _ in served])
        rows = timeline.frame[["row_id", "event_date"]].iloc[positions].reset_index(drop=True)
        weights = {} if spec.scope.weight is None else {"weight": timeline.weights(spec)[positions]}
        labels = self.store.labels.final[positions]
        if classes:
            chosen = answers.argmax(axis=1).astype(np.float64)
            labels = pd.Index(classes).get_indexer(pd.Index(labels)).astype(np.float64)
            return rows.assign(
                prediction=chosen,
                decision=chosen,
                version=versions,
                label=np.where(labels < 0, np.nan, labels),
                probabilities=list(answers),
                **weights,
            )
        decided = np.concatenate([self._decided(values, number) for _, values, number in served])
        return rows.assign(prediction=answers, decision=decided, version=versions, label=labels, **weights)

    def _over(self, classes: tuple[str, ...], answers: FloatArray, number: int) -> FloatArray:
        """Return the answers of a version over all classes of a history: one that it does not know has 0."""
        if not classes:
            return answers
        made = np.zeros((len(answers), len(classes)))
        if len(answers):
            known = pd.Index(self.store.versions[number].model.schema.class_names)
            made[:, pd.Index(classes).get_indexer(known)] = answers
        return made

    def _decided(self, answers: FloatArray, number: int) -> FloatArray:
        """Return the class that a version decides for by its threshold; NaN where there are no classes."""
        if self.store.spec.training.task != "binary" or not len(answers):
            return np.full(len(answers), np.nan)
        return self.store.versions[number].model.decisions(answers).astype(np.float64)


def _among(rows: IntArray, counted: IntArray) -> IntArray:
    """Return those rows that count; both are sorted, so that the many that count need not be sorted again.

    >>> _among(np.array([2, 3, 9]), np.array([1, 3, 5])).tolist()
    [3]
    """
    at = np.searchsorted(counted, rows)
    inside = at < len(counted)
    inside[inside] = counted[at[inside]] == rows[inside]
    return rows[inside]
