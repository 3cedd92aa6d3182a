"""A project's history as a backtest needs it: everything that was ever stored, with what was known when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.lake import SUPERSEDED, Batch, Deliveries, Lake, deliveries, read_entries, read_nights
from tasks.monitor.data_quality_checks import NOT_RELEASED
from tasks.monitor.profiling.stored_profiles import ACCEPTED, QUARANTINED
from tasks.profiles import Ruler, TableProfile, added_by_day, from_bytes
from tasks.records import Entry, Finding, NightEntry, ValidatedDelivery
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.quarantine_rows import reasons_of
from tasks.validate.acceptance.task import FIRST_REVISION

LABEL = ["row_id", "label", "arrival", "batch_id", "revision"]
RAW = ["batch_id", "raw", "reasons"]
WriteKey = tuple[str, int]


@dataclass(frozen=True)
class StoredProfiles:
    """The profiles that nights have stored, of the ruler that most of them have.

    Parameters
    ----------
    ruler : Ruler
        Their bins.
    content : mapping of (str, int) to sequence of (date, bytes)
        Profiles by event date, for each batch id and revision.
    """

    ruler: Ruler
    content: Mapping[WriteKey, Sequence[tuple[date, bytes]]]

    def profiles(self, key: WriteKey) -> dict[date, TableProfile] | None:
        """Return the profiles of a revision of a batch by event date; None where none are stored."""
        stored = self.content.get(key)
        return None if stored is None else added_by_day((day, from_bytes(content)) for day, content in stored)


@dataclass(frozen=True)
class History:
    """What was stored, and from when it counts.

    Parameters
    ----------
    rows : DataFrame
        Accepted rows with the project's features, `row_id`, `event_date`, `batch_id` and `revision`: each row once for
        every state of its batch that it was written for.
    labels : DataFrame
        `row_id`, `label`, `arrival`, `batch_id` and `revision`.
    deliveries : Deliveries
        The states of every delivery as the contract left them: a backtest checks their rows itself.
    quarantine : DataFrame
        `batch_id` and `raw` of the rows that the contract refused.
    entries : tuple of Entry
        The decision record; empty for a history that was made up.
    upstream : mapping of str to tuple of Entry
        The nights of the projects upstream.
    accepted, quarantined : StoredProfiles, optional
        The profiles of accepted and of quarantined rows.
    """

    rows: pd.DataFrame
    labels: pd.DataFrame
    deliveries: Deliveries
    quarantine: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=RAW))
    entries: tuple[Entry, ...] = ()
    upstream: Mapping[str, tuple[NightEntry, ...]] = field(default_factory=dict)
    accepted: StoredProfiles | None = None
    quarantined: StoredProfiles | None = None

    @cached_property
    def nights(self) -> list[date]:
        """The nights on which anything landed, oldest first."""
        latest = self.deliveries.latest()
        return sorted({batch.night for batch in latest if batch.kind != "features" and batch.verdict != SUPERSEDED})


def history_in(lake: Lake, spec: ProjectSpec) -> History:
    """Read a project's history from its lake.

    Raises
    ------
    DataError
        Nothing was ever taken in.
    """
    known = deliveries(lake, spec.project)
    rows = lake.read(spec.project, "rows")
    if rows.empty:
        raise DataError(f"{spec.project} has no history yet; take in what landed: `leeway run nightly {spec.project}`")
    by_contract, reasons = _before_monitoring(known)
    stored = lake.read(spec.project, "quarantine", columns=RAW)
    rows_of = zip(stored["batch_id"], stored["reasons"], strict=True)
    refused = [reasons.get(name) != reason for name, reason in rows_of]
    return History(
        rows=rows,
        labels=lake.read(spec.project, "labels", columns=LABEL),
        deliveries=by_contract,
        quarantine=stored[np.array(refused, dtype=bool)],
        entries=tuple(read_entries(lake, spec.project)),
        upstream={other.project: tuple(read_nights(lake, other.project)) for other in spec.upstream},
        accepted=_stored(lake, spec, ACCEPTED),
        quarantined=_stored(lake, spec, QUARANTINED),
    )


def as_counted_now(history: History) -> History:
    """Return a history in which every delivery is, from its arrival on, what it counts as now.

    That is what a policy is tried on: a correction or a release is known at once, and a delivery that was taken in
    late, together with others, arrives on its own day.
    """
    latest = [
        replace(batch, night=batch.arrival, time=_midnight(batch.arrival), written_at=None)
        for batch in history.deliveries.latest()
    ]
    known = Deliveries(tuple(latest))
    counted = known.active(history.rows)
    return replace(history, rows=counted, labels=known.active(history.labels), deliveries=known, entries=())


def history_of(checked: Iterable[ValidatedDelivery], spec: ProjectSpec) -> History:
    """Return the history that deliveries make after their contract; of a row that came twice, the last."""
    delivered = list(checked)
    frames = [_named(delivery) for delivery in delivered if len(delivery.accepted)]
    rows = [frame for delivery, frame in frames if delivery.landed.kind == "rows"]
    if not rows:
        raise DataError("nothing was accepted, so there is no history to replay")
    known = pd.concat(rows, ignore_index=True)
    known = known.sort_values(["arrival", "row_id"], kind="stable").drop_duplicates("row_id", keep="last")
    labels = [frame for delivery, frame in frames if delivery.landed.kind == "labels"]
    if spec.source.label.uri is None:
        column = spec.source.label.column
        labels = [known[known[column].notna()].rename(columns={column: "label"})]
    quarantined = [
        delivery.refused.assign(batch_id=delivery.batch_id) for delivery in delivered if len(delivery.refused)
    ]
    return History(
        rows=known.drop(columns="arrival").reset_index(drop=True),
        labels=pd.concat(labels, ignore_index=True)[LABEL] if labels else pd.DataFrame(columns=LABEL),
        deliveries=Deliveries(tuple(_batch(delivery, known) for delivery in delivered)),
        quarantine=pd.concat(quarantined, ignore_index=True) if quarantined else pd.DataFrame(columns=RAW),
    )


def with_features(history: History, spec: ProjectSpec, folder: Path) -> History:
    """Return the history with the project's own features added to its rows."""
    from tasks.features import with_features as add

    return replace(history, rows=add(history.rows, spec.row_function, folder, spec))


def _before_monitoring(known: Deliveries) -> tuple[Deliveries, dict[str, str]]:
    """Return the deliveries as if monitoring had quarantined none, and the reasons of the rows it did quarantine."""
    previous: dict[str, Batch] = {}
    states: list[Batch] = []
    reasons: dict[str, str] = {}
    for state in known.revisions:
        before = previous.get(state.batch_id)
        previous[state.batch_id] = state
        if before is not None and _is_by_monitoring(before, state):
            reasons[state.batch_id] = _reasons(before, state)
        else:
            states.append(state)
    return Deliveries(tuple(states)), reasons


def _is_by_monitoring(before: Batch, state: Batch) -> bool:
    return (
        before.verdict in NOT_RELEASED
        and before.rows_accepted > 0
        and state.verdict == "quarantined"
        and state.revision == before.revision + 1
        and state.rows_quarantined == before.rows_quarantined + before.rows_accepted
    )


def _reasons(before: Batch, state: Batch) -> str:
    """Return the reason codes of the rows of a batch that monitoring quarantined."""
    added = json.loads(state.findings)[len(json.loads(before.findings)) :]
    return reasons_of(Finding(**(content | {"row_ids": tuple(content["row_ids"])})) for content in added)


def _stored(lake: Lake, spec: ProjectSpec, source: str) -> StoredProfiles | None:
    """Return the profiles of the ruler that most of a project's profiles have; None where its columns are others."""
    columns = ["batch_id", "revision", "ruler", "event_date", "profile"]
    stored = lake.read(spec.project, "profiles", columns=columns, where=[("source", "=", source)])
    if stored.empty:
        return None
    of_ruler = stored[stored["ruler"] == stored["ruler"].mode().iloc[0]]
    ruler = from_bytes(of_ruler["profile"].iloc[0]).ruler
    if set(ruler.columns) != set(spec.features.learned):
        return None
    content: dict[WriteKey, list[tuple[date, bytes]]] = {}
    names = zip(of_ruler["batch_id"], of_ruler["revision"], of_ruler["event_date"], of_ruler["profile"], strict=True)
    for name, revision, day, profile in names:
        content.setdefault((name, int(revision)), []).append((day, profile))
    return StoredProfiles(ruler, content)


def _named(checked: ValidatedDelivery) -> tuple[ValidatedDelivery, pd.DataFrame]:
    arrival = checked.landed.arrival
    return checked, checked.accepted.assign(batch_id=checked.batch_id, revision=FIRST_REVISION, arrival=arrival)


def _batch(checked: ValidatedDelivery, counted: pd.DataFrame) -> Batch:
    """Return the state of a delivery that was just taken in, on the night it arrived."""
    landed, rows = checked.landed, len(checked.accepted)
    days = [*checked.accepted["event_date"]] if "event_date" in checked.accepted else []
    if landed.kind == "rows":
        of_batch = counted[counted["batch_id"] == checked.batch_id]
        rows, days = len(of_batch), [*of_batch["event_date"]]
    return Batch(
        batch_id=checked.batch_id,
        revision=FIRST_REVISION,
        base=FIRST_REVISION,
        kind=landed.kind,
        key=landed.name,
        size_bytes=landed.size_bytes,
        stamp=landed.stamp,
        arrival=landed.arrival,
        night=landed.arrival,
        time=_midnight(landed.arrival),
        event_from=min(days, default=None),
        event_until=max(days, default=None),
        rows_in=checked.rows_in,
        rows_accepted=rows,
        rows_quarantined=checked.rows_refused,
        rows_elsewhere=len(checked.accepted) - rows,
        verdict=checked.verdict,
        findings="[]",
        arrived_at=landed.moment,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
