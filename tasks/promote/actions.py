"""The steps of a promotion plan; each can be carried out twice with the same result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tasks.records import RolloutEntry
from tasks.rollout import RolloutTerms


@dataclass(frozen=True, slots=True)
class Promote:
    """Make `number` champion and the one before it `previous`; `supersedes` are older versions without an answer."""

    number: int
    previous: int | None
    supersedes: tuple[int, ...]
    automatic: bool
    at: datetime
    clears_challenger: bool = False


@dataclass(frozen=True, slots=True)
class BeginRollout:
    """Let the prediction service roll out `number` against the champion, held to terms: see `RolloutTerms`."""

    number: int
    champion_digest: str
    terms: RolloutTerms
    automatic: bool


@dataclass(frozen=True, slots=True)
class EndRollout:
    """End the rollout of `number`, of which `last` is the last step, and bar the version from promotion."""

    number: int
    reason: str
    last: RolloutEntry


@dataclass(frozen=True, slots=True)
class Reject:
    """Bar a version from promotion after a person rejected it."""

    number: int
    reason: str
    clears_challenger: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """Report why an approval is not followed."""

    number: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutBack:
    """Move the alias `champion` from `found`, where it was moved by hand, to the recorded champion, or to none."""

    number: int | None
    found: int | None


@dataclass(frozen=True, slots=True)
class Adopt:
    """Record the digest of the champion `number`, which an earlier version of Leeway promoted without recording it."""

    number: int


@dataclass(frozen=True, slots=True)
class RollBack:
    """Bar the champion `number`, remove its `approvals` tags, and make `to` champion again."""

    number: int
    to: int
    previous: int | None
    reason: str
    at: datetime
    approvals: tuple[str, ...] = ()

    @property
    def bar(self) -> str:
        """The tag of the barred version."""
        return f"rolled back to version {self.to}: {self.reason}"


Step = Promote | BeginRollout | EndRollout | Reject | Refuse | PutBack | Adopt | RollBack


def sentence(step: Step) -> str:
    """Return what a step does, for logs and messages.

    >>> sentence(PutBack(number=2, found=5))
    'the alias champion was moved by hand to version 5; it is back at version 2'
    >>> sentence(Reject(number=3, reason="rejected in MLflow"))
    'version 3 cannot be promoted again: rejected in MLflow'
    """
    match step:
        case Promote() | BeginRollout():
            return _accepted(step)
        case Reject() | EndRollout():
            return f"version {step.number} cannot be promoted again: {step.reason}"
        case Refuse():
            return f"version {step.number} is not promoted: {'; '.join(step.reasons)}"
        case PutBack():
            moved = "removed by hand" if step.found is None else f"moved by hand to version {step.found}"
            back = (
                "is removed: no version was ever promoted"
                if step.number is None
                else f"is back at version {step.number}"
            )
            return f"the alias champion was {moved}; it {back}"
        case Adopt():
            return f"version {step.number} stays champion; the digest of its files is recorded from now on"
        case RollBack():
            return f"version {step.to} is champion again; version {step.number} cannot be promoted again: {step.reason}"


def _accepted(step: Promote | BeginRollout) -> str:
    how = "a clear win" if step.automatic else "approved"
    if isinstance(step, BeginRollout):
        return f"version {step.number} is rolled out by the prediction service: {how}"
    before = "the first champion" if step.previous is None else f"champion after version {step.previous}"
    return f"version {step.number} is {before}: {how}"
