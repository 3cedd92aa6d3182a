"""Deliveries that do not come: the expected time between two is stated or learned, and exceeded only when it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

import numpy as np
import pytest

from tasks.decide import freshness
from tasks.decide.freshness import longest_gap
from tasks.lake import Batch, Deliveries
from tasks.spec.project_spec import ProjectSpec

FIRST = date(2025, 1, 6)
SMALL = {
    "project": "mine",
    "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
    "features": {"numbers": ["a"]},
}
EMPTY = replace(Batch.placeholder("", datetime(2025, 1, 6, tzinfo=UTC)), verdict="accepted")


def spec(every: int | None = None) -> ProjectSpec:
    return ProjectSpec.model_validate(SMALL | {"source": SMALL["source"] | {"every": every}})  # type: ignore[operator]


def overdue(deliveries: Deliveries, night: date, project: ProjectSpec) -> str:
    return freshness.overdue(deliveries, (night,), project)


def landed(*gaps: int, kind: str = "rows") -> Deliveries:
    """A delivery on the first day, and one after each gap."""
    days = [FIRST + timedelta(days=total) for total in accumulate(gaps, initial=0)]
    return Deliveries(tuple(replace(EMPTY, batch_id=f"{kind}{day}", kind=kind, arrival=day, key="k") for day in days))


@pytest.mark.parametrize(
    ("gaps", "quiet", "late"),
    [
        ([7] * 30, 14, 15),  # weekly: a whole further week is missed
        ([1, 1, 1, 1, 3] * 10, 9, 10),  # on working days
        ([7] * 8, 28, 29),  # fewer are known, so more is allowed
    ],
)
def test_a_feed_that_stops_is_reported_once_a_longer_gap_is_rare(gaps: list[int], quiet: int, late: int) -> None:
    last = FIRST + timedelta(days=sum(gaps))
    assert overdue(landed(*gaps), last + timedelta(days=quiet), spec()) == ""
    said = overdue(landed(*gaps), last + timedelta(days=late), spec())
    assert f"no rows have landed since {last}, {late} days ago" in said
    assert "learned from the last" in said


def test_what_the_spec_states_is_not_learned() -> None:
    last = FIRST + timedelta(days=70)
    assert overdue(landed(*[7] * 10), last + timedelta(days=7), spec(every=7)) == ""
    assert "one delivery in 7 days is expected (source.every)" in overdue(
        landed(*[7] * 10), last + timedelta(days=8), spec(every=7)
    )


def test_nothing_is_learned_from_a_few_deliveries_from_labels_or_from_what_came_later() -> None:
    assert overdue(landed(7, 7), FIRST + timedelta(days=900), spec()) == ""
    assert overdue(Deliveries(()), FIRST, spec(every=1)) == ""
    labels = landed(*[1] * 40, kind="labels").revisions
    feed = Deliveries((*landed(*[7] * 10).revisions, *labels))
    assert overdue(feed, FIRST + timedelta(days=99), spec()) != ""
    assert overdue(landed(*[7] * 10, 90, 7), FIRST + timedelta(days=77), spec()) == ""


def test_a_feed_without_any_rhythm_raises_fewer_false_alarms_than_the_team_accepts() -> None:
    rng, alarms, years = np.random.default_rng(1), 0, 200.0
    gaps = rng.geometric(1 / 5, size=int(years * 365 / 5))
    for at in range(52, len(gaps)):
        longest = longest_gap(gaps[at - 52 : at].tolist(), 0.4)
        alarms += longest is not None and int(gaps[at]) > longest
    assert alarms / years < 0.4


def of_day(number: int, lag: int) -> Batch:
    """A delivery of rows that are some days old."""
    came = FIRST + timedelta(days=number)
    event = came - timedelta(days=lag)
    return replace(EMPTY, batch_id=f"b{number}", kind="rows", arrival=came, night=came, event_until=event, key="k")


def test_a_delivery_of_a_wrong_year_is_no_new_one_and_the_next_is() -> None:
    usual, night = [of_day(number, number % 2) for number in range(30)], FIRST + timedelta(days=30)
    said = overdue(Deliveries((*usual, of_day(30, 365))), night, spec())
    assert said.startswith(
        f"the newest rows of tonight are of {night - timedelta(days=365)}, 365 days before they came"
    )
    later = Deliveries((*usual, of_day(30, 365), of_day(31, 1)))
    assert overdue(later, night + timedelta(days=1), spec()) == ""


@pytest.mark.parametrize(
    "tonight",
    [
        [of_day(30, 3)],  # a little older than usual
        [of_day(30, 365), replace(of_day(30, 0), batch_id="new")],  # old rows next to new ones
    ],
)
def test_rows_that_are_hardly_older_or_come_with_new_ones_are_no_alarm(tonight: list[Batch]) -> None:
    known = Deliveries((*(of_day(number, number % 2) for number in range(30)), *tonight))
    assert overdue(known, FIRST + timedelta(days=30), spec()) == ""


def test_rows_that_are_always_old_are_as_expected() -> None:
    known = Deliveries(tuple(of_day(number, 400) for number in range(31)))
    assert overdue(known, FIRST + timedelta(days=30), spec()) == ""


def test_an_alarm_excuses_neither_the_next_one_nor_what_lasts_for_a_fortnight() -> None:
    wrong_year = [of_day(number, number % 2) for number in range(30)]
    for number in range(30, 48):
        wrong_year.append(of_day(number, 365))
        said = overdue(Deliveries(tuple(wrong_year)), FIRST + timedelta(days=number), spec())
        assert bool(said) == (number <= 30 + 14), number
    stopped = landed(*[1] * 40, 30, 1, 1, 1)
    last = FIRST + timedelta(days=73)
    assert "6 days ago" in overdue(stopped, last + timedelta(days=6), spec())


def test_old_rows_of_each_night_since_the_last_decision_are_reported() -> None:
    nights = tuple(FIRST + timedelta(days=number) for number in range(30, 37))
    week = [of_day(number, 365 if number == 32 else 1) for number in range(37)]
    said = freshness.overdue(Deliveries(tuple(week)), nights, spec())
    assert said.startswith(f"the newest rows of {nights[2]} are of {nights[2] - timedelta(days=365)}")
    assert freshness.overdue(Deliveries(tuple(week)), nights[3:], spec()) == ""


def test_rows_that_the_prediction_service_answered_hide_no_feed_that_stopped() -> None:
    weekly = landed(*[7] * 30)
    night = FIRST + timedelta(days=210 + 15)
    served = replace(EMPTY, batch_id="served", kind="rows", arrival=night, key="@served/2025-08-19-0-ab.jsonl")
    assert "15 days ago" in overdue(Deliveries((*weekly.revisions, served)), night, spec())
    assert overdue(Deliveries((served,)), night + timedelta(days=99), spec(every=1)) == ""
