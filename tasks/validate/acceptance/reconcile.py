"""The effect of a delivery on earlier ones: a row counts once, and its newest delivery is the one that counts.

- A delivery with the key of an earlier one, and with at least half of its rows, is its **correction**: it replaces the
  earlier one, and a row that it lacks is withdrawn. With fewer rows, the key was used again (an export that always has
  the same name): only the rows in both are replaced.
- A quarantined delivery is corrected, whatever the key, by one that has at least half of its rows.
- A row that an earlier delivery has already is **repeated** when it is equal, and stays where it is. When it differs,
  the newer row replaces the earlier one, also one of another day: see `tasks.validate.acceptance.reused_ids`.
- A refused row replaces nothing.
- A row that its source has **deleted** is withdrawn, and its delivery adds none.
- A row that the prediction service has logged replaces other logged rows only. One that a source has delivered already,
  with its label and with newer values, is repeated, whatever its values.

The half is a convention, not a measurement: it separates a correction from a key that is used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.arrays import BoolArray
from tasks.lake import SUPERSEDED, Batch
from tasks.records import ValidatedDelivery
from tasks.serving_store.logged_rows import is_served
from tasks.spec.cells.moments import REPEATED

CORRECTION_SHARE = 0.5
MISSING = "\0missing"  # no delivered text contains a NUL
NOT_COMPARED = frozenset({"batch_id", "revision", REPEATED})


@dataclass(frozen=True, slots=True)
class PriorBatch:
    """An earlier batch that a new delivery may affect.

    Parameters
    ----------
    batch : Batch
        Its current state.
    rows : DataFrame
        Its accepted rows (or labels) that count, `row_id` among the columns.
    quarantined_ids : frozenset of str
        The row ids of its quarantined rows.
    """

    batch: Batch
    rows: pd.DataFrame
    quarantined_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AmendedBatch:
    """An earlier batch's new state, and its rows that still count."""

    batch: Batch
    rows: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A delivery's rows without the repeated ones, the number of these, and the new states of earlier batches."""

    accepted: pd.DataFrame
    repeated: int
    amended: tuple[AmendedBatch, ...]


def reconcile(
    delivery: ValidatedDelivery,
    accepted: pd.DataFrame,
    refused_ids: frozenset[str],
    prior: Sequence[PriorBatch],
) -> Reconciled:
    """Return the effect of one delivery on those before it.

    Parameters
    ----------
    delivery : ValidatedDelivery
        The delivery.
    accepted : DataFrame
        Its accepted rows, with `row_id`. Of a delivery with its rows on disk they have no values to compare: each row
        that an earlier batch has counts as changed.
    refused_ids : frozenset of str
        The ids of its refused rows: they replace nothing, so an accepted earlier row with such an id is kept.
    prior : sequence of PriorBatch
        Earlier batches of the same kind with the same key or with any of its row ids.
    """
    repeated, amended = 0, []
    if accepted.empty:
        return Reconciled(accepted, 0, ())
    for batch in prior:
        if not may_replace(delivery, batch.batch):
            elsewhere = contained(accepted["row_id"], batch.rows["row_id"])
            repeated += int(elsewhere.sum())
            accepted = accepted[~elsewhere]
            continue
        if _corrects(delivery, accepted, refused_ids, batch):
            amended.append(_withdrawn(batch, refused_ids))
            continue
        if delivery.landed.kind == "labels":  # of several labels of a row the newest counts, whatever its batch
            continue
        if delivery.chunks is None:
            same = _repeated(accepted, batch.rows)
            repeated += int(same.sum())
            accepted = accepted[~same]
        changed = contained(batch.rows["row_id"], accepted["row_id"])
        if changed.any():
            amended.append(without_rows(batch, changed))
    return Reconciled(accepted, repeated, tuple(amended))


def withdrawal(accepted: pd.DataFrame, prior: Sequence[PriorBatch]) -> Reconciled:
    """Return the effect of rows that their source has deleted: what is stored of them counts no more.

    Parameters
    ----------
    accepted : DataFrame
        These rows (or labels), with `row_id`.
    prior : sequence of PriorBatch
        Earlier batches of the same kind with any of their ids.
    """
    gone = [contained(batch.rows["row_id"], accepted["row_id"]) for batch in prior]
    amended = [without_rows(batch, its) for batch, its in zip(prior, gone, strict=True) if its.any()]
    return Reconciled(accepted.iloc[:0], len(accepted), tuple(amended))


def may_replace(delivery: ValidatedDelivery, batch: Batch) -> bool:
    """Return whether rows of a delivery may replace those of a batch: logged rows replace logged rows only."""
    landed = delivery.landed
    return not is_served(landed.kind, landed.name) or is_served(batch.kind, batch.key)


def contained(row_ids: pd.Series, others: pd.Series) -> BoolArray:
    """Return which row ids are among the others; a missing one never is.

    pandas converts each of the others to a Python text for the same result.

    Examples
    --------
    >>> contained(pd.Series(["a", None, "c"]), pd.Series(["c", "d", None])).tolist()
    [False, False, True]
    """
    if not len(row_ids) or not len(others):
        return np.zeros(len(row_ids), dtype=bool)
    texts, value_set = (pa.array(column, pa.large_string(), from_pandas=True) for column in (row_ids, others))
    return np.asarray(pc.is_in(texts, value_set=value_set, skip_nulls=True), dtype=bool)


class IndependentDeliveries:
    """Deliveries that can be written together: none affects another, or a batch that another affects.

    Examples
    --------
    >>> from datetime import date
    >>> from tasks.records import Landed
    >>> def delivery(key, *ids):
    ...     landed = Landed("rows", key, 1, date(2026, 1, 2))
    ...     return ValidatedDelivery(key, landed, "accepted", pd.DataFrame({"row_id": list(ids)}), pd.DataFrame())
    >>> together = IndependentDeliveries()
    >>> [together.add(one, frozenset()) for one in (delivery("a", "1", "2"), delivery("b", "3"), delivery("c", "2"))]
    [True, True, False]
    """

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()
        self._ids: set[str] = set()
        self._amended: set[str] = set()
        self._has_withdrawal = False

    def add(self, delivery: ValidatedDelivery, amended: frozenset[str]) -> bool:
        """Add a delivery and the batches it amends, unless it must be written after the others; return whether."""
        key = (delivery.landed.kind, delivery.landed.name)
        if self._has_withdrawal or (delivery.landed.is_withdrawal and self._keys):
            return False
        self._has_withdrawal = delivery.landed.is_withdrawal
        ids = set(delivery.accepted["row_id"]) if key[0] == "rows" and len(delivery.accepted) else set()
        if key in self._keys or not self._ids.isdisjoint(ids) or not self._amended.isdisjoint(amended):
            return False
        self._keys.add(key)
        self._ids |= ids
        self._amended |= amended
        return True


def _corrects(
    delivery: ValidatedDelivery, accepted: pd.DataFrame, refused_ids: frozenset[str], prior: PriorBatch
) -> bool:
    """Return whether a delivery replaces an earlier one as a whole."""
    same_key = delivery.landed.name == prior.batch.key
    if not same_key and prior.batch.verdict != "quarantined":
        return False
    ids = prior.quarantined_ids.union(prior.rows["row_id"])
    if not ids:
        return same_key
    common = ids & refused_ids.union(accepted["row_id"])
    return len(common) >= CORRECTION_SHARE * len(ids)


def _repeated(accepted: pd.DataFrame, earlier: pd.DataFrame) -> pd.Series:
    """Return which accepted rows equal an earlier row of their id, value for value."""
    columns = [name for name in accepted.columns if name not in NOT_COMPARED and name in earlier.columns]
    if len(columns) < len(accepted.columns.difference(list(NOT_COMPARED))):
        return pd.Series(data=False, index=accepted.index)  # a column is new, so no row is equal
    matches = earlier[contained(earlier["row_id"], accepted["row_id"])].drop_duplicates("row_id").set_index("row_id")
    in_both = contained(accepted["row_id"], matches.index.to_series())
    new = accepted.loc[in_both, columns].set_index("row_id")
    old = matches.loc[new.index, new.columns]
    same = pd.Series(data=False, index=accepted.index)
    same.loc[in_both] = (comparable(new) == comparable(old)).all(axis=1).to_numpy()
    return same


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return values of which two missing ones are equal."""
    return frame.astype(object).where(frame.notna(), MISSING)


def _withdrawn(prior: PriorBatch, refused_ids: frozenset[str]) -> AmendedBatch:
    """Withdraw a corrected batch, except for accepted rows with a refused correction."""
    kept = contained(prior.rows["row_id"], pd.Series(list(refused_ids), dtype="str"))
    rest = without_rows(prior, ~kept)
    quarantined = prior.batch.rows_quarantined
    state = replace(rest.batch, rows_quarantined=0, rows_elsewhere=rest.batch.rows_elsewhere + quarantined)
    return AmendedBatch(replace(state, verdict=state.verdict if len(rest.rows) else SUPERSEDED), rest.rows)


def without_rows(prior: PriorBatch, withdrawn: BoolArray) -> AmendedBatch:
    """Withdraw some rows of a batch: the rest is written again, as its next revision."""
    rows, batch = prior.rows[~withdrawn], prior.batch
    days = [*rows["event_date"].unique()] if "event_date" in rows else []
    state = replace(
        batch,
        revision=batch.revision + 1,
        base=batch.revision + 1,
        rows_accepted=len(rows),
        rows_elsewhere=batch.rows_elsewhere + int(withdrawn.sum()),
        event_from=min(days, default=None),
        event_until=max(days, default=None),
    )
    return AmendedBatch(state, rows)
