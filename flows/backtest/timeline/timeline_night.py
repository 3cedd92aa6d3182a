"""One night of a timeline: what `NightData` reads from the lake, from memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from flows.backtest.timeline.label_feed import LabelArray, LabelFeed
from flows.backtest.timeline.prediction_cache import PredictionCache
from flows.backtest.timeline.row_profiles import RowProfiles
from flows.backtest.timeline.timeline import Timeline
from flows.backtest.trainer import KnownThen
from flows.loaded_version import Champion
from flows.steps.challengers.evaluate_challenger import earlier_holdouts
from tasks.arrays import BoolArray, IntArray
from tasks.dataset.known_rows import trusted_rows
from tasks.dataset.label_join import ranked
from tasks.dataset.landed_batches import judged_nights, landed_batches
from tasks.dataset.withheld_values import WithheldValues, withheld_values
from tasks.drift import RepeatedRows
from tasks.lake import Batch, Deliveries
from tasks.monitor import NightInputs
from tasks.monitor.data_quality_checks import to_check
from tasks.monitor.short_delivery import rows_delivered
from tasks.monitor.suspicion_watch import DailyRows
from tasks.profiles import Ruler, digest
from tasks.records import Entry, SuspicionState, suspected_days, suspected_in
from tasks.spec import ProjectSpec


@dataclass
class TimelineVersions:
    """The versions of a backtest, with their answers and the profiles that their nights are measured by.

    Parameters
    ----------
    ahead : timedelta
        Rows of so many days are answered together.
    """

    timeline: Timeline
    spec: ProjectSpec
    ahead: timedelta
    versions: dict[int, Champion] = field(default_factory=dict)
    _answers: dict[int, PredictionCache] = field(default_factory=dict)
    _profiles: dict[str, RowProfiles] = field(default_factory=dict)

    @cached_property
    def labels(self) -> LabelFeed:
        """The labels of the timeline."""
        return LabelFeed(self.timeline)

    def answers(self, number: int) -> PredictionCache:
        """Return the answers of a version."""
        if number not in self._answers:
            version, metric = self.versions[number], self.spec.scope.metric
            weights = None if self.spec.scope.weight is None else self.timeline.weights(self.spec)
            self._answers[number] = PredictionCache(self.timeline, self.labels, version, metric, self.ahead, weights)
        return self._answers[number]

    def profiles(self, ruler: Ruler) -> RowProfiles:
        """Return the profiles of a ruler."""
        name = digest(ruler)
        if name not in self._profiles:
            self._profiles[name] = RowProfiles(self.timeline, self.spec, ruler)
        return self._profiles[name]


@dataclass
class TimelineNight:
    """What is known on a night of a timeline.

    Parameters
    ----------
    own : mapping of str to Batch
        The batches that the backtest itself has quarantined, as they were before.
    """

    store: TimelineVersions
    night: date
    deliveries: Deliveries
    entries: Sequence[Entry]
    aliases: Mapping[str, int]
    own: Mapping[str, Batch]

    @property
    def spec(self) -> ProjectSpec:
        """The project's spec."""
        return self.store.spec

    @cached_property
    def counted(self) -> IntArray:
        """The rows that count."""
        return self.store.timeline.counted(self.deliveries)

    def known_then(self) -> KnownThen:
        """Return what a model could be trained on: rows and labels that count, but for days in doubt."""
        suspected = suspected_in(self.entries, used=self.spec.trained_on)
        return KnownThen(
            self.night,
            trusted_rows(self.store.timeline.rows(self.counted), suspected_days(suspected, self.night)),
            ranked(self.deliveries.active(self.store.timeline.history.labels), self.deliveries),
            earlier_holdouts(self.entries, self.night),
        )

    def predictions_of(self, version: int, *, after: date) -> pd.DataFrame:
        """Return what a version predicted for rows of event dates after a day, up to the night, by row id."""
        timeline = self.store.timeline
        positions = timeline.between(self.counted, after, self.night)
        made = self.store.answers(version).answers(positions, self.night)
        several: dict[str, Any] = {"probabilities": list(made)} if made.ndim > 1 else {}
        return pd.DataFrame(
            {
                "row_id": pd.Categorical.from_codes(timeline.row_codes[positions], dtype=timeline.row_id_type),
                "event_date": timeline.dates.take(positions).array,
                "prediction": made.argmax(axis=1).astype(np.float64) if several else made,
                **several,
                "position": positions,
            }
        )

    def matured(self, predictions: pd.DataFrame, *, labels_after: date) -> pd.DataFrame:
        """Join predictions with the newest labels; only rows with labels that have matured by the night."""
        timeline, positions = self.store.timeline, predictions["position"].to_numpy()
        labels, known = self._labels(labels_after)
        codes, until = timeline.row_codes[positions], np.datetime64(self.spec.matured_until(self.night))
        due = known[codes] & (timeline.days[positions] <= until)
        joined: pd.DataFrame = predictions[due].assign(label=labels[codes[due]])
        if self.spec.scope.weight is None:
            return joined
        return joined.assign(weight=timeline.weights(self.spec)[positions[due]]).dropna(subset="weight")

    def _labels(self, after: date) -> tuple[LabelArray, BoolArray]:
        return self.store.labels.known(self.deliveries, self.night, after)

    def inputs(self, champion: Champion) -> NightInputs:
        """Return what the night is measured from."""
        answered = self.predictions_of(champion.number, after=champion.trained_until)
        profiles = self.store.profiles(champion.ruler)
        return NightInputs(
            night=self.night,
            accepted=profiles.accepted(self.deliveries, champion.trained_until, self.night),
            quarantined=profiles.quarantined(self.deliveries, self.night, self.own),
            answered=answered,
            labelled=self.matured(answered, labels_after=champion.trained_until),
            delivered=rows_delivered(self.deliveries, self.night),
            judged=judged_nights(self.deliveries, self.entries, self.night, self.spec),
            suspected=self._suspected(champion.ruler),
            repeated=self._repeated(),
            tally=self.store.answers(champion.number).tally,
            withheld=self._withheld,
        )

    @cached_property
    def _withheld(self) -> WithheldValues:
        quarantine = self.store.timeline.history.quarantine
        raw = {name: [*rows] for name, rows in quarantine.groupby("batch_id")["raw"]}
        return withheld_values(
            self.deliveries.latest(), self.spec, self.night, lambda batch: raw.get(batch.batch_id, ())
        )

    def daily_rows(self, ruler: Ruler, after: date) -> DailyRows:
        """Return what earlier nights took in, as the deliveries of this night are compared with it."""
        profiles, suspected = self.store.profiles(ruler), self._suspected(ruler)
        earlier = self.deliveries.before(self.night)
        quarantined = profiles.quarantined(earlier, self.night, self.own) if suspected else {}
        accepted = profiles.accepted(earlier, after, self.night)
        return DailyRows(accepted, quarantined, suspected, self._withheld)

    def _suspected(self, ruler: Ruler) -> tuple[SuspicionState, ...]:
        return suspected_in(self.entries, self.night, {*self.spec.trained_on, *ruler.columns})

    def _repeated(self) -> tuple[RepeatedRows, ...]:
        timeline, features = self.store.timeline, self.spec.features
        batches = to_check(landed_batches(self.deliveries, self.entries, self.night, self.spec), self.spec)
        written = (timeline.rows_written((batch.batch_id, batch.revision)) for batch in batches)
        return tuple(timeline.repeated(rows, features) for rows in written)
