"""The rim of validate: the contract's verdict on each delivery, written to the lake, the batch's own row last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from tasks.lake import Batch, Lake, add_batch
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.records import Checked, Delivery, Unread
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.prior_batches import event_window
from tasks.validate.acceptance.release import readable_again
from tasks.validate.acceptance.stored_rows import held_rows, ids_there
from tasks.validate.acceptance.task import add_accepted
from tasks.validate.contract.suite import Suite, read_suite
from tasks.validate.typing.membership import among
from tasks.validate.verdict.check_feature_rows import check_features
from tasks.validate.verdict.check_labels import check_labels
from tasks.validate.verdict.check_rows import check_all, unreadable
from tasks.validate.verdict.large_delivery import LargeChecked, check_large

ROWS_AT_ONCE = 200_000
RELEASED = "released"
DUPLICATE = "duplicate_id"


def verdicts(
    deliveries: Sequence[Delivery | Unread], spec: ProjectSpec, folder: Path, spool: Path | None = None
) -> list[Checked | LargeChecked]:
    """Return what the contract says of each delivery; several small ones share one run of Great Expectations.

    Parameters
    ----------
    folder : Path
        Where project.yaml is.
    spool : Path, optional
        A folder for what is laid down of deliveries too large to be held, until they have been stored.
    """
    if not deliveries:
        return []
    suite = read_suite(folder / spec.contract.suite, spec)
    found: list[Checked | LargeChecked] = []
    for group in _groups(deliveries):
        found += _checked(group, spec, suite, spool)
    for each in found:
        logger().info(
            line(
                "batch_checked", key=each.landed.key, rows=each.rows_in, refused=each.rows_refused, verdict=each.verdict
            )
        )
    return found


verdicts_task = leeway_task("validate")(verdicts)


def release(lake: Lake, spec: ProjectSpec, batch: Batch, moment: datetime) -> int:
    """Let in the quarantined rows of a batch that can be read at all; return how many they were.

    A person has looked, so expectations are not asked again; rows without an id, a time or readable values stay out,
    and so does what a first release left out, the second of two rows of one id, and a row that came again since.
    """
    if batch.verdict == RELEASED:
        return 0
    held = held_rows(lake, spec, batch)
    twice = held["reasons"].str.split(";").map(lambda codes: DUPLICATE in codes).astype(bool)
    rows = readable_again(held.loc[~twice, "raw"].drop_duplicates(), batch.kind, spec)
    rows = rows[~among(rows["row_id"], ids_there(lake, spec, rows))]
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
        add_accepted(lake, spec, [(rows, released)])
    add_batch(lake, spec.project, released)
    return len(rows)


def _groups(deliveries: Sequence[Delivery | Unread]) -> Iterator[list[Delivery | Unread]]:
    group: list[Delivery | Unread] = []
    rows = 0
    for each in deliveries:
        size = each.row_count if isinstance(each, Delivery) else 0
        if group and rows + size > ROWS_AT_ONCE:
            yield group
            group, rows = [], 0
        group.append(each)
        rows += size
    yield group


def _checked(
    group: Sequence[Delivery | Unread], spec: ProjectSpec, suite: Suite, spool: Path | None
) -> list[Checked | LargeChecked]:
    of_rows = [each for each in group if isinstance(each, Delivery) and each.landed.kind == "rows"]
    held = [each for each in of_rows if each.chunks is None or spool is None]
    done: dict[str, Checked | LargeChecked] = {
        each.batch_id: found for each, found in zip(held, check_all(held, spec, suite), strict=True)
    }
    for each in group:
        if isinstance(each, Unread):
            done[each.batch_id] = unreadable(each.batch_id, each.landed, (each.reason, each.detail), spec)
        elif each.landed.kind == "labels":
            done[each.batch_id] = check_labels(_held(each), spec, suite)
        elif each.landed.kind == "features":
            done[each.batch_id] = check_features(_held(each), spec, suite)
        elif each.batch_id not in done and spool is not None:
            done[each.batch_id] = check_large(each, spec, suite, spool / each.batch_id)
    return [done[each.batch_id] for each in group]


def _held(delivery: Delivery) -> Delivery:
    """Return a delivery with its rows in memory: labels and feature tables are few columns."""
    if delivery.chunks is None:
        return delivery
    return replace(delivery, frame=pd.concat(delivery.frames(), ignore_index=True), chunks=None)
