"""A night's decision: the questions, their answers with the numbers they rest on, and one action."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from tasks.records.drift import DriftKind

Action = Literal["score", "hold", "quarantine", "retrain", "ask", "wait"]


class QuestionId(StrEnum):
    """The questions of a night, by the id that the decision record keeps."""

    ENOUGH_ROWS = "enough_rows"
    VALID = "valid"
    CORRUPT_OR_DRIFTED = "corrupt_or_drifted"
    MATTERS = "matters"
    WHICH_KIND = "which_kind"
    WHERE_FIRST = "where_first"
    WORTH_RETRAINING = "worth_retraining"
    MAY_RETRAIN = "may_retrain"
    WHO_APPROVES = "who_approves"
    RECOVERED = "recovered"
    CHALLENGER = "challenger"

    @property
    def sentence(self) -> str:
        """The question in words.

        >>> QuestionId.MATTERS.sentence
        'does it matter?'
        """
        return SENTENCES[self]


SENTENCES: dict[QuestionId, str] = {
    QuestionId.ENOUGH_ROWS: "enough rows?",
    QuestionId.VALID: "valid?",
    QuestionId.CORRUPT_OR_DRIFTED: "corrupt or drifted?",
    QuestionId.MATTERS: "does it matter?",
    QuestionId.WHICH_KIND: "which kind?",
    QuestionId.WHERE_FIRST: "where first?",
    QuestionId.WORTH_RETRAINING: "worth retraining?",
    QuestionId.MAY_RETRAIN: "may it retrain?",
    QuestionId.WHO_APPROVES: "who approves?",
    QuestionId.RECOVERED: "did it recover?",
    QuestionId.CHALLENGER: "how does the challenger do?",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of the decision, its answer and the numbers it rests on."""

    question: str
    answer: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one night came to, and why."""

    project: str
    night: date
    action: Action
    kind: DriftKind
    reason: str
    answers: tuple[Answer, ...]

    @property
    def name(self) -> str:
        """The decision's name, also the idempotency key of the retraining it starts."""
        return f"{self.project}/{self.night.isoformat()}"
