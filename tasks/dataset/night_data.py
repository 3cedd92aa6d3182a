"""Everything a night reads from the lake and the registry, each table read once.

One decision rests on one reading: two steps that ask for the same thing never see different answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from tasks.dataset.label_join import newest_labels, ranked, with_labels
from tasks.lake import Deliveries, Filter, Lake, active_rows, deliveries, read_entries
from tasks.records import Entry
from tasks.spec import ProjectSpec

RECENT_DAYS = 90
"""Predictions and labels of so many days before a night are read in any case: what was served of late is reported."""


class NightData:
    """What is stored of a project as of a night; predictions and labels are read when first needed.

    Not a dataclass, because Prefect walks through every dataclass that a task is given.

    Parameters
    ----------
    lake : Lake
        Where predictions and labels are read from.
    spec : ProjectSpec
        The project's spec.
    night : date
        The night.
    deliveries : Deliveries
        Every delivery of the project.
    entries : sequence of Entry
        The decision record, oldest first.
    aliases : mapping of str to int
        The version that each alias of the registry points to.
    """

    def __init__(
        self,
        lake: Lake,
        spec: ProjectSpec,
        night: date,
        deliveries: Deliveries,
        *,
        entries: Sequence[Entry] = (),
        aliases: Mapping[str, int] | None = None,
    ) -> None:
        self.lake = lake
        self.spec = spec
        self.night = night
        self.deliveries = deliveries
        self.entries = tuple(entries)
        self.aliases = dict(aliases or {})
        self._frames: dict[str, tuple[date, pd.DataFrame]] = {}

    @classmethod
    def read(
        cls, lake: Lake, spec: ProjectSpec, night: date, *, aliases: Callable[[str], Mapping[str, int]] | None = None
    ) -> NightData:
        """Read the deliveries and the record of a project, and its aliases where a way to ask for them is given.

        Parameters
        ----------
        aliases : callable, optional
            From a project's name to its aliases: `Registry.aliases`.
        """
        known = deliveries(lake, spec.project)
        entries = read_entries(lake, spec.project)
        return cls(
            lake, spec, night, known, entries=entries, aliases=None if aliases is None else aliases(spec.project)
        )

    def reread(self) -> NightData:
        """Return the same data with deliveries and record as they are now, after one was quarantined or released."""
        known, entries = deliveries(self.lake, self.spec.project), read_entries(self.lake, self.spec.project)
        return NightData(self.lake, self.spec, self.night, known, entries=entries, aliases=self.aliases)

    @property
    def matured_until(self) -> date:
        """The newest event date with labels that have matured by the night."""
        return self.spec.matured_until(self.night)

    def predictions(self, *, after: date) -> pd.DataFrame:
        """Return what every version predicted for rows of event dates after a day, up to the night, by row id.

        The columns are `row_id`, `event_date`, `version`, `role`, `prediction`, `confidence` and `deferred`; of several
        classes `predicted_class` and `probabilities` too, with intervals `lower` and `upper`.
        """
        predictions = self._since("predictions", after, self._read_predictions)
        return predictions[predictions["event_date"] > after]

    def predictions_of(self, version: int, *, after: date) -> pd.DataFrame:
        """Return what one version predicted for rows of event dates after a day, up to the night, by row id."""
        predictions = self.predictions(after=after)
        return predictions[predictions["version"] == version]

    def served(self, *, after: date) -> pd.DataFrame:
        """Return what champions predicted for rows of event dates after a day, up to the night, by row id."""
        predictions = self.predictions(after=after)
        return predictions[predictions["role"] == "champion"]

    def labels(self, *, after: date) -> pd.DataFrame:
        """Return the newest label of each row, if it arrived after a day and up to the night."""
        newest = self._since("labels", after, self._read_labels)
        return newest[newest["arrival"] > after]

    def matured(self, predictions: pd.DataFrame, *, labels_after: date) -> pd.DataFrame:
        """Join predictions with the newest labels; only rows with labels that have matured by the night.

        Where the spec names a column of weights, `weight` has them; rows that were stored without one are left out.

        Parameters
        ----------
        labels_after : date
            Only labels that arrived after this day.
        """
        due = predictions[predictions["event_date"] <= self.matured_until]
        return self._weighted(with_labels(due, self.labels(after=labels_after)))

    def _weighted(self, rows: pd.DataFrame) -> pd.DataFrame:
        column = self.spec.scope.weight
        if column is None:
            return rows
        if rows.empty:
            return rows.assign(weight=pd.Series(dtype="float64"))
        first, last = min(rows["event_date"]), max(rows["event_date"])
        days: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
        known = active_rows(
            self.lake, self.spec.project, "rows", self.deliveries, columns=["row_id", column], where=days
        )
        weights = known.drop_duplicates("row_id", keep="last").set_index("row_id")[column].astype("float64")
        return rows.assign(weight=rows["row_id"].map(weights).to_numpy(float)).dropna(subset="weight")

    def _since(self, table: str, after: date, read: Callable[[date], pd.DataFrame]) -> pd.DataFrame:
        """Return a table since a day that is not later than `after`; read again only where that is not far enough."""
        known = self._frames.get(table)
        if known is None or after < known[0]:
            since = min(after, self._recently())
            known = self._frames[table] = (since, read(since))
        return known[1]

    def _recently(self) -> date:
        cohort = self.matured_until - timedelta(days=self.spec.monitoring.cohort_days)
        return min(cohort, self.night - timedelta(days=RECENT_DAYS))

    def _read_predictions(self, since: date) -> pd.DataFrame:
        columns = ["row_id", "event_date", "version", "role", "prediction", "confidence", "deferred"]
        if self.spec.training.task == "multiclass":
            columns += ["predicted_class", "probabilities"]
        if self.spec.training.interval is not None:
            columns += ["lower", "upper"]
        inside: list[Filter] = [("event_date", ">", since), ("event_date", "<=", self.night)]
        predictions = active_rows(
            self.lake, self.spec.project, "predictions", self.deliveries, columns=columns, where=inside
        )
        return predictions.sort_values("row_id", kind="stable", ignore_index=True)

    def _read_labels(self, since: date) -> pd.DataFrame:
        arrived: list[Filter] = [("arrival", ">", since), ("arrival", "<=", self.night)]
        columns = ["row_id", "label", "arrival", "batch_id"]
        labels = active_rows(self.lake, self.spec.project, "labels", self.deliveries, columns=columns, where=arrived)
        return newest_labels(ranked(labels, self.deliveries))
