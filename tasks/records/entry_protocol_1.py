"""Entries of protocol 1, which carry no number: a dictionary for each entry, with question sentences as keys.

What an old entry lacks gets the default of its field; what it has and this version does not know is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.records.answers import SENTENCES, ObstacleKind, QuestionId

Details = dict[str, Any]

QUESTIONS: dict[str, QuestionId] = {sentence: question for question, sentence in SENTENCES.items()} | {
    "who says yes?": QuestionId.WHO_APPROVES
}
STATISTICS = {"wasserstein": "level", "null_share": "nulls", "total_variation": "shape"}
OBSTACLES = (
    ("under way", ObstacleKind.UNDER_WAY),
    ("waits for approval", ObstacleKind.WAITING),
    ("cooldown", ObstacleKind.COOLDOWN),
    ("back-off", ObstacleKind.BACK_OFF),
    ("budget", ObstacleKind.BUDGET),
    ("not trusted", ObstacleKind.UPSTREAM),
    ("new labelled rows", ObstacleKind.FRESH_ROWS),
)
NOT_RETRAINED = "not retraining"


def upgraded(kind: str, details: Mapping[str, Any], row: Mapping[str, Any]) -> Details:
    """Return the details of protocol 1 as those of protocol 2; `columns` in it replace columns of the row."""
    if kind == "night":
        return _night(details, row)
    if kind == "retraining":
        return _retraining(details)
    if kind == "notification":
        topics = [dict(zip(("event", "subject"), topic, strict=True)) for topic in details.get("topics", [])]
        return {"topics": topics, "columns": {"action": "sent"}}
    return dict(details)


def _night(details: Mapping[str, Any], row: Mapping[str, Any]) -> Details:
    same = ("run_because", "champion", "waiting", "steps", "suspicions", "rows", "labels")
    night = {name: details[name] for name in same if name in details}
    night["rows_quarantined"] = details.get("quarantined", 0)
    night["moved"], night["surprises"] = ([*map(_statistic, details.get(name, []))] for name in ("moved", "surprises"))
    night["batches"] = [_batch(name, verdict) for name, verdict in details.get("batches", {}).items()]
    night["drift_per_month"] = details.get("speed", {})
    if "served_rows" in details:
        names = ("served_rows", "deferred_share", "automated_labelled", "automated_error", "target_error")
        night["automation"] = {name: details[name] for name in names if name in details}
    answers = [answer for answer in details.get("answers", []) if answer["question"] in QUESTIONS]
    return night | {"answers": [_answer(answer, details, row) for answer in answers]}


def _statistic(moved: Mapping[str, Any]) -> Details:
    statistic = str(moved.get("statistic", ""))
    return {**moved, "statistic": STATISTICS.get(statistic, statistic)}


def _batch(name: str, verdict: str) -> Details:
    kind, _, key = name.partition(" ")
    return {"kind": kind, "key": key, "verdict": verdict}


def _answer(answer: Mapping[str, Any], details: Mapping[str, Any], row: Mapping[str, Any]) -> Details:
    """Return an answer with its numbers as fields; what the night measured is moved into the answer it belongs to."""
    question, numbers = QUESTIONS[answer["question"]], dict(answer.get("numbers", {}))
    match question:
        case QuestionId.MATTERS:
            numbers = {
                "weight_moved": numbers.get("weight_moved", 0.0),
                "performance": details.get("performance"),
                "estimated": details.get("estimated"),
                "slices": details.get("slices", []),
            }
        case QuestionId.WHERE_FIRST:
            numbers["upstream"] = details.get("upstream", [])
        case QuestionId.MAY_RETRAIN:
            numbers["obstacles"] = [_obstacle(sentence) for sentence in numbers.get("obstacles", [])]
            numbers["wanted"] = NOT_RETRAINED in row["reason"] or row["action"] == "retrain"
    return {"question": question.value, "answer": answer["answer"], **numbers}


def _obstacle(sentence: str) -> Details:
    kind = next((kind for words, kind in OBSTACLES if words in sentence), ObstacleKind.WAITING)
    return {"kind": kind.value, "sentence": sentence}


def _retraining(details: Mapping[str, Any]) -> Details:
    evidence = details.get("evidence", {})
    span = {"holdout_start": evidence.get("start") or None, "holdout_end": evidence.get("end") or None}
    return {**details, **span}
