"""Writes accepted rows, labels and values to the lake: those of new deliveries, and what is left of earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from tasks.lake import (
    Batch,
    Filter,
    Lake,
    served_key,
    version_key,
)
from tasks.logs import line, logger
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.reconcile import (
    AmendedBatch,
    PriorBatch,
    contained,
    without_rows,
)
from tasks.validate.acceptance.stored_rows import StoredRows, accepted_rows


class Accepted(NamedTuple):
    """Accepted rows, labels or feature values in memory, and the batch they belong to."""

    rows: pd.DataFrame
    batch: Batch


def add_accepted(lake: Lake, spec: ProjectSpec, accepted: Sequence[Accepted]) -> None:
    """Write accepted rows with the labels that were delivered with them, accepted labels, and feature values."""
    rows, labels, features = dict[str, pd.DataFrame](), dict[str, pd.DataFrame](), dict[str, pd.DataFrame]()
    for accepted_frame, batch in accepted:
        frame = accepted_frame.assign(batch_id=batch.batch_id, revision=batch.revision)
        if batch.kind == "rows":
            rows[batch.write_key] = frame
            if spec.source.label.uri is None:
                labels[batch.write_key] = _labels_of_rows(frame, spec.source.label.column).assign(arrival=batch.arrival)
        else:
            (features if batch.kind == "features" else labels)[batch.write_key] = frame.assign(arrival=batch.arrival)
    labels = {key: frame for key, frame in labels.items() if len(frame)}
    lake.add_each(spec.project, "rows", rows)
    lake.add_each(spec.project, "labels", labels)
    lake.add_each(spec.project, "features", features)


def with_unused_revision(lake: Lake, spec: ProjectSpec, amended: AmendedBatch) -> AmendedBatch:
    """Return the first revision under which no killed night wrote other rows, such as for another correction."""
    batch, table = amended.batch, str(amended.batch.kind)
    name = "entity" if table == "features" else "row_id"
    while lake.has(spec.project, table, batch.write_key):
        where: list[Filter] = [("batch_id", "=", batch.batch_id), ("revision", "=", batch.revision)]
        names = lake.read(spec.project, table, columns=[name], where=where)[name]
        if sorted(names) == sorted(amended.rows[name]):
            break
        batch = replace(batch, revision=batch.revision + 1, base=batch.revision + 1)
    return replace(amended, batch=batch)


def withdrawn_rows(stored: StoredRows, row_ids: pd.Series) -> list[Batch]:
    """Withdraw stored rows, which others replace; return the new states of their batches, to be written last."""
    spec, same = stored.spec, stored.same_ids
    names = set(same.loc[contained(same["row_id"], row_ids), "batch_id"])
    amended = []
    for batch in (each for each in stored.known.latest() if each.batch_id in names):
        rows = accepted_rows(stored.lake, spec, stored.known, batch)
        rest = without_rows(PriorBatch(batch, rows), contained(rows["row_id"], row_ids))
        amended.append(with_unused_revision(stored.lake, spec, rest))
    write_amended(stored.lake, spec, amended)
    return [one.batch for one in amended]


def write_amended(lake: Lake, spec: ProjectSpec, amended: Sequence[AmendedBatch]) -> None:
    """Write the rest of earlier batches again; it counts once their own rows in `batches` are written."""
    add_accepted(lake, spec, [Accepted(one.rows, one.batch) for one in amended if len(one.rows)])
    for one in amended:
        _carry_predictions(lake, spec.project, one)
        logger().info(line("batch_amended", key=one.batch.key, rows_left=len(one.rows), verdict=one.batch.verdict))


def _carry_predictions(lake: Lake, project: str, amended: AmendedBatch) -> None:
    """Write the predictions for the rows of an amended batch that still count again, under its new revision."""
    before, now = amended.batch.revision - 1, amended.batch
    if now.kind != "rows":
        return
    answered = lake.read(project, "predictions", where=[("batch_id", "=", now.batch_id), ("revision", "<=", before)])
    answered = answered[contained(answered["row_id"], amended.rows["row_id"])].sort_values("revision")
    answered = answered.drop_duplicates(["row_id", "version", "role"], keep="last")
    if answered.empty:
        return
    keys = [version_key(now.write_key, int(version)) for version in answered["version"].unique()]
    if (answered["role"] == "champion").any():
        keys.append(served_key(now.write_key))
    lake.append_if_absent(project, "predictions", answered.assign(revision=now.revision), *keys)


def _labels_of_rows(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the labels that were delivered with rows."""
    return rows.loc[rows[column].notna(), ["row_id", "batch_id", "revision", column]].rename(columns={column: "label"})
