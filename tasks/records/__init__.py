"""The frozen records that pass between rooms; frames travel inside them, never alone with their meaning."""

from tasks.records.decision import Action, Answer, Decision, QuestionId
from tasks.records.delivery import Checked, Chunks, Delivery, Finding, Kind, Landed, Unread, Verdict
from tasks.records.drift import DriftKind, DriftStatistic, LocalError
from tasks.records.performance import Bounded, Estimated, Performance, Sustained

__all__ = [
    "Action",
    "Answer",
    "Bounded",
    "Checked",
    "Chunks",
    "Decision",
    "Delivery",
    "DriftKind",
    "DriftStatistic",
    "Estimated",
    "Finding",
    "Kind",
    "Landed",
    "LocalError",
    "Performance",
    "QuestionId",
    "Sustained",
    "Unread",
    "Verdict",
]
