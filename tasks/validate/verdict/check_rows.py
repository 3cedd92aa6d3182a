"""The verdict on deliveries of rows: what is accepted, what is set aside, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from tasks.records import Checked, Delivery, Finding, Landed
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.refused_rows import refused
from tasks.validate.contract.failed_expectations import breaches
from tasks.validate.contract.suite import Suite
from tasks.validate.typing.typed_frame import typed
from tasks.validate.verdict.check_feature_rows import no_values, table_of
from tasks.validate.verdict.verdict import concluded, of_columns, with_breaches, with_faults


def check(delivery: Delivery, spec: ProjectSpec, suite: Suite) -> Checked:
    """Return one delivery of rows after its contract; see `check_all`."""
    return check_all([delivery], spec, suite)[0]


def check_all(deliveries: Sequence[Delivery], spec: ProjectSpec, suite: Suite) -> list[Checked]:
    """Return deliveries of rows after their contract, in their order; the same as one by one, but cheaper.

    A row is refused when a value cannot be read or a critical expectation does not hold for it. A batch is quarantined
    whole when it is empty, lacks a column, breaks a critical expectation as a whole, or has a larger share of refused
    rows than `contract.max_bad_share`. Expectations are asked only of rows whose values could all be read.

    Parameters
    ----------
    deliveries : sequence of Delivery
        As delivered, privacy already applied.
    spec : ProjectSpec
        For the columns, their kinds and the contract.
    suite : Suite
        The project's expectations; those about what lands apart are left to `check_labels` and `check_features`.

    Returns
    -------
    list of Checked
        `accepted` has `row_id`, the ids, the event time, the features, the label by its own name (when
        it comes with the rows) and `event_date`; `refused` has `raw` and `reasons`. Together they are the rows in.
    """
    contract, asked = spec.contract, suite.of_rows(spec)
    reasons = [of_columns(each, needed_columns(spec), contract.new_columns) for each in deliveries]
    # A delivery that lacks columns is not read; an empty one keeps the four lists in step.
    frames = [nothing(spec) if why.batch else each.frame for each, why in zip(deliveries, reasons, strict=True)]
    read = [typed(frame, spec) for frame in frames]
    clean = [each.frame[each.clean].drop(columns="row_id") for each in read]
    answered = iter(breaches([rows for rows in clean if len(rows)], asked))
    broken = [next(answered) if len(rows) else [] for rows in clean]
    found = []
    for each, why, rows, failed in zip(deliveries, reasons, read, broken, strict=True):
        known = replace(why, names=rows.frame["row_id"])
        full = why if why.batch else with_breaches(with_faults(known, rows.faults), failed, rows.clean)
        found.append(concluded(each, dated(rows.frame, spec), full, contract.max_bad_share))
    return found


def unreadable(batch_id: str, landed: Landed, fault: tuple[str, str], spec: ProjectSpec) -> Checked:
    """Return the verdict on content that could not be read at all: quarantined, with no rows to show.

    Parameters
    ----------
    fault : (str, str)
        The reason code, and what was found where.
    """
    reason, detail = fault
    finding = Finding(reason, "", "critical", 0, f"{landed.key} cannot be read: {detail}; deliver it again")
    accepted, none = nothing_accepted(landed.kind, spec, landed.table), pd.DataFrame()
    return Checked(batch_id, landed, "quarantined", accepted, refused(none, none), (finding,))


def needed_columns(spec: ProjectSpec) -> list[str]:
    """Return the columns a delivery of rows must have."""
    return spec.row_columns


def nothing(spec: ProjectSpec) -> pd.DataFrame:
    """Return a delivery of rows with every column and no row."""
    return pd.DataFrame({name: pd.Series(dtype="str") for name in needed_columns(spec)})


def nothing_accepted(kind: str, spec: ProjectSpec, table: str = "") -> pd.DataFrame:
    """Return accepted rows, labels or values of a feature table, of the usual columns and kinds, but none of them."""
    if kind == "features":
        return no_values(table_of(table, spec), spec)
    if kind == "labels":
        kind = "str" if spec.training.task == "multiclass" else "float64"
        return pd.DataFrame({"row_id": pd.Series(dtype="str"), "label": pd.Series(dtype=kind)})
    return dated(typed(nothing(spec), spec).frame, spec)


def dated(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return typed rows with `event_date`, the day of their event time."""
    return rows.assign(event_date=rows[spec.source.event_time].dt.date)
