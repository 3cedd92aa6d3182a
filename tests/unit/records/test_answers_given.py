"""What people answered about a column: each question has its own answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tasks.records import AnswerEntry, Entry, FaultAnswer, SuspicionState, answers_given
from tests.recorded_entries import decided_night

JANUARY, MARCH = date(2026, 1, 5), date(2026, 3, 9)


def question(column: str, asked: date) -> SuspicionState:
    return SuspicionState("unclear", (column,), since=asked - timedelta(days=1), asked=asked)


def night(*states: SuspicionState) -> Entry:
    asked = states[-1].asked
    return replace(decided_night(suspected=states), name=str(asked), night=asked)


def answer(state: SuspicionState, what: FaultAnswer, hours: int = 8) -> AnswerEntry:
    moment = datetime(state.asked.year, state.asked.month, state.asked.day, tzinfo=UTC) + timedelta(hours=hours)
    return AnswerEntry.to(state.name, what, moment.date(), moment, "ann", "")


def test_two_questions_about_a_column_keep_their_own_answers() -> None:
    first, second = question("area", JANUARY), question("area", MARCH)
    record = [night(first), answer(first, "drift"), night(second), answer(second, "fault")]
    assert answers_given(record) == {"area": {JANUARY: "drift", MARCH: "fault"}}


def test_the_newer_answer_to_a_question_counts() -> None:
    asked = question("area", JANUARY)
    record = [night(asked), answer(asked, "fault"), answer(asked, "drift", hours=30)]
    assert answers_given(record) == {"area": {JANUARY: "drift"}}


def test_an_answer_counts_from_the_night_of_the_question_however_late_it_came() -> None:
    area, rooms = question("area", JANUARY), question("rooms", JANUARY)
    later = night(area, rooms, question("area", MARCH))
    assert answers_given([night(area), later, answer(area, "fault", hours=2400)]) == {"area": {JANUARY: "fault"}}


def test_what_was_never_asked_or_never_answered_has_no_answer() -> None:
    area, rooms = question("area", JANUARY), question("rooms", JANUARY)
    assert answers_given([night(area), answer(rooms, "fault")]) == {}


def test_rows_are_asked_about_as_rows() -> None:
    rows = SuspicionState("truncated", (), since=JANUARY, asked=JANUARY)
    assert answers_given([night(rows), answer(rows, "drift")]) == {"rows": {JANUARY: "drift"}}
