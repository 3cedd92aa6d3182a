"""The fence around tables that a lease protects: once its time has run out, a holder of it cannot write."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tasks.errors import Overtaken
from tasks.lake.schemas.table_schemas import TABLES

if TYPE_CHECKING:
    from deltalake import DeltaTable, Transaction


class Fence(NamedTuple):
    """A lease that writes are made under, and its token, which is higher for each later holder."""

    lease: str
    token: int


def fencing(fence: Fence | None, snapshot: DeltaTable, table: str) -> list[Transaction]:
    """Return the transactions that name the lease of a commit; none without a lease, and for tables without a fence.

    Parameters
    ----------
    snapshot : DeltaTable
        The state of the table that is written to.

    Raises
    ------
    Overtaken
        When a later holder of the lease has written to the table.
    """
    from deltalake import Transaction

    if fence is None or not TABLES[table].fenced:
        return []
    name = f"lease/{fence.lease}"
    newest = snapshot.transaction_version(name)
    if newest is not None and newest > fence.token:
        raise Overtaken(
            f"this run held the lease {fence.lease!r} until it ran out, and another has gone on since (number {newest} "
            f"after {fence.token}); nothing is to be done, the other run does the work"
        )
    return [Transaction(name, fence.token)]
