"""What a delivery means for those before it: a row counts once, and the newest delivery of it is the one that counts.

- A delivery under the key of an earlier one, with at least half of that one's rows, is its **correction**: it takes
  its place, and a row it no longer has is withdrawn. With fewer, the name was used again (an export that always has
  the same name): only the rows both have are replaced.
- A quarantined delivery is corrected, whatever the key, by one that brings at least half of its rows.
- A row that another delivery brought already is **repeated** when it is the same, and stays where it is; when it
  differs, the newer one replaces it.
- What was refused replaces nothing.

The half is a convention, not a measurement: it says which of two stories is more likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from tasks.arrays import BoolArray
from tasks.lake import SUPERSEDED, Batch
from tasks.records import Checked
from tasks.validate.typing.membership import among

CORRECTION_SHARE = 0.5
MISSING = "\0missing"  # no delivered text holds a NUL
NOT_COMPARED = frozenset({"batch_id", "revision"})


@dataclass(frozen=True, slots=True)
class PriorBatch:
    """An earlier batch that the new delivery may concern.

    Parameters
    ----------
    batch : Batch
        As it stands.
    rows : DataFrame
        Its accepted rows (or labels) that count, `row_id` among the columns.
    held : frozenset of str
        Row ids of what was set aside of it.
    """

    batch: Batch
    rows: pd.DataFrame
    held: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Amended:
    """An earlier batch's new state, and the rows of it that still count."""

    batch: Batch
    rows: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A delivery's rows without those repeated, how many these were, and what becomes of earlier batches."""

    accepted: pd.DataFrame
    repeated: int
    amended: tuple[Amended, ...]


def reconcile(
    checked: Checked, refused_ids: frozenset[str], before: Sequence[PriorBatch], *, compared: bool = True
) -> Reconciled:
    """Settle one delivery against those before it.

    Parameters
    ----------
    checked : Checked
        The delivery; its accepted rows carry `row_id`.
    refused_ids : frozenset of str
        Row ids of what was set aside of it: they replace nothing, so an earlier good row of theirs stays.
    before : sequence of Before
        Earlier batches of the same kind that share its key or any of its row ids.
    compared : bool
        Whether rows of one id are compared; if not, every one of them counts as changed.
    """
    accepted, repeated, amended = checked.accepted, 0, []
    if accepted.empty:
        return Reconciled(accepted, 0, ())
    for each in before:
        if corrects(checked, refused_ids, each):
            amended.append(_withdrawn(each, refused_ids))
            continue
        if checked.landed.kind == "labels":  # of several labels of a row the newest counts, wherever it stands
            continue
        if compared:
            same = _repeated(accepted, each.rows)
            repeated += int(same.sum())
            accepted = accepted[~same]
        changed = among(each.rows["row_id"], accepted["row_id"])
        if changed.any():
            amended.append(_without(each, changed))
    return Reconciled(accepted, repeated, tuple(amended))


def corrects(checked: Checked, refused_ids: frozenset[str], before: PriorBatch) -> bool:
    """Tell whether a delivery takes the place of a whole earlier one."""
    same_key = checked.landed.name == before.batch.key
    if not same_key and before.batch.verdict != "quarantined":
        return False
    ids = before.held.union(before.rows["row_id"])
    if not ids:
        return same_key
    common = ids & (refused_ids.union(checked.accepted["row_id"]))
    return len(common) >= CORRECTION_SHARE * len(ids)


class Round:
    """Deliveries that may be written together, since none concerns another or what another concerns.

    Examples
    --------
    >>> from datetime import date
    >>> from tasks.records import Landed
    >>> def of(key, *ids):
    ...     landed = Landed("rows", key, 1, date(2026, 1, 2))
    ...     return Checked(key, landed, "accepted", pd.DataFrame({"row_id": list(ids)}), pd.DataFrame())
    >>> together = Round()
    >>> [together.add(each, frozenset()) for each in (of("a", "1", "2"), of("b", "3"), of("c", "2"))]
    [True, True, False]
    """

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()
        self._ids: set[str] = set()
        self._concerned: set[str] = set()

    def add(self, checked: Checked, concerned: frozenset[str]) -> bool:
        """Add a delivery, with the earlier batches it amends, unless that needs the others to be written first."""
        key = (checked.landed.kind, checked.landed.name)
        mine = set(checked.accepted["row_id"]) if key[0] == "rows" and len(checked.accepted) else set()
        if key in self._keys or not self._ids.isdisjoint(mine) or not self._concerned.isdisjoint(concerned):
            return False
        self._keys.add(key)
        self._ids |= mine
        self._concerned |= concerned
        return True


def _repeated(accepted: pd.DataFrame, earlier: pd.DataFrame) -> pd.Series:
    """Return which accepted rows stand already, value for value."""
    columns = [name for name in accepted.columns if name not in NOT_COMPARED and name in earlier.columns]
    if len(columns) < len(accepted.columns.difference(list(NOT_COMPARED))):
        return pd.Series(data=False, index=accepted.index)  # a column is new, so no row is the same
    there = earlier[among(earlier["row_id"], accepted["row_id"])].drop_duplicates("row_id").set_index("row_id")
    known = among(accepted["row_id"], there.index.to_series())
    mine = accepted.loc[known, columns].set_index("row_id")
    theirs = there.loc[mine.index, mine.columns]
    same = pd.Series(data=False, index=accepted.index)
    same.loc[known] = (_comparable(mine) == _comparable(theirs)).all(axis=1).to_numpy()
    return same


def _comparable(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), MISSING)


def _withdrawn(before: PriorBatch, refused_ids: frozenset[str]) -> Amended:
    """Take a corrected batch out, but for good rows whose correction was refused."""
    kept = among(before.rows["row_id"], pd.Series(list(refused_ids), dtype="str"))
    left = _without(before, ~kept)
    held = before.batch.rows_quarantined
    out = replace(left.batch, rows_quarantined=0, rows_elsewhere=left.batch.rows_elsewhere + held)
    return Amended(replace(out, verdict=out.verdict if len(left.rows) else SUPERSEDED), left.rows)


def _without(before: PriorBatch, gone: BoolArray) -> Amended:
    """Take some rows out of a batch: what is left is written anew, as its next revision."""
    rows, batch = before.rows[~gone], before.batch
    days = [*rows["event_date"].unique()] if "event_date" in rows else []
    state = replace(
        batch,
        revision=batch.revision + 1,
        base=batch.revision + 1,
        rows_accepted=len(rows),
        rows_elsewhere=batch.rows_elsewhere + int(gone.sum()),
        event_from=min(days, default=None),
        event_until=max(days, default=None),
    )
    return Amended(state, rows)
