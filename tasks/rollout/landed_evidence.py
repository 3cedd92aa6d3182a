"""LandedEvidence: what a service has seen of a rollout, for those who may write the record, in a file.

A service without write access to the decision record lands this file; the promote flow judges it by itself. The file is
also the memory of a service that starts with an empty home. PROTOCOL is the number of the format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from tasks.errors import EvidenceError
from tasks.rollout.betting import FRACTIONS, SHAPE
from tasks.rollout.rollout_terms import COUNTS, NOTHING_SEEN, OF_STAGE, RolloutSums, RolloutTerms

PROTOCOL = 1
MOST_BYTES = 100_000
"""A file of a service has some 2,000 bytes."""
SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}")
"""The name of a service, which is the name of its file."""
GROWING = ("rows", "changed", "spent", "faults")
"""Counts of the whole rollout, which never fall."""
ROUNDING = 1e-6
MOST_COUNT = 2**53
"""Counts are computed with as floating-point numbers, which hold whole numbers up to here."""


class LandedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a service says that it has seen.

    Attributes
    ----------
    rollout, service : str
        The name of the rollout, and of the service that runs it.
    stage, slots : int
        The number of the last step that it has read in the record, and its workers.
    at : float
        When it was written, in seconds since 1970.
    reserved : int
        The most changed answers that the service has granted to its workers; a service that starts again without its
        home counts all of them as sent.
    ended : bool
        Whether the service has ended the candidate's share by itself, because of what it has seen.
    salt : str
        See `tasks.serving_store.RolloutGrant`.
    seen : dict
        `RolloutSums.to_dict`.
    """

    protocol: int
    project: str
    rollout: str
    service: str
    stage: int
    slots: int
    at: float
    reserved: int = 0
    ended: bool = False
    salt: str = ""
    seen: dict[str, Any] = {}

    def to_json(self) -> bytes:
        """Return the evidence as JSON."""
        return msgspec.json.encode(self)

    @property
    def moment(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(self.at, UTC)

    @property
    def sums(self) -> RolloutSums:
        """What was seen, if its form is right.

        Raises
        ------
        EvidenceError
            Such as when a count is negative, or a number is not finite.
        """
        if not self.seen:
            return NOTHING_SEEN
        try:
            sums = RolloutSums.from_dict(self.seen)
            whole = all(_is_count(getattr(sums, name)) for name in COUNTS)
            fine = sums.wealth.shape == SHAPE and bool(np.isfinite([*sums.wealth.ravel(), sums.busy_seconds]).all())
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise EvidenceError(
                f"what {self.service} has seen of its rollout has another form ({type(error).__name__})."
            ) from None
        if not (whole and fine and sums.busy_seconds >= 0):
            raise EvidenceError(f"what {self.service} has seen of its rollout has numbers that cannot be.")
        return sums


def seen_together(landed: Sequence[LandedEvidence], stage: int) -> RolloutSums:
    """Return what several services have seen; of those that have not entered a stage, without the counts of a stage.

    Raises
    ------
    EvidenceError
        What one of them has seen has another form.

    Examples
    --------
    >>> from dataclasses import replace
    >>> seen = replace(NOTHING_SEEN, rows=5, answers=2).to_dict()
    >>> common = {"protocol": 1, "project": "shop", "rollout": "2-ab", "slots": 1, "at": 0.0, "seen": seen}
    >>> both = [LandedEvidence(service="a", stage=3, **common), LandedEvidence(service="b", stage=2, **common)]
    >>> sums = seen_together(both, 3)
    >>> sums.rows, sums.answers
    (10, 2)
    """
    total = NOTHING_SEEN
    for one in landed:
        sums = one.sums
        if one.stage != stage:
            none: dict[str, Any] = dict.fromkeys(OF_STAGE, 0)
            sums = replace(sums, busy_seconds=0.0, **none)
        total += sums
    return total


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < MOST_COUNT


def read_evidence(content: bytes) -> LandedEvidence:
    """Return the evidence in a file.

    Raises
    ------
    EvidenceError
        When it is damaged, or a newer Leeway wrote it.

    Examples
    --------
    >>> landed = LandedEvidence(protocol=1, project="shop", rollout="2-ab", service="a", stage=0, slots=1, at=0.0)
    >>> read_evidence(landed.to_json()) == landed, read_evidence(landed.to_json()).sums.rows
    (True, 0)
    """
    try:
        found = msgspec.json.decode(content, type=LandedEvidence)
    except msgspec.MsgspecError as error:
        raise EvidenceError(
            f"the evidence of a rollout is damaged ({error}); is its service of this version?"
        ) from None
    if found.protocol != PROTOCOL:
        raise EvidenceError(
            f"the evidence of a rollout has the format {found.protocol}, and this version of Leeway reads {PROTOCOL}; "
            "install the same version for the service and the runs."
        )
    return found


def impossible(sums: RolloutSums, terms: RolloutTerms, before: RolloutSums) -> str | None:
    """Return why sums cannot have been seen, whatever the versions answered; None if they can.

    Parameters
    ----------
    before : RolloutSums
        Those of the step before, by the record.

    Notes
    -----
    A row with the value x multiplies the wealth of a bet f at the limit m by 1 + f (x - m) / m, so its logarithm is
    between those at x = 0 and at x = 1.

    Examples
    --------
    >>> from dataclasses import replace
    >>> terms = RolloutTerms((0.5,) * 6, 0.01, 10, 0.01, 24.0, 72.0)
    >>> impossible(NOTHING_SEEN, terms, NOTHING_SEEN) is None
    True
    >>> impossible(replace(NOTHING_SEEN, rows=5, changed=6), terms, NOTHING_SEEN)
    'of 5 rows, 6 are changed'
    >>> impossible(replace(NOTHING_SEEN, wealth=np.ones(SHAPE)), terms, NOTHING_SEEN)
    'the evidence is more than 0 rows can give'
    """
    fallen = [name for name in GROWING if getattr(sums, name) < getattr(before, name)]
    if fallen:
        return f"there are fewer {' and '.join(fallen)} than at the step before"
    if sums.answers > sums.rows:
        return f"of {sums.rows:,} rows, the candidate has answered {sums.answers:,}"
    if sums.changed > sums.rows:
        return f"of {sums.rows:,} rows, {sums.changed:,} are changed"
    if sums.spent > terms.quota:
        return f"{sums.spent:,} changed answers were sent, and {terms.quota:,} are allowed"
    levels = np.asarray(terms.limits)[:, None]
    most, least = np.log1p(FRACTIONS * (1 - levels) / levels), np.log1p(-FRACTIONS)
    room = ROUNDING * (1 + sums.rows)
    if (sums.wealth > sums.rows * most + room).any() or (sums.wealth < sums.rows * least - room).any():
        return f"the evidence is more than {sums.rows:,} rows can give"
    return None
