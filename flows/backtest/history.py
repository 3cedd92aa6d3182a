"""A project's history as a replay needs it: what was known on each night, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.lake import Deliveries, Lake, active_rows, deliveries
from tasks.monitor.profiling.stored_profiles import ACCEPTED
from tasks.profiles import Ruler, TableProfile, from_bytes, sum_profiles
from tasks.records import Checked
from tasks.spec import ProjectSpec

LABEL = ["row_id", "label", "arrival"]


@dataclass(frozen=True, slots=True)
class RefusedDelivery:
    """A delivery that was set aside, wholly or in part, on a night."""

    night: date
    key: str
    rows: int
    whole: bool


@dataclass(frozen=True)
class StoredProfiles:
    """The profiles that nights have stored, of the ruler most of them have.

    Parameters
    ----------
    ruler : Ruler
        Their bins.
    written : mapping of (str, date) to list of bytes
        By batch id and event date; more than one where some of a batch's rows were released later.
    """

    ruler: Ruler
    written: Mapping[tuple[str, date], list[bytes]]

    def profile(self, batch_id: str, day: date) -> TableProfile | None:
        """Return the profile of what a delivery brought for an event date, None where there is none."""
        known: dict[tuple[str, date], TableProfile] = self.__dict__.setdefault("_read", {})
        key = (batch_id, day)
        if key not in known and key in self.written:
            known[key] = sum_profiles([from_bytes(each) for each in self.written[key]])
        return known.get(key)


@dataclass(frozen=True)
class History:
    """What landed, by the night it landed on.

    Parameters
    ----------
    rows : DataFrame
        Accepted rows with the project's features, `row_id`, `event_date` and `arrival`, by arrival.
    labels : DataFrame
        `row_id`, `label`, `arrival`, by arrival.
    refused : tuple of Refused
        What the contract set aside.
    stored : Stored or None
        What the rows of each delivery look like, where nights have summed that up.
    """

    rows: pd.DataFrame
    labels: pd.DataFrame
    refused: tuple[RefusedDelivery, ...] = ()
    stored: StoredProfiles | None = None

    @property
    def nights(self) -> list[date]:
        """The nights on which anything landed, oldest first."""
        landed = {*self.rows["arrival"], *self.labels["arrival"], *(each.night for each in self.refused)}
        return sorted(landed)

    @cached_property
    def volumes(self) -> dict[date, int]:
        """Rows delivered by night, those set aside included."""
        nights, rows = np.unique(self.rows["arrival"].to_numpy(), return_counts=True)
        counts: dict[date, int] = dict(zip(nights, map(int, rows), strict=True))
        for each in self.refused:
            counts[each.night] = counts.get(each.night, 0) + each.rows
        return counts

    def refused_on(self, night: date) -> tuple[RefusedDelivery, ...]:
        """Return what was set aside on a night."""
        return tuple(each for each in self.refused if each.night == night)


def history_in(lake: Lake, spec: ProjectSpec) -> History:
    """Read a project's history from its lake: what counts now, as of the night it came.

    Raises
    ------
    DataError
        Nothing was ever taken in.
    """
    known = deliveries(lake, spec.project)
    rows, labels = active_rows(lake, spec.project, "rows", known), active_rows(lake, spec.project, "labels", known)
    if rows.empty:
        raise DataError(f"{spec.project} has no history yet; take in what landed: `leeway run nightly {spec.project}`")
    arrivals = rows["batch_id"].map({batch.batch_id: batch.arrival for batch in known.latest()})
    return History(
        _newest(rows.assign(arrival=arrivals)),
        labels[LABEL].sort_values(["arrival", "row_id"], ignore_index=True),
        tuple(_refused(known)),
        _stored(lake, spec, known),
    )


def _stored(lake: Lake, spec: ProjectSpec, known: Deliveries) -> StoredProfiles | None:
    """Return the profiles of the ruler that most of a project's profiles have; None where its columns are others."""
    columns = ["batch_id", "ruler", "event_date", "profile"]
    kept = active_rows(lake, spec.project, "profiles", known, columns=columns, where=[("source", "=", ACCEPTED)])
    if kept.empty:
        return None
    mine = kept[kept["ruler"] == kept["ruler"].mode().iloc[0]]
    ruler = from_bytes(mine["profile"].iloc[0]).ruler
    if set(ruler.columns) != set(spec.features.learned):
        return None
    written: dict[tuple[str, date], list[bytes]] = {}
    for batch_id, day, each in zip(mine["batch_id"], mine["event_date"], mine["profile"], strict=True):
        written.setdefault((batch_id, day), []).append(each)
    return StoredProfiles(ruler, written)


def history_of(checked: Iterable[Checked], spec: ProjectSpec) -> History:
    """Return the history that deliveries make which the contract has judged; of a row that came twice, the last."""
    rows: list[pd.DataFrame] = []
    labels: list[pd.DataFrame] = []
    refused = []
    for each in checked:
        if len(each.accepted):
            (rows if each.landed.kind == "rows" else labels).append(each.accepted.assign(arrival=each.landed.arrival))
        if len(each.refused) or each.verdict == "quarantined":
            whole = each.verdict == "quarantined"
            refused.append(RefusedDelivery(each.landed.arrival, each.landed.key, len(each.refused), whole))
    known = _joined(rows)
    if spec.source.label.uri is None:
        column = spec.source.label.column
        labels = [known.loc[known[column].notna(), ["row_id", column, "arrival"]].rename(columns={column: "label"})]
    return History(known, _joined(labels)[LABEL], tuple(refused))


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        raise DataError("nothing was accepted, so there is no history to replay")
    return _newest(pd.concat(frames, ignore_index=True))


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows by arrival; of a row that came twice, the last."""
    ordered = rows.sort_values(["arrival", "row_id"], kind="stable")
    return ordered.drop_duplicates("row_id", keep="last", ignore_index=True)


def _refused(known: Deliveries) -> Iterable[RefusedDelivery]:
    for batch in known.latest():
        if batch.rows_quarantined or batch.verdict == "quarantined":
            yield RefusedDelivery(batch.arrival, batch.key, batch.rows_quarantined, batch.verdict == "quarantined")


def with_features(history: History, spec: ProjectSpec, folder: Path) -> History:
    """Return the history with the project's own features added to its rows."""
    from tasks.features import with_features as add

    return replace(history, rows=add(history.rows, spec.features.function, folder))
