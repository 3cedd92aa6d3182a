"""The verdict on deliveries of labels that land separately from their rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.records import Delivery, Finding, ValidatedDelivery
from tasks.spec.cells.cell_types import Read, any_fault
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.contract.expectations import evaluate
from tasks.validate.contract.suite import Suite
from tasks.validate.typing.row_ids import RowIds, row_ids
from tasks.validate.typing.typed_frame import label_values
from tasks.validate.verdict.cell_examples import cell_examples
from tasks.validate.verdict.check_rows import nothing_accepted
from tasks.validate.verdict.outcome import validated
from tasks.validate.verdict.validation_findings import REPEATED_LABEL, column_findings, first_row_ids
from tasks.validate.verdict.violations import Violations

CONTRADICTORY_LABEL = "contradictory_label"


def check_labels(delivery: Delivery, spec: ProjectSpec, suite: Suite | None = None) -> ValidatedDelivery:
    """Return one delivery of labels after its contract.

    A label is refused when it, or the id of its row, cannot be read or is missing, and when a critical expectation
    about the label does not hold. Of several labels of one row in one delivery the first is kept if they are equal
    (the others are `repeated_label`); none is kept if they differ (`contradictory_label`). Columns other than the ids
    and the label are left out.

    Parameters
    ----------
    delivery : Delivery
        As delivered, privacy already applied.
    spec : ProjectSpec
        For the columns and the contract.
    suite : Suite, optional
        The project's expectations; those about the label column are evaluated.

    Returns
    -------
    ValidatedDelivery
        `accepted` has `row_id` and `label` (float64, or the name of one of several classes); `refused` has `raw` and
        `reasons`.
    """
    column, contract = spec.source.label.column, spec.contract
    needed = spec.columns_of("labels")
    frame = delivery.frame[[name for name in delivery.frame.columns if name in needed]].reset_index(drop=True)
    rules = Suite(Path()) if suite is None else suite.about(column)
    violations = Violations(
        column_findings(delivery.landed.key, [*map(str, frame)], len(frame), needed), rules.expectations
    )
    if violations.unusable:
        return validated(delivery, nothing_accepted("labels", spec), violations, contract.max_bad_share)
    ids, read = row_ids(frame, spec, time_format=spec.source.label.time_format), label_values(frame[column], spec)
    faults = label_faults(ids, read, column)
    values = pd.DataFrame({"row_id": ids.names, "label": read.column})[~any_fault(faults)].reset_index(drop=True)
    violations.add_chunk(faults, ids.names, cell_examples(frame, faults, spec.source.label, spec))
    _reject_contradictions(violations, faults, contract.max_contradictory_labels)
    if len(values):
        for failure in evaluate(pd.DataFrame({column: values["label"]}), rules):
            violations.fail(failure, first_row_ids(values["row_id"], failure.rows), 0)
    return validated(delivery, values, violations, contract.max_bad_share)


def _reject_contradictions(violations: Violations, faults: pd.DataFrame, max_share: float | None) -> None:
    """Reject a delivery with a larger share of contradictory labels than the contract allows."""
    count = int(faults[CONTRADICTORY_LABEL].sum()) if CONTRADICTORY_LABEL in faults else 0
    if max_share is None or count <= max_share * len(faults):
        return
    message = f"{count / len(faults):.1%} of {len(faults)} labels contradict another of the same row; the contract "
    rule = "too_many_contradictory_labels"
    violations.reject(Finding(rule, "", "critical", len(faults), f"{message}allows {max_share:.1%}"))


def label_faults(ids: RowIds, read: Read, column: str) -> pd.DataFrame:
    """Return the faults of the labels, a boolean column a code, only for the codes that occur.

    Examples
    --------
    Row a has two labels that differ, row b the same one twice, row c none:

    >>> ids = RowIds(pd.Series(["a", "a", "b", "b", "c"]), {})
    >>> faults = label_faults(ids, Read(pd.Series([1.0, 2.0, 3.0, 3.0, None]), {}), "price")
    >>> {code: faults[code].tolist() for code in faults}["contradictory_label"]
    [True, True, False, False, False]
    >>> faults["repeated_label"].tolist()
    [False, False, False, True, False]
    >>> faults["missing_label:price"].tolist()
    [False, False, False, False, True]
    """
    index = ids.names.index
    faults = {**ids.faults, **{f"{code}:{column}": rows for code, rows in read.faults.items()}}
    unread = any_fault(pd.DataFrame(read.faults, index=index))
    faults[f"missing_label:{column}"] = read.column.isna().to_numpy() & ~unread
    labels = pd.DataFrame({"row_id": ids.names, "label": read.column}).dropna()
    contradictory = labels.groupby("row_id")["label"].transform("nunique") > 1
    faults[CONTRADICTORY_LABEL] = contradictory.reindex(index, fill_value=False).to_numpy(bool)
    repeated = labels[~contradictory].duplicated("row_id").reindex(index, fill_value=False)
    faults[REPEATED_LABEL] = repeated.to_numpy(bool)
    return pd.DataFrame({code: rows for code, rows in faults.items() if rows.any()}, index=index)
