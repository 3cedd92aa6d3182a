"""A lasting alarm names its history, and what a person called drift is expected from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tasks.decide import decide
from tasks.decide.recorded_alarms import alarmed_since, with_expected_drift
from tasks.records import DriftStatistic, NightEntry, Statistic, SuspicionState
from tests.unit.decide.test_decision import situation, spec

FIRST = date(2026, 3, 2)


def level(distance: float) -> DriftStatistic:
    return DriftStatistic("a", Statistic.LEVEL, distance, 0.1, direction=1)


def night(number: int, distance: float, champion: int = 1) -> NightEntry:
    day = FIRST + timedelta(days=number)
    moment = datetime.combine(day, datetime.min.time(), UTC)
    moved = (level(distance),)
    return NightEntry(
        name=f"n{number}", night=day, time=moment, action="hold", reason="", champion=champion, moved=moved
    )


def test_a_run_of_alarms_begins_after_the_last_quiet_night_and_with_its_champion() -> None:
    nights = [night(0, 0.3), night(1, 0.05), night(2, 0.3), night(3, 0.2)]
    assert alarmed_since(nights, 1) == {"a": FIRST + timedelta(days=2)}
    assert alarmed_since(nights, 2) == {}
    assert alarmed_since([*nights, night(4, 0.0)], 1) == {}


def test_a_lasting_alarm_names_its_first_night() -> None:
    decision = decide(situation(moved=(level(0.3),), alarmed_since={"a": FIRST}, kind="covariate"), spec())
    assert decision.reason.startswith(f"a moved (3.0 x its leeway), as since {FIRST}, ")


def test_drift_that_a_person_knows_of_widens_the_leeway_by_as_much_as_it_was_then() -> None:
    answered = SuspicionState("shock", ("a",), FIRST, FIRST, answer="drift", answered=FIRST + timedelta(days=1))
    nights = [night(0, 0.2), night(1, 0.4), night(2, 0.9)]

    def strain(distance: float, state: SuspicionState, champion: int = 1) -> float:
        return round(with_expected_drift((level(distance),), nights, [state], champion)[0].strain, 6)

    assert strain(0.4, answered) == 0.8  # of .4 + .1
    assert strain(0.6, answered) == 1.2
    assert strain(0.4, replace(answered, answer="fault")) == 4
    assert strain(0.4, replace(answered, columns=("b",))) == 4
    assert strain(0.4, answered, champion=2) == 4
