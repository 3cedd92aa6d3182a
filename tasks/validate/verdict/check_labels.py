"""The verdict on deliveries of labels that land apart from their rows."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from tasks.records import Checked, Delivery, Finding
from tasks.spec.cells.cell_types import Read, any_fault
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.contract.failed_expectations import breaches
from tasks.validate.contract.suite import Suite
from tasks.validate.typing.row_ids import RowIds, row_ids
from tasks.validate.typing.typed_frame import label_values
from tasks.validate.verdict.check_rows import nothing_accepted
from tasks.validate.verdict.verdict import Reasons, concluded, of_columns, with_breaches, with_faults


def check_labels(delivery: Delivery, spec: ProjectSpec, suite: Suite | None = None) -> Checked:
    """Return one delivery of labels after its contract.

    A label is refused when it, or the id of its row, cannot be read or is missing, and when a critical expectation
    about the label does not hold. Several labels of one row in one delivery: if they are equal the first is kept
    (`repeated_label`), if they differ none is (`contradictory_label`). Columns beside the ids and the label are left
    out.

    Parameters
    ----------
    delivery : Delivery
        As delivered, privacy already applied.
    spec : ProjectSpec
        For the columns and the contract.
    suite : Suite, optional
        The project's expectations; those about the label column are asked.

    Returns
    -------
    Checked
        `accepted` has `row_id` and `label` (float64, or the name of one of several classes); `refused` has `raw` and
        `reasons`.
    """
    column, contract = spec.source.label.column, spec.contract
    needed = [*spec.source.id, column]
    known = delivery.frame[[name for name in delivery.frame.columns if name in needed]]
    reasons = of_columns(Delivery(delivery.batch_id, delivery.landed, known), needed, "refuse")
    if reasons.batch:
        return concluded(delivery, nothing_accepted("labels", spec), reasons, contract.max_bad_share)
    plain = known.reset_index(drop=True)
    ids, read = row_ids(plain, spec), label_values(plain[column], spec)
    faults = label_faults(ids, read, column)
    clean = ~any_fault(faults)
    values = pd.DataFrame({"row_id": ids.names, "label": read.column})
    reasons = with_faults(replace(reasons, names=ids.names), faults)
    reasons = _too_contradictory(reasons, faults, contract.max_contradictory_labels)
    if suite is not None and clean.any():
        asked = pd.DataFrame({column: values["label"][clean]})
        reasons = with_breaches(reasons, breaches([asked], suite.about(column))[0], clean)
    return concluded(delivery, values, reasons, contract.max_bad_share)


def _too_contradictory(reasons: Reasons, faults: pd.DataFrame, most: float | None) -> Reasons:
    """Return reasons and, past the share the contract allows, that the delivery contradicts itself."""
    apart = int(faults["contradictory_label"].sum()) if "contradictory_label" in faults else 0
    if most is None or apart <= most * len(faults):
        return reasons
    rule = "too_many_contradictory_labels"
    message = f"{apart / len(faults):.1%} of {len(faults)} labels contradict another of the same row; the contract "
    return reasons.against_all(rule, Finding(rule, "", "critical", len(faults), f"{message}allows {most:.1%}"))


def label_faults(ids: RowIds, read: Read, column: str) -> pd.DataFrame:
    """Return what is wrong with each label, one boolean column a code, only for the codes that occur.

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
    found = {**ids.faults, **{f"{code}:{column}": rows for code, rows in read.faults.items()}}
    unread = any_fault(pd.DataFrame(read.faults, index=ids.names.index))
    found[f"missing_label:{column}"] = read.column.isna().to_numpy() & ~unread
    known = pd.DataFrame({"row_id": ids.names, "label": read.column}).dropna()
    apart = known.groupby("row_id")["label"].transform("nunique") > 1
    index = ids.names.index
    found["contradictory_label"] = apart.reindex(index, fill_value=False).to_numpy(bool)
    again = known[~apart].duplicated("row_id").reindex(index, fill_value=False)
    found["repeated_label"] = again.to_numpy(bool)
    return pd.DataFrame({code: rows for code, rows in found.items() if rows.any()}, index=index)
