"""Validates each delivery against the contract, and releases quarantined batches; it reads and writes the lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd

from tasks.features import row_failures
from tasks.lake import Batch, Filter, Lake, add_batches
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.records import Delivery, Unread, ValidatedDelivery
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.accepted_writes import Accepted, add_accepted, withdrawn_rows
from tasks.validate.acceptance.prior_batches import event_window
from tasks.validate.acceptance.quarantine_rows import fault_reasons, readable_again, readable_values
from tasks.validate.acceptance.reconcile import contained
from tasks.validate.acceptance.stored_rows import StoredRows, quarantined_rows
from tasks.validate.contract.suite import Suite, read_suite
from tasks.validate.verdict.check_feature_rows import CheckValues, check_features, table_of
from tasks.validate.verdict.check_labels import check_labels
from tasks.validate.verdict.check_rows import RowFailures, check_all, unreadable

ROWS_AT_ONCE = 200_000
RELEASED = "released"
DUPLICATE = "duplicate_id"
FEW_COLUMNS_SHARE = 1 / 4  # of ingest.memory_mb: typed and joined, they are in memory about three times


@dataclass(frozen=True)
class DeliveryContract:
    """What deliveries are checked with: the spec, the suite, and the project's own functions in its folder.

    `broken_values` says what is broken in the values of a feature table that keep their contract.
    """

    spec: ProjectSpec
    suite: Suite
    folder: Path
    broken_values: CheckValues | None = None

    @property
    def failing(self) -> RowFailures | None:
        """Names the rows that the feature function fails on; None without one, or where it needs feature tables.

        The values of a feature table may arrive later than the rows.
        """
        if self.spec.row_function is None or self.spec.features.tables:
            return None
        return partial(row_failures, spec=self.spec, folder=self.folder)


def verdicts(
    deliveries: Sequence[Delivery | Unread],
    spec: ProjectSpec,
    folder: Path,
    spool: Path | None = None,
    broken_values: CheckValues | None = None,
) -> list[ValidatedDelivery]:
    """Return deliveries after their contract, in their order; small ones share one run of Great Expectations.

    Parameters
    ----------
    folder : Path
        The folder of project.yaml.
    spool : Path, optional
        A folder for the rows of deliveries too large for memory. It must exist until they are stored.
    broken_values : callable, optional
        What is asked of a delivery of a feature table that keeps its contract; by default nothing.
    """
    if not deliveries:
        return []
    contract = DeliveryContract(spec, read_suite(folder / spec.contract.suite, spec), folder, broken_values)
    validated = [delivery for group in _groups(deliveries) for delivery in _validated_group(group, contract, spool)]
    for delivery in validated:
        counts = {"rows": delivery.rows_in, "refused": delivery.rows_refused}
        logger().info(line("batch_checked", key=delivery.landed.key, **counts, verdict=delivery.verdict))
    return validated


verdicts_task = leeway_task("validate")(verdicts)


def rows_of_faults(lake: Lake, spec: ProjectSpec, batch: Batch) -> Iterator[pd.DataFrame]:
    """Yield the rows, typed, of a delivery that monitoring has quarantined: none that its contract has refused."""
    where: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
    reasons = fault_reasons(batch)
    for piece in lake.pieces(spec.project, "quarantine", columns=["raw", "reasons"], where=where):
        yield readable_again(piece.loc[piece["reasons"] == reasons, "raw"].drop_duplicates(), "rows", spec)


def release(lake: Lake, spec: ProjectSpec, batch: Batch, moment: datetime, *, reasons: str | None = None) -> int:
    """Accept the quarantined rows of a batch that can be read; return their number.

    With `reasons`, those alone that were quarantined for exactly these.

    A user has looked at them, so expectations are not evaluated again. Rows without an id, a time or readable values
    stay quarantined, and so do those that an earlier release left out, the second of two rows of one id, and rows
    delivered again since. Rows of another day with the same ids, which arrived before, are replaced. What was released
    before without rows of other reasons is released again for these.
    """
    if batch.verdict == RELEASED and batch.kind != "rows":
        return 0
    quarantined = quarantined_rows(lake, spec, batch)
    if reasons is not None:
        quarantined = quarantined[quarantined["reasons"] == reasons]
    duplicate = quarantined["reasons"].str.split(";").map(lambda codes: DUPLICATE in codes).astype(bool)
    raw = quarantined.loc[~duplicate, "raw"].drop_duplicates()
    stored = StoredRows.before(lake, spec, [])
    if batch.kind == "features":  # of several values of one time, the newest arrival counts
        rows = readable_values(raw, table_of(batch.table, spec), spec)
    else:
        rows = readable_again(raw, batch.kind, spec)
        stored = StoredRows.before(lake, spec, [rows] if batch.kind == "rows" else [])
        rows = rows[~contained(rows["row_id"], stored.kept_before(rows, batch))]
    if batch.verdict == RELEASED and rows.empty:
        return 0
    event_from, event_until = event_window(rows, batch)
    released = replace(
        batch,
        revision=batch.revision + 1,
        time=moment,
        written_at=moment,
        rows_accepted=batch.rows_accepted + len(rows),
        rows_quarantined=batch.rows_quarantined - len(rows),
        verdict=RELEASED,
        event_from=event_from,
        event_until=event_until,
    )
    if len(rows):
        add_accepted(lake, spec, [Accepted(rows, released)])
    replaced = [] if batch.kind == "features" else withdrawn_rows(stored, rows["row_id"])
    add_batches(lake, spec.project, [released, *(replace(state, written_at=moment) for state in replaced)])
    return len(rows)


def _groups(deliveries: Sequence[Delivery | Unread]) -> Iterator[list[Delivery | Unread]]:
    group: list[Delivery | Unread] = []
    rows = 0
    for delivery in deliveries:
        size = delivery.row_count if isinstance(delivery, Delivery) else 0
        if group and rows + size > ROWS_AT_ONCE:
            yield group
            group, rows = [], 0
        group.append(delivery)
        rows += size
    yield group


def _validated_group(
    group: Sequence[Delivery | Unread], contract: DeliveryContract, spool: Path | None
) -> list[ValidatedDelivery]:
    spec, suite = contract.spec, contract.suite
    rows = [delivery for delivery in group if isinstance(delivery, Delivery) and delivery.landed.kind == "rows"]
    if spool is None:
        rows = [_in_memory(delivery) for delivery in rows]
    added = [delivery for delivery in rows if not delivery.landed.is_withdrawal]
    by_id = {delivery.batch_id: delivery for delivery in check_all(added, spec, suite, spool, contract.failing)}
    for delivery in group:
        if delivery.landed.is_withdrawal and isinstance(delivery, Delivery):
            by_id[delivery.batch_id] = _readable(delivery, contract, spool)
        elif delivery.batch_id not in by_id:
            by_id[delivery.batch_id] = _validated_by_itself(_few_columns(delivery, spec), contract)
    return [by_id[delivery.batch_id] for delivery in group]


def _readable(delivery: Delivery, contract: DeliveryContract, spool: Path | None) -> ValidatedDelivery:
    """Return rows, or labels, that their source has deleted: no rule refuses them; what cannot be read is no row."""
    spec = contract.spec
    lenient = spec.model_copy(update={"contract": spec.contract.model_copy(update={"max_bad_share": 1.0})})
    if delivery.landed.kind == "labels":
        checked = check_labels(delivery, lenient)
    else:
        own = None if spool is None else spool / f"deleted-{delivery.batch_id[:8]}"
        (checked,) = check_all(
            [_in_memory(delivery) if own is None else delivery], lenient, Suite(contract.suite.path), own
        )
    if checked.chunks is not None:
        return checked
    return replace(checked, verdict="accepted", refused=checked.refused.iloc[:0], findings=())


def _validated_by_itself(delivery: Delivery | Unread, contract: DeliveryContract) -> ValidatedDelivery:
    """Return the verdict on labels, a feature table, or what cannot be read."""
    spec, suite = contract.spec, contract.suite
    if isinstance(delivery, Unread):
        return unreadable(delivery.batch_id, delivery.landed, (delivery.reason, delivery.detail), spec)
    if delivery.landed.kind == "labels":
        return check_labels(delivery, spec, suite)
    return check_features(delivery, spec, suite, contract.broken_values)


def _few_columns(delivery: Delivery | Unread, spec: ProjectSpec) -> Delivery | Unread:
    """Return large labels or values of a feature table in memory, with the columns of the spec only.

    What is too large for memory even so is unread.
    """
    if isinstance(delivery, Unread) or delivery.chunks is None:
        return delivery
    landed = delivery.landed
    needed = spec.columns_of(landed.kind, landed.table)
    names = [name for name in delivery.frame.columns if name in needed]
    frames, left_bytes = [delivery.frame[names]], int(spec.ingest.memory_mb * 2**20 * FEW_COLUMNS_SHARE)
    allowed = left_bytes
    for chunk in delivery.frames():
        frames.append(chunk[names])
        left_bytes -= int(frames[-1].memory_usage(deep=True).sum())
        if left_bytes < 0:
            detail = (
                f"labels and values of a feature table are checked in memory, and the first "
                f"{sum(map(len, frames)):,} of its {delivery.row_count:,} rows take more than {allowed:,} bytes; raise "
                "ingest.memory_mb, or deliver it in parts"
            )
            return Unread(delivery.batch_id, landed, "too_large", detail)
    return replace(delivery, frame=pd.concat(frames, ignore_index=True), chunks=None)


def _in_memory(delivery: Delivery) -> Delivery:
    """Return a delivery with its rows in memory."""
    if delivery.chunks is None:
        return delivery
    frames = [*delivery.frames()] or [delivery.frame]
    return replace(delivery, frame=pd.concat(frames, ignore_index=True), chunks=None)
