"""The rim of the checks of feature tables: reads and stores what they delivered, and judges rows by them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

import pandas as pd

from tasks.dataset.night_data import NightData
from tasks.dataset.withheld_values import NOTHING_WITHHELD
from tasks.lake import Batch, Filter, Lake, active_rows, deliveries
from tasks.monitor.baseline import ChampionBaseline, drift_monitor
from tasks.monitor.data_quality_checks import looks_broken
from tasks.monitor.profiling.stored_profiles import stored_profiles
from tasks.monitor.profiling.task import BatchSummaries
from tasks.monitor.table_checks.corrected_rows import CorrectedRows, awaiting_values, settled, with_newer_values
from tasks.monitor.table_checks.values_check import (
    KEPT,
    Days,
    ValuesCheck,
    checked_columns,
    table_ruler,
    values_by_day,
)
from tasks.monitor.task import daily_rows
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, added_by_day, digest, from_bytes
from tasks.records import suspected_in
from tasks.spec import ProjectSpec
from tasks.spec.spec_sections.feature_sections import FeatureTable


def values_check(lake: Lake, spec: ProjectSpec, night: date) -> ValuesCheck:
    """Return the check of what feature tables deliver on a night, with what they delivered before."""
    return ValuesCheck(spec, {table.name: _known(lake, spec, table, night) for table in spec.features.tables})


values_check_task = leeway_task("known values")(values_check)


def profile_values(lake: Lake, spec: ProjectSpec, night: date) -> int:
    """Profile the accepted deliveries of feature tables that have not been; return the values that were read.

    Those are read that a night may be compared with: of the 90 days before it.
    """
    known, since, read = deliveries(lake, spec.project), night - KEPT, 0
    tables = [batch for batch in known.latest() if batch.kind == "features" and batch.rows_accepted]
    for table in (each for each in spec.features.tables if checked_columns(each)):
        newest = [batch for batch in tables if batch.table == table.name and _reaches(batch, since)]
        before = _known(lake, spec, table, night)
        ruler = _ruler(before[-1]) if before else None
        missing = _missing(lake, spec, newest, ruler)
        if not missing:
            continue
        values = _values(lake, spec, table, missing)
        values = values[values["event_date"] > since]
        if not len(values):
            continue
        fitted = ruler or table_ruler(table, values)
        written = dict(iter(values.groupby(["batch_id", "revision"])))
        of_batch = {batch: written.get((batch.batch_id, batch.revision), values.iloc[:0]) for batch in missing}
        stored = {
            _key(batch, fitted): stored_profiles(batch, _source(table), digest(fitted), values_by_day(part, fitted))
            for batch, part in of_batch.items()
        }
        lake.add_each(spec.project, "profiles", stored)
        read += len(values)
    return read


profile_values_task = leeway_task("profile values")(profile_values)


def corrected_rows(
    data: NightData,
    baseline: ChampionBaseline,
    summaries: BatchSummaries,
    read: Callable[[Batch], Iterable[pd.DataFrame]],
) -> tuple[CorrectedRows, ...]:
    """Return the quarantined deliveries of rows that are right with the values that feature tables have by now.

    Parameters
    ----------
    read : callable
        From a delivery that monitoring has quarantined to its rows, typed, in pieces.
    """
    waiting = awaiting_values(data.deliveries, data.spec)
    judged = with_newer_values(waiting, data.deliveries, data.spec)
    if not judged:
        return ()
    monitor = drift_monitor(baseline, data.spec)
    earlier = replace(daily_rows(data, baseline), suspected=(), withheld=NOTHING_WITHHELD)
    right = set[str]()
    for batch in judged:
        found = summaries.of_rows(read(batch))
        if found.days and not looks_broken(monitor, min(found.days), found.whole, found.repeated, earlier):
            right.add(batch.batch_id)
    return settled(waiting, right, suspected_in(data.entries, data.night))


def _known(lake: Lake, spec: ProjectSpec, table: FeatureTable, night: date) -> list[Days]:
    """Return what a table delivered in the 90 days up to a night, in the columns that it has now, the newest last."""
    where: list[Filter] = [
        ("source", "=", _source(table)),
        ("event_date", ">", night - KEPT),
        ("event_date", "<=", night),
    ]
    known = deliveries(lake, spec.project)
    stored = known.active(lake.read(spec.project, "profiles", where=where))
    ranks = known.arrival_ranks(stored["batch_id"])
    stored = stored.assign(rank=ranks).sort_values(["rank", "revision"], kind="stable")
    of_deliveries = [
        added_by_day(zip(part["event_date"], map(from_bytes, part["profile"]), strict=True))
        for _, part in stored.groupby(["rank", "ruler"], sort=False)
    ]
    columns = set(checked_columns(table))
    usable = [days for days in of_deliveries if set(_ruler(days).columns) == columns]
    return [days for days in usable if _ruler(days) == _ruler(usable[-1])]


def _ruler(days: Days) -> Ruler:
    return next(iter(days.values())).ruler


def _missing(lake: Lake, spec: ProjectSpec, batches: list[Batch], ruler: Ruler | None) -> list[Batch]:
    if ruler is None:
        return batches
    keys = {_key(batch, ruler): batch for batch in batches}
    return [keys[key] for key in lake.missing(spec.project, "profiles", list(keys))]


def _values(lake: Lake, spec: ProjectSpec, table: FeatureTable, batches: list[Batch]) -> pd.DataFrame:
    where: list[Filter] = [("table", "=", table.name)]
    if firsts := [batch.event_from for batch in batches if batch.event_from is not None]:
        where.append(("event_date", ">=", min(firsts)))
    values = active_rows(lake, spec.project, "features", deliveries(lake, spec.project), where=where)
    return values[values["batch_id"].isin({batch.batch_id for batch in batches})]


def _reaches(batch: Batch, since: date) -> bool:
    return batch.event_until is None or batch.event_until > since


def _key(batch: Batch, ruler: Ruler) -> str:
    return f"values/{digest(ruler)}/{batch.write_key}"


def _source(table: FeatureTable) -> str:
    return f"values/{table.name}"
