"""The verdict on deliveries of feature tables: values of an entity from a time on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from tasks.records import Checked, Delivery
from tasks.spec.cells.cell_types import Read, any_fault, booleans, categories, numbers, times
from tasks.spec.cells.entity_keys import entity_names
from tasks.spec.project_spec import FeatureTable, ProjectSpec
from tasks.validate.contract.failed_expectations import breaches
from tasks.validate.contract.suite import Suite
from tasks.validate.verdict.verdict import concluded, of_columns, with_breaches, with_faults


def check_features(delivery: Delivery, spec: ProjectSpec, suite: Suite | None = None) -> Checked:
    """Return one delivery of a feature table after its contract.

    A row is refused when a value, its entity or its time cannot be read or is missing, when an earlier row of the
    delivery has the same entity and time (`duplicate_value`), and when a critical expectation about the table's columns
    does not hold. Columns the table does not name are left out.

    Parameters
    ----------
    delivery : Delivery
        As delivered, privacy already applied; `landed.table` names the table.
    spec : ProjectSpec
        For the table, the time zone and the contract.
    suite : Suite, optional
        The project's expectations; those about columns of this table alone are asked.

    Returns
    -------
    Checked
        `accepted` has `table`, `entity` (text), `event_time`, `event_date` and the table's columns.
    """
    table = table_of(delivery.landed.table, spec)
    needed = [*table.entity, table.event_time, *table.columns.all]
    known = delivery.frame[[name for name in delivery.frame.columns if name in needed]].reset_index(drop=True)
    reasons = of_columns(Delivery(delivery.batch_id, delivery.landed, known), needed, "refuse")
    if reasons.batch:
        return concluded(delivery, no_values(table, spec), reasons, spec.contract.max_bad_share)
    values, faults = typed_values(known, table, spec)
    reasons = with_faults(replace(reasons, names=values["entity"]), faults)
    clean = ~any_fault(faults)
    if suite is not None and clean.any():
        asked = values.loc[clean, table.columns.all].reset_index(drop=True)
        reasons = with_breaches(reasons, breaches([asked], suite.within(table.columns.all))[0], clean)
    return concluded(delivery, values, reasons, spec.contract.max_bad_share)


def typed_values(frame: pd.DataFrame, table: FeatureTable, spec: ProjectSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows of a feature table in the kinds the spec gives, and what could not be read, a column a code."""
    kinds: dict[str, Callable[[pd.Series], Read]] = {
        table.event_time: lambda column: times(column, spec.schedule.time_zone),
        **dict.fromkeys(table.columns.numbers, lambda column: numbers(column, table.decimal)),
        **dict.fromkeys(table.columns.booleans, booleans),
        **dict.fromkeys(table.columns.categories, categories),
        **dict.fromkeys(table.columns.dates, lambda column: times(column, spec.schedule.time_zone)),
    }
    reads = {name: read(frame[name]) for name, read in kinds.items()}
    entities, moments = entity_names(frame, table.entity), reads[table.event_time].column
    found = {f"{code}:{name}": rows for name, read in reads.items() for code, rows in read.faults.items()}
    found[f"missing_id:{'|'.join(table.entity)}"] = entities.isna().to_numpy(bool)
    unread = found.get(f"not_a_time:{table.event_time}")
    timeless = moments.isna().to_numpy(bool)
    found[f"missing_time:{table.event_time}"] = timeless if unread is None else timeless & ~unread
    keys = pd.DataFrame({"entity": entities, "moment": moments})
    found["duplicate_value"] = (keys.duplicated() & keys.notna().all(axis=1)).to_numpy(bool)
    columns = {name: reads[name].column for name in table.columns.all}
    fixed = {"table": table.name, "entity": entities, "event_time": moments, "event_date": moments.dt.date}
    faults = {code: rows for code, rows in found.items() if rows.any()}
    return pd.DataFrame({**fixed, **columns}, index=frame.index), pd.DataFrame(faults, index=frame.index)


def no_values(table: FeatureTable, spec: ProjectSpec) -> pd.DataFrame:
    """Return values of a table of the usual columns and kinds, but none of them."""
    needed = [*table.entity, table.event_time, *table.columns.all]
    return typed_values(pd.DataFrame({name: pd.Series(dtype="str") for name in needed}), table, spec)[0]


def table_of(name: str, spec: ProjectSpec) -> FeatureTable:
    """Return the feature table of a name."""
    return next(each for each in spec.features.tables if each.name == name)
