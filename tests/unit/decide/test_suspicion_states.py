"""A suspicion lasts from the night it is asked about until its column is back, or a person calls it drift."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.decide import ServingVersion, Situation, SituationInputs, build_situation, decide
from tasks.lake import Batch, Deliveries
from tasks.records import (
    AnswerEntry,
    CorruptOrDrifted,
    Decision,
    Entry,
    FaultAnswer,
    Finding,
    MonitoringResult,
    NightEntry,
    Suspicion,
    SuspicionState,
    Window,
    answer_of,
    suspected_days,
    suspected_in,
)
from tasks.validate.acceptance.quarantine_rows import with_findings
from tests.deliveries import accepted_batch
from tests.unit.decide.test_decision import performance, situation, spec

FIRST = date(2026, 3, 2)
STUCK = Suspicion("stuck", ("a",), "one value", since=FIRST)
SKEWED = Suspicion("missing_slice", ("b",), "'x' is gone")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def moment(number: int) -> datetime:
    return datetime.combine(day(number), datetime.min.time(), UTC)


def night(
    record: Sequence[Entry], number: int, measured: MonitoringResult, *landed: Batch
) -> tuple[Decision, NightEntry]:
    """Decide a night from the record before it, and return its entry."""
    champion = ServingVersion(1, day(-40), (("a", 0.7), ("b", 0.3), ("c", 0.0)))
    inputs = SituationInputs(spec(), day(number), Deliveries(landed), record, measured, champion)
    decision = decide(build_situation(inputs), spec())
    return decision, NightEntry(
        name=f"n{number}",
        night=day(number),
        time=moment(number),
        action=decision.action,
        reason=decision.reason,
        answers=decision.answers,
    )


def nights(*measured: MonitoringResult, answers: dict[int, FaultAnswer] | None = None) -> list[Decision]:
    """Decide nights one after the other; a person answers what is open after the nights that `answers` names."""
    record, decisions = list[Entry](), list[Decision]()
    for number, each in enumerate(measured):
        decision, entry = night(record, number, each)
        record.append(entry)
        decisions.append(decision)
        if answers and number in answers:
            record += [answered(state, answers[number], number) for state in suspected_in(record) if state.open]
    return decisions


def answered(state: SuspicionState, answer: FaultAnswer, number: int) -> AnswerEntry:
    name = f"{state.name}/{answer}"
    return AnswerEntry(
        name=name, night=day(number), time=moment(number), action=answer, reason="seen", subject=state.name
    )


def seen(*suspicions: Suspicion, hurts: bool = False, back: Sequence[str] = ()) -> MonitoringResult:
    over = dict.fromkeys(back, day(1))
    loss = performance(2.0, 0.5) if hurts else performance(1.0, 0.0)
    window = Window(day(-6), day(0), 300)
    return MonitoringResult(window, suspicions=suspicions, performance=loss, fresh_rows=900, back=over)


NAME = f"stuck of a, {FIRST}"


def test_a_question_is_asked_once_and_stays_open() -> None:
    asked, *later = nights(seen(STUCK), seen(STUCK), seen())
    assert asked.action == "ask"
    assert [decision.action for decision in later] == ["hold", "hold"]
    assert all(f"still open: stuck in a since {FIRST}" in decision.reason for decision in later)


def test_a_suspicion_of_another_column_is_another_question() -> None:
    assert [decision.action for decision in nights(seen(STUCK), seen(STUCK, SKEWED))] == ["ask", "ask"]


def test_nothing_is_retrained_while_a_column_is_under_suspicion_however_large_the_error_is() -> None:
    decisions = nights(seen(STUCK, hurts=True), *(seen(hurts=True) for _ in range(30)))
    assert {decision.action for decision in decisions} == {"ask", "hold"}
    assert "not retraining, under suspicion: stuck in a" in decisions[-1].reason


def test_drift_is_learned_from_and_not_asked_about_again() -> None:
    decisions = nights(seen(STUCK), seen(STUCK, hurts=True), answers={0: "drift"})
    assert [decision.action for decision in decisions] == ["ask", "retrain"]


def test_a_fault_stays_until_its_column_is_back_and_no_longer() -> None:
    decisions = nights(seen(STUCK), seen(), seen(back=[NAME]), seen(), answers={0: "fault"})
    assert [decision.action for decision in decisions] == ["ask", "hold", "score", "score"]
    assert "is a fault" in decisions[1].reason


def test_rows_of_a_suspicion_that_ended_still_count_against_a_retraining() -> None:
    decisions = nights(seen(STUCK), seen(), seen(back=[NAME]), seen(hurts=True))
    # the cohort of `performance` begins in January, before the suspicion
    assert decisions[-1].action == "hold"
    found = answer_of(decisions[-1].answers, CorruptOrDrifted)
    assert found is not None
    assert suspected_days(found.states, day(9)) == ((day(0), day(1)),)


def test_a_column_without_weight_does_not_stop_a_retraining() -> None:
    idle = SuspicionState("stuck", ("c",), FIRST, day(-1))
    facts = {"importances": (("a", 1.0), ("c", 0.0)), "performance": performance(2.0, 0.5)}
    assert decide(situation(suspected=(idle,), **facts), spec()).action == "retrain"


def test_a_suspicion_of_a_column_that_nothing_uses_rests_until_something_does_again() -> None:
    record: list[Entry] = []
    for number, found in enumerate((seen(Suspicion("stuck", ("dropped",), "")), seen(hurts=True))):
        decision, entry = night(record, number, found)
        record.append(entry)
    assert decision.action == "retrain"  # the spec has no such column
    assert suspected_days(suspected_in(record, used=["a"]), day(9)) == ()
    (state,) = suspected_in(record, used=["a", "dropped"])
    assert (state.open, suspected_days([state], day(9))) == (True, ((FIRST, day(9)),))


def test_a_slice_that_is_gone_counts_until_the_champion_is_judged_without_it() -> None:
    # the cohort of `performance` begins on 2026-01-20
    gone = [SuspicionState("missing_slice", ("a",), date(2026, 1, start), day(-1)) for start in (25, 10)]
    actions = [decide(situation(suspected=(each,), performance=performance(2.0, 0.5)), spec()).action for each in gone]
    assert actions == ["hold", "retrain"]
    assert suspected_days(gone, day(9)) == ()  # the rows that came are right


def test_a_short_delivery_leaves_no_doubt_about_the_values_of_its_rows() -> None:
    short = SuspicionState("truncated", (), FIRST, day(-1))
    assert Situation("p", FIRST, suspected=(short,)).untrusted == ()
    assert suspected_days([short], day(9)) == ()


def test_what_monitoring_quarantined_is_a_suspicion_and_what_broke_the_contract_is_not() -> None:
    def batch(rule: str) -> Batch:
        found = Finding(rule, "a", "critical", 9, "as it is")
        landed = accepted_batch("x", FIRST, 9)
        return landed.quarantined(with_findings(landed, [found]))

    decision, entry = night([], 0, seen(), batch("unit_change"))
    assert (decision.action, [state.quarantined for state in entry.suspected]) == ("quarantine", [True])
    assert night([], 0, seen(), batch("not_a_number:a"))[1].suspected == ()


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([None, "fault", "drift"])), min_size=1, max_size=8)
)
def test_however_nights_go_a_question_is_asked_once_and_nothing_is_learned_under_suspicion(
    story: list[tuple[bool, bool, FaultAnswer | None]],
) -> None:
    record, asked = list[Entry](), 0
    for number, (found, back, answer) in enumerate(story):
        before = [state for state in suspected_in(record) if state.open]
        over = [state.name for state in before] if back else []
        decision, entry = night(record, number, seen(*([STUCK] if found else []), hurts=True, back=over))
        record.append(entry)
        now = [state for state in entry.suspected if state.open]
        assert (decision.action == "ask") == (bool(now) and now != before and now[-1].asked == day(number))
        assert not (now and decision.action == "retrain")
        assert len(now) <= 1
        asked += decision.action == "ask"
        if answer:
            record += [answered(state, answer, number) for state in now]
    assert asked == len(suspected_in(record))


@pytest.mark.parametrize("answer", ["fault", "drift"])
def test_an_answer_is_remembered_by_every_later_night(answer: FaultAnswer) -> None:
    record = [night([], 0, seen(STUCK))[1]]
    said = [*record, answered(record[0].suspected[0], answer, 0)]
    later = night(said, 1, seen())[1]
    assert [state.answer for state in later.suspected] == [answer]
    assert [state.answer for state in night([later], 2, seen())[1].suspected] == [answer]
