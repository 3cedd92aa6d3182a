"""The verdict on deliveries of rows: which rows are accepted, which are refused, and why.

A small delivery is checked in memory, as one chunk. A large one is checked chunk by chunk, and its readable rows wait
on disk: expectations about the delivery as a whole, and the share of refused rows, are known only after the last chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from tasks.arrays import IntArray
from tasks.records import Delivery, Finding, Landed, ValidatedDelivery
from tasks.serving_store.logged_rows import SERVED
from tasks.spec.landing_sections.files_of_rows import FUNCTION_FAILED
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.contract.expectation_scope import split_by_scope
from tasks.validate.contract.expectations import FailedExpectation, evaluate, evaluate_frames
from tasks.validate.contract.suite import Suite
from tasks.validate.typing.typed_frame import Typed, repeated_ids, typed
from tasks.validate.verdict.cell_examples import cell_examples
from tasks.validate.verdict.check_feature_rows import no_values, table_of
from tasks.validate.verdict.outcome import RowsOnDisk, validated
from tasks.validate.verdict.refused_rows import refused
from tasks.validate.verdict.seen_ids import SeenIds
from tasks.validate.verdict.spooled_rows import SpooledRows
from tasks.validate.verdict.validation_findings import (
    ROWS_NAMED,
    column_findings,
    consent_finding,
    first_row_ids,
)
from tasks.validate.verdict.violations import Violations

ROW_ID = "row_id"
NO_ROWS = pd.DataFrame()
RowFailures: TypeAlias = Callable[[pd.DataFrame], Mapping[int, str]]
"""From readable rows to the message of each row that the project's feature function fails on, by position."""


def check(delivery: Delivery, spec: ProjectSpec, suite: Suite, folder: Path | None = None) -> ValidatedDelivery:
    """Return one delivery of rows after its contract; see `check_all`."""
    return check_all([delivery], spec, suite, folder)[0]


def check_all(
    deliveries: Sequence[Delivery],
    spec: ProjectSpec,
    suite: Suite,
    folder: Path | None = None,
    failing: RowFailures | None = None,
) -> list[ValidatedDelivery]:
    """Return deliveries of rows after their contract, in their order; the same as one by one, but cheaper.

    A row is refused when a value cannot be read, the feature function fails on it, or a critical expectation does not
    hold for it. A batch is quarantined
    whole when it is empty, lacks a column, fails a critical expectation as a whole, or has a larger share of refused
    rows than `contract.max_bad_share`. Expectations are evaluated only on rows with values that could all be read.
    Those about a delivery as a whole are not evaluated on rows that the prediction service has answered: they are the
    requests of a few minutes.

    Parameters
    ----------
    deliveries : sequence of Delivery
        As delivered, privacy already applied.
    spec : ProjectSpec
        For the columns, their kinds and the contract.
    suite : Suite
        The project's expectations; those about what lands separately are left to `check_labels` and `check_features`.
    folder : Path, optional
        An empty folder for the rows of deliveries too large for memory. It must exist until the results are stored; the
        caller removes it.
    failing : callable, optional
        Names the rows that the project's feature function fails on; they are refused.

    Returns
    -------
    list of ValidatedDelivery
        `accepted` has `row_id`, the ids, the event time, the features, the label by its own name (when
        it comes with the rows) and `event_date`; `refused` has `raw` and `reasons`. Together they are the rows in.

    Raises
    ------
    ContractError
        When an expectation cannot be computed.
    """
    row_rules, delivery_rules = split_by_scope(suite.of_rows(spec))
    checks = [_RowCheck(delivery, spec, suite, folder, failing) for delivery in deliveries]
    for frames in zip_longest(*(check.frames() for check in checks)):
        _check_chunks(
            [(check, frame) for check, frame in zip(checks, frames, strict=True) if frame is not None], row_rules
        )
    return [check.conclude(delivery_rules) for check in checks]


def unreadable(batch_id: str, landed: Landed, fault: tuple[str, str], spec: ProjectSpec) -> ValidatedDelivery:
    """Return the verdict on content that cannot be read at all: quarantined, without rows to show.

    Parameters
    ----------
    fault : (str, str)
        The reason code, and the detail.
    """
    reason, detail = fault
    finding = Finding(reason, "", "critical", 0, f"{landed.key} cannot be read: {detail}; deliver it again")
    accepted = nothing_accepted(landed.kind, spec, landed.table)
    return ValidatedDelivery(batch_id, landed, "quarantined", accepted, refused(NO_ROWS, NO_ROWS), (finding,))


def nothing_accepted(kind: str, spec: ProjectSpec, table: str = "") -> pd.DataFrame:
    """Return accepted rows, labels or values of a feature table with the usual columns and types, but no row."""
    if kind == "features":
        return no_values(table_of(table, spec), spec)
    if kind == "labels":
        dtype = "str" if spec.training.task == "multiclass" else "float64"
        return pd.DataFrame({ROW_ID: pd.Series(dtype="str"), "label": pd.Series(dtype=dtype)})
    no_rows = pd.DataFrame({name: pd.Series(dtype="str") for name in spec.row_columns})
    return dated(typed(no_rows, spec).frame, spec)


def dated(rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    """Return typed rows with `event_date`, the day of their event time."""
    return rows.assign(event_date=rows[spec.source.event_time].dt.date)


def _check_chunks(chunks: Sequence[tuple[_RowCheck, pd.DataFrame]], row_rules: Suite) -> None:
    """Check one chunk of each of several deliveries; the expectations about each row are evaluated in one run."""
    readable = [check.read(frame) for check, frame in chunks]
    results = iter(evaluate_frames([rows.drop(columns=ROW_ID) for rows in readable if len(rows)], row_rules))
    for (check, frame), rows in zip(chunks, readable, strict=True):
        check.add(frame, rows, next(results) if len(rows) else [])


class _RowCheck:
    """The check of one delivery, chunk by chunk: in memory, or in a folder of its own if it has chunks on disk."""

    def __init__(
        self,
        delivery: Delivery,
        spec: ProjectSpec,
        suite: Suite,
        folder: Path | None = None,
        failing: RowFailures | None = None,
    ) -> None:
        columns = column_findings(
            delivery.landed.key,
            [name for name in map(str, delivery.frame) if name not in spec.fault_columns],
            delivery.row_count,
            spec.row_columns,
            spec.contract.new_columns,
            delivery.columns_left_out,
        )
        self._delivery, self._spec = delivery, spec
        self._violations = Violations(columns, suite.expectations)
        self._repeated, self._failing = repeated_ids, failing
        self._rows: pd.DataFrame | SpooledRows | None = None
        self._without_consent = 0
        if folder is not None and delivery.chunks is not None:
            own = folder / delivery.batch_id
            own.mkdir(parents=True)
            self._repeated = SeenIds(own).repeated
            self._rows, self._refused = SpooledRows(own / "readable.arrow"), SpooledRows(own / "refused.arrow")

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the chunks as delivered; none when the columns alone reject the delivery."""
        return iter(()) if self._violations.unusable else self._delivery.frames()

    def read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the readable rows of the next chunk, typed; note what is wrong with the others."""
        rows = typed(frame, self._spec, self._repeated)
        if (consent := self._spec.privacy.consent) is not None:
            self._without_consent += int((~rows.frame[consent].fillna(value=False)).sum())
        faults, said = (rows.faults, {}) if self._failing is None else self._with_failing(rows, self._failing)
        said |= cell_examples(frame, rows.faults, self._spec.source, self._spec)
        readable = self._violations.readable(self._violations.add_chunk(faults, rows.frame[ROW_ID], said))
        return rows.frame if readable.all() else rows.frame[readable].reset_index(drop=True)

    def _with_failing(self, rows: Typed, failing: RowFailures) -> tuple[pd.DataFrame, dict[str, str]]:
        """Return the faults with the rows that the feature function fails on, and what it says of the first."""
        clean = np.flatnonzero(rows.clean)
        failures = failing(dated(rows.frame.iloc[clean], self._spec))
        if not failures:
            return rows.faults, {}
        failed = np.zeros(len(rows.frame), dtype=bool)
        failed[clean[list(failures)]] = True
        return rows.faults.assign(**{FUNCTION_FAILED: failed}), {FUNCTION_FAILED: next(iter(failures.values()))}

    def add(self, frame: pd.DataFrame, rows: pd.DataFrame, failures: Sequence[FailedExpectation]) -> None:
        """Note the expectations that do not hold in the chunk just read, and keep its rows."""
        chunk = self._violations.chunks - 1
        for failure in failures:
            self._violations.fail(failure, _row_ids(rows, failure.rows), chunk)
        if not isinstance(self._rows, SpooledRows):
            self._rows = rows
            return
        if len(rows):
            self._rows.add(rows)
        if self._violations.refused(chunk).any():
            self._refused.add(refused(frame, self._violations.reasons(chunk)))

    def conclude(self, delivery_rules: Suite) -> ValidatedDelivery:
        """Return the verdict, with the number of rows that may not be learned from."""
        checked, count, column = self._verdict(delivery_rules), self._without_consent, self._spec.privacy.consent
        if not count:
            return checked
        finding = consent_finding(str(column), count, self._delivery.row_count)
        return replace(checked, findings=(*checked.findings, finding))

    def _verdict(self, delivery_rules: Suite) -> ValidatedDelivery:
        """Evaluate the expectations about the delivery as a whole on its readable rows, and return the verdict."""
        share, rows, late = self._spec.contract.max_bad_share, self._rows, False
        if self._delivery.landed.table == SERVED:
            delivery_rules = replace(delivery_rules, expectations=())
        if isinstance(rows, SpooledRows):
            rows.close()
            self._refused.close()
        if rows is not None and len(rows):
            columns = [name for name in rows.columns if name != ROW_ID]
            for failure in evaluate(rows, delivery_rules, columns):
                self._violations.fail(failure, _row_ids(rows, failure.rows))
                late = late or (failure.rows is not None and failure.severity == "critical")
        if not isinstance(rows, SpooledRows):
            values = nothing_accepted("rows", self._spec) if rows is None else dated(rows, self._spec)
            return validated(self._delivery, values, self._violations, share)
        conclusion = self._violations.conclude(share)
        refused_once = None if late or conclusion.reasons else self._refused
        chunks = RowsOnDisk(
            self._delivery, self._violations, conclusion, rows, refused_once, self._spec.source.event_time
        )
        return ValidatedDelivery(
            self._delivery.batch_id,
            self._delivery.landed,
            conclusion.verdict,
            nothing_accepted("rows", self._spec),
            refused(NO_ROWS, NO_ROWS),
            conclusion.findings,
            chunks,
        )


def _row_ids(rows: pd.DataFrame | SpooledRows, failed: IntArray | None) -> tuple[str, ...]:
    if failed is None:
        return ()
    if isinstance(rows, SpooledRows):
        return rows.texts(ROW_ID, failed[:ROWS_NAMED])
    return first_row_ids(rows[ROW_ID], failed)
