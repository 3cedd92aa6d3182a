"""The verdict on deliveries of feature tables: values of an entity, valid from a time on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from tasks.records import Delivery, Finding, ValidatedDelivery
from tasks.row_contract.feedback_columns import DECISION, EVENT
from tasks.spec.cells.cell_types import Read, any_fault, booleans, categories, numbers
from tasks.spec.cells.entity_keys import entity_names, event_names
from tasks.spec.cells.moments import REPEATED, repeats_hours
from tasks.spec.cells.time_cells import times
from tasks.spec.landing_sections.decisions_section import DECISIONS
from tasks.spec.landing_sections.feedback_section import FEEDBACK
from tasks.spec.project_spec import FeatureTable, ProjectSpec
from tasks.validate.contract.expectations import evaluate
from tasks.validate.contract.suite import Suite
from tasks.validate.typing.row_ids import row_ids
from tasks.validate.typing.typed_frame import label_values
from tasks.validate.verdict.cell_examples import cell_examples
from tasks.validate.verdict.outcome import validated
from tasks.validate.verdict.validation_findings import column_findings, first_row_ids
from tasks.validate.verdict.violations import Violations

CheckValues: TypeAlias = Callable[[FeatureTable, pd.DataFrame], Sequence[Finding]]
"""From a table, and values of it that keep the contract, to what is broken in them as a whole; mostly nothing."""


def check_features(
    delivery: Delivery, spec: ProjectSpec, suite: Suite | None = None, broken: CheckValues | None = None
) -> ValidatedDelivery:
    """Return one delivery of a feature table after its contract.

    A row is refused when a value, its entity or its time cannot be read or is missing, when an earlier row of the
    delivery has the same entity and time (`duplicate_value`), and when a critical expectation about the table's columns
    does not hold. Columns that the table does not name are left out.

    Parameters
    ----------
    delivery : Delivery
        As delivered, privacy already applied; `landed.table` names the table.
    spec : ProjectSpec
        For the table, the time zone and the contract.
    suite : Suite, optional
        The project's expectations; those about columns of this table alone are evaluated.
    broken : callable, optional
        What is asked of a delivery that keeps its contract: its findings quarantine the delivery.

    Returns
    -------
    ValidatedDelivery
        `accepted` has `table`, `entity` (text), `event_time`, `event_date`, in a zone where clocks can go back
        `repeated_hour`, and the table's columns.
    """
    table, max_bad_share = table_of(delivery.landed.table, spec), spec.contract.max_bad_share
    needed = _columns(table)
    frame = delivery.frame[[name for name in delivery.frame.columns if name in needed]].reset_index(drop=True)
    is_of_rows = table.name in {FEEDBACK, DECISIONS}  # expectations are about rows, and values of feature tables
    rules = Suite(Path()) if suite is None or is_of_rows else suite.within(table.columns.all)
    violations = Violations(
        column_findings(delivery.landed.key, [*map(str, frame)], len(frame), needed), rules.expectations
    )
    if violations.unusable:
        return validated(delivery, no_values(table, spec), violations, max_bad_share)
    values, faults = typed_values(frame, table, spec)
    violations.add_chunk(faults, values["entity"], cell_examples(frame, faults, table, spec))
    readable = values[~any_fault(faults)].reset_index(drop=True)
    if len(readable):
        for failure in evaluate(readable, rules, table.columns.all):
            violations.fail(failure, first_row_ids(readable["entity"], failure.rows), 0)
    if broken is not None and not is_of_rows and violations.conclude(max_bad_share).verdict != "quarantined":
        for finding in broken(table, readable[~violations.refused(0)[violations.readable(0)]]):
            violations.reject(finding)
    return validated(delivery, readable, violations, max_bad_share)


def typed_values(frame: pd.DataFrame, table: FeatureTable, spec: ProjectSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows of a feature table in the kinds that the spec gives, and their faults, a boolean column a code."""
    zone = spec.schedule.time_zone
    kinds: dict[str, Callable[[pd.Series], Read]] = {
        table.event_time: lambda column: times(column, zone, table.time_format),
        **dict.fromkeys(table.columns.numbers, lambda column: numbers(column, table.decimal, table.thousands)),
        **dict.fromkeys(table.columns.booleans, booleans),
        **dict.fromkeys(table.columns.categories, categories),
        **dict.fromkeys(table.columns.dates, lambda column: times(column, zone, table.time_format)),
    }
    if table.name == DECISIONS:  # a person's decision is read as a label is
        kinds[DECISION] = lambda column: label_values(column, spec, table)
    reads = {name: read(frame[name]) for name, read in kinds.items()}
    entities, moments = _entities(frame, table, spec), reads[table.event_time].column
    faults = {f"{code}:{name}": rows for name, read in reads.items() for code, rows in read.faults.items()}
    faults[f"missing_id:{'|'.join(table.entity)}"] = entities.isna().to_numpy(bool)
    unread = faults.get(f"not_a_time:{table.event_time}")
    without_time = moments.isna().to_numpy(bool)
    faults[f"missing_time:{table.event_time}"] = without_time if unread is None else without_time & ~unread
    second = reads[table.event_time].second
    keys = pd.DataFrame({"entity": entities, "moment": moments, REPEATED: second})
    faults["duplicate_value"] = (keys.duplicated() & keys.notna().all(axis=1)).to_numpy(bool)
    if table.name == FEEDBACK and spec.feedback is not None:
        event = reads[EVENT].column
        faults[f"unknown_event:{EVENT}"] = (event.notna() & ~event.isin(list(spec.feedback.events))).to_numpy(bool)
    if table.name == DECISIONS:
        read = reads[DECISION]
        unreadable = np.any([np.zeros(len(frame), dtype=bool), *read.faults.values()], axis=0)
        faults[f"missing_decision:{DECISION}"] = read.column.isna().to_numpy(bool) & ~unreadable
    fixed = {"table": table.name, "entity": entities, "event_time": moments, "event_date": moments.dt.date}
    fixed |= {REPEATED: second} if repeats_hours(zone) else {}
    values = pd.DataFrame({**fixed, **{name: reads[name].column for name in table.columns.all}}, index=frame.index)
    return values, pd.DataFrame({code: rows for code, rows in faults.items() if rows.any()}, index=frame.index)


def no_values(table: FeatureTable, spec: ProjectSpec) -> pd.DataFrame:
    """Return values of a table with the usual columns and types, but no row."""
    return typed_values(pd.DataFrame({name: pd.Series(dtype="str") for name in _columns(table)}), table, spec)[0]


def _entities(frame: pd.DataFrame, table: FeatureTable, spec: ProjectSpec) -> pd.Series:
    """Return the entity of each row; of feedback and decisions, the id of their row as deliveries have it."""
    if table.name not in {FEEDBACK, DECISIONS}:
        return entity_names(frame, table.entity)
    ids = row_ids(frame, spec, time_format=table.time_format).names
    if table.name == DECISIONS:
        return ids
    return event_names(ids, categories(frame[EVENT]).column, len(spec.key_columns))


def table_of(name: str, spec: ProjectSpec) -> FeatureTable:
    """Return the feature table with a name."""
    return spec.value_table(name)


def _columns(table: FeatureTable) -> list[str]:
    return [*table.entity, table.event_time, *table.columns.all]
