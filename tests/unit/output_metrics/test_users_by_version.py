"""Users are compared as chance has drawn them: once in each stage, until they have had the candidate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from tasks.errors import EvidenceError
from tasks.output_metrics import logged_users
from tasks.output_metrics.users_by_version import days_of, users_by_version
from tasks.serving_store.logged_rows import LoggedAnswer, log_line, row_text
from tests.recorded_entries import moment, rollout_entries

STARTED, SHADOW, *CANARY = rollout_entries("advanced", "advanced", "advanced", "advanced")
SHARES = (0.1, 0.4, 1.0)
STEPS = [STARTED, SHADOW, *(replace(step, share=share) for step, share in zip(CANARY, SHARES, strict=True))]
"""The candidate, of digest 2, answers 10 % from the second day on, 40 % from the third, and all from the fourth."""


def logged(*rows: tuple[str, str, int, int, str], arm: str = "unknown") -> pd.DataFrame:
    """Return rows of the log: id, user, day, hour of the day after its step, and the digest of the version."""
    return pd.DataFrame(
        [
            {
                "row_id": row_id,
                "user": user,
                "time": moment(day, hour=13 + hour).isoformat(),
                "digest": digest,
                "arm": arm,
                "event_date": date(2026, 2, 1) + timedelta(days=day),
            }
            for row_id, user, day, hour, digest in rows
        ]
    )


def counted(frame: pd.DataFrame) -> list[tuple[str, int, bool]]:
    users = users_by_version(frame, STEPS)
    rows = zip(users["row_id"], users["stage"], users["is_candidate"], strict=True)
    return [(str(row_id), int(stage), bool(mine)) for row_id, stage, mine in rows]


def test_only_stages_in_which_both_versions_answer_are_compared() -> None:
    frame = logged(("a", "x", 1, 1, "1"), ("b", "x", 2, 1, "1"), ("c", "y", 3, 1, "2"), ("d", "z", 4, 1, "2"))
    assert counted(frame) == [("b", 2, False), ("c", 3, True)]


def test_a_user_counts_once_in_a_stage_and_no_more_after_it_had_the_candidate() -> None:
    frame = logged(
        ("a", "x", 2, 1, "1"), ("b", "x", 2, 2, "1"), ("c", "y", 2, 1, "2"),
        ("d", "x", 3, 1, "2"), ("e", "y", 3, 1, "2"), ("f", "z", 3, 1, "1"),
    )  # fmt: skip
    assert counted(frame) == [("a", 2, False), ("c", 2, True), ("b", 2, False), ("d", 3, True), ("f", 3, False)]


def test_a_user_counts_with_the_rows_of_its_first_day_in_a_stage() -> None:
    last_of_the_stage = logged(("b", "x", 2, 23, "1")).assign(event_date=date(2026, 2, 4))
    assert counted(pd.concat([logged(("a", "x", 2, 1, "1")), last_of_the_stage])) == [("a", 2, False)]


def test_a_user_that_the_champion_answers_once_because_the_candidate_failed_is_still_one_of_the_candidate() -> None:
    assert counted(logged(("a", "x", 2, 1, "1"), ("b", "x", 2, 2, "2"))) == [("a", 2, True), ("b", 2, True)]


def test_users_are_compared_as_they_were_drawn_and_not_by_the_version_that_has_answered() -> None:
    drawn = logged(("a", "x", 2, 1, "1"), ("b", "y", 2, 2, "2"), arm="candidate")
    others = logged(("c", "z", 2, 3, "1"), arm="champion")
    nothing = logged(("a", "x", 2, 4, "1"), ("d", "w", 2, 5, "1"), arm="none")
    assert counted(pd.concat([drawn, others, nothing])) == [("a", 2, True), ("b", 2, True), ("c", 2, False)]


def test_a_row_that_is_asked_for_again_belongs_to_the_version_that_answered_last() -> None:
    assert counted(logged(("a", "q1", 2, 1, "1"), ("a", "q2", 2, 2, "2"), ("b", "q3", 2, 3, "9"))) == [("a", 2, True)]


def test_a_user_with_several_rows_has_the_share_of_them_that_count() -> None:
    users = users_by_version(logged(("a", "x", 2, 1, "2"), ("b", "x", 2, 2, "2"), ("c", "y", 2, 3, "1")), STEPS)
    days = days_of(users, users["row_id"].isin({"a", "c"}))
    assert [(mine.tolist(), others.tolist()) for mine, others in days] == [([0.5], [1.0])]


def log_of(*lines: tuple[str, str, str | None], time: str = "", **more: Any) -> bytes:
    """Return a file of the log with some rows: id, request and card; by default of an earlier protocol."""
    common: dict[str, Any] = {
        "time": time,
        "digest": "",
        "inputs": "",
        "bits": "",
        "unsure": False,
        "latency_ms": 1.0,
        "worker": 0,
        "protocol": 2,
    } | more
    answers = [LoggedAnswer(row_id=name, request=asked, version=1, number=1, **common) for name, asked, _ in lines]
    return b"".join(log_line(row_text({"card": card}), one) for (*_, card), one in zip(lines, answers, strict=True))


def test_a_line_of_the_log_names_the_entity_and_without_one_the_request() -> None:
    content = log_of(("7", "r1", "k"), ("8", "r2", None))
    assert logged_users(content, "card")["user"].tolist() == ["entity k", "request r2"]
    assert logged_users(content, "")["user"].tolist() == ["request r1", "request r2"]
    assert logged_users(content, "")["arm"].tolist() == ["unknown", "unknown"]
    assert logged_users(b"", "card").empty
    with pytest.raises(EvidenceError, match="line 1 of the prediction log has no answer"):
        logged_users(b"{}\n", "card")


def test_a_user_is_the_entity_that_was_drawn_and_not_the_text_that_a_client_has_sent() -> None:
    drawn: dict[str, Any] = {"protocol": 6, "arm": "candidate"}
    content = log_of(("7", "r1", "k"), ("8", "r2", " k"), **drawn, user="00ab")
    unnamed = log_of(("9", "r3", ""), ("10", "r4", ""), **drawn)
    assert logged_users(content, "card")["user"].tolist() == ["entity 00ab"] * 2
    assert logged_users(unnamed, "card")["user"].tolist() == ["request r3", "request r4"]
    assert logged_users(log_of(("9", "r3", ""), ("10", "r4", "")), "card")["user"].tolist() == [
        "request r3",
        "request r4",
    ], "an empty name was never an entity"


def test_a_request_with_several_users_says_nothing_since_its_size_decides_which_version_answers() -> None:
    several = [
        ("7", "r1", "k"),
        ("8", "r1", "m"),
        ("9", "r2", "k"),
        ("10", "r2", "k"),
        ("11", "r3", "k"),
        ("12", "r3", None),
    ]
    content = log_of(*several) + log_of(("13", "r1", "m"), time="later")
    assert logged_users(content, "card")["row_id"].tolist() == ["9", "10", "13"]
    assert len(logged_users(content, "")) == 7
