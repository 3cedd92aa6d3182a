"""A night's decision: the questions, their answers with the numbers they rest on, and one action."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from tasks.records.answers import AnyAnswer
from tasks.records.drift import DriftKind

Action = Literal["score", "hold", "quarantine", "retrain", "ask", "wait"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of one night: its action, the kind of drift, the reason, and every answer."""

    project: str
    night: date
    action: Action
    kind: DriftKind
    reason: str
    answers: tuple[AnyAnswer, ...]

    @property
    def name(self) -> str:
        """The decision's name, also the idempotency key of the retraining it starts."""
        return f"{self.project}/{self.night.isoformat()}"
