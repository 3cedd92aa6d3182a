from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.decide.suspicion_states import suspected_after
from tasks.drift import repeated_rows, row_hashes
from tasks.monitor.short_delivery import known_short, short_delivery
from tasks.records import FaultAnswer, SuspicionState

NUMBERS = st.sampled_from([0.0, -0.0, 1.5, float("nan")])
CELLS = st.tuples(NUMBERS, st.sampled_from(["a", "b", None]), st.sampled_from([True, False, None]))


@given(st.lists(CELLS, max_size=30))
def test_as_many_rows_repeat_as_comparing_every_cell_finds(
    rows: list[tuple[float, str | None, bool]],
) -> None:
    frame = pd.DataFrame(rows, columns=["number", "text", "flag"])
    hashes = row_hashes(frame, ["text"])
    assert repeated_rows(hashes).share == pytest.approx(frame.duplicated().mean() if rows else 0.0)
    halves = [row_hashes(part.infer_objects(), ["text"]) for part in (frame[:7], frame[7:])]
    assert np.concatenate(halves).tolist() == hashes.tolist()


def test_a_missing_value_repeats_a_missing_value() -> None:
    frame = pd.DataFrame({"a": pd.array([1, None, None, 2], dtype="Float64"), "b": ["x", None, None, "x"]})
    assert repeated_rows(row_hashes(frame, ["b"])).share == 0.25


FIRST = date(2026, 1, 5)


def delivered(counts: list[int]) -> dict[date, int]:
    return {FIRST + timedelta(days=number): count for number, count in enumerate(counts)}


def asked(counts: list[int], calendar: tuple[date, ...] = (), answer: FaultAnswer | None = None) -> list[int]:
    """Return after which of some deliveries a person is asked, when each night is judged and answered."""
    rows, states = delivered(counts), tuple[SuspicionState, ...]()
    for night in rows:
        found = short_delivery(rows, night, 0.001, calendar, known_short(states))
        ended = {state.name: state.since for state in states if state.open and found is None}
        states = suspected_after(states, [], [found] if found else [], ended, night)
        states = tuple(replace(one, answer=answer, answered=night) if one.asked == night else one for one in states)
    return [(state.asked - FIRST).days for state in states]


def is_short(counts: list[int], calendar: tuple[date, ...] = ()) -> bool:
    """Tell whether the last of some deliveries is asked about."""
    return len(counts) - 1 in asked(counts, calendar)


USUAL = [300, 310, 290, 305, 295, 300, 298, 303]


def test_a_holiday_is_asked_about_once() -> None:
    assert is_short([*USUAL, 100])
    assert not is_short([*USUAL, 100, *USUAL, 98])
    assert is_short([*USUAL, 100, *USUAL, 40])


def test_a_short_delivery_that_no_one_was_asked_about_excuses_no_later_one() -> None:
    assert not is_short([*USUAL[:3], 100])  # too few earlier ones to compare it with
    assert is_short([*USUAL[:3], 100, *USUAL, 98])


@pytest.mark.parametrize("answer", [None, "drift"])
def test_a_holiday_of_some_days_is_asked_about_once(answer: FaultAnswer | None) -> None:
    christmas = [100, 90, 105]
    assert asked([*USUAL, *christmas, *USUAL, *USUAL, *christmas, *USUAL], answer=answer) == [len(USUAL)]


def test_a_delivery_that_a_person_called_cut_off_excuses_no_later_one() -> None:
    assert asked([*USUAL, 100, *USUAL, 98], answer="fault") == [8, 17]


def test_days_of_the_calendar_and_their_nights_are_not_judged() -> None:
    holiday = FIRST + timedelta(days=len(USUAL))
    assert not is_short([*USUAL, 100], (holiday,))
    assert not is_short([*USUAL, 100], (holiday - timedelta(days=1),))
    assert is_short([*USUAL, 100], (holiday - timedelta(days=2),))
