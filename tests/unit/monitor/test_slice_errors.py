"""Errors by slice: one value or one range that is answered worse is found and named, and quiet rows are left alone."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway
from tasks.errors import EvidenceError
from tasks.evaluate.slice_checks import slice_results
from tasks.monitor import Slices, cohort_tally, local_errors, slices, slices_from_json, slices_to_json, tolerance
from tasks.monitor.slicing.cuts import Cut
from tasks.monitor.slicing.slice_errors import Tally, Tolerance, bounded_cohort, merged
from tasks.records import LocalError
from tasks.spec.spec_sections.feature_sections import Features
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tests.unit.metrics.test_metrics_with_intervals import spec_of

FIRST, ROWS = date(2026, 1, 5), 300
FEATURES = Features(numbers=["area", "age"], booleans=["new"], categories=["plan"])
WEIGHTED_FILE = (
    '{"protocol": 2, "cap": 3.0, "skewness": 0.5, "mean_weight": 2.0, "cuts": [{"column": "area", "edges": [], '
    '"names": null}], "days": [["2026-01-05", [0.75, 0.25, 0.5], [2.0, 0.5, 1.5], [3.0, 1.0, 2.0]]]}'
)
OLD_FILE = (
    '{"protocol": 1, "cap": 2.5, "skewness": 0.5, "cuts": [{"column": "area", "edges": [1.0], "names": null}, '
    '{"column": "plan", "edges": [], "names": ["pro"]}], "days": [["2026-01-05", [9.0, 1, 2, 3, 4, 5, 6], '
    "[6, 1, 2, 3, 1, 2, 3]]]}"
)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rows(number: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a day's rows and their losses: |N(0, 1)|, times the day's own swing."""
    rng = np.random.default_rng([3, number])
    frame = pd.DataFrame(
        {
            "area": rng.normal(size=ROWS),
            "age": rng.uniform(size=ROWS),
            "new": rng.random(ROWS) < 0.5,
            "plan": rng.choice(["basic", "pro", "team"], ROWS, p=[0.5, 0.3, 0.2]),
            "event_date": day(number),
        }
    )
    return frame, np.abs(rng.normal(size=ROWS)) * np.exp(0.1 * rng.normal())


def many(numbers: range) -> tuple[pd.DataFrame, np.ndarray]:
    parts = [rows(number) for number in numbers]
    return pd.concat([frame for frame, _ in parts], ignore_index=True), np.concatenate([each for _, each in parts])


@pytest.fixture(scope="module")
def known() -> Slices:
    found = slices(*many(range(28)), FEATURES, 5)
    assert found is not None
    return found


def judged(known: Slices, now: Tally) -> tuple[LocalError, ...]:
    return local_errors(known, now, tolerance(Monitoring(), Leeway(0.1, 4, 365)))


def test_every_column_is_cut_once_and_slices_too_small_are_not_looked_at(known: Slices) -> None:
    names = [where for _, where in known.names]
    assert len(names) == 5 + 5 + 4 + 5  # quartiles, two values, three values; another; missing
    looked = [where for where, enough in zip(names, known.enough, strict=True) if enough]
    assert len(looked) == 4 + 4 + 2 + 3
    assert {"plan is 'pro'", "new is 'True'"} <= set(looked)
    assert not any("missing" in where or "another" in where for where in looked)


def test_quiet_rows_are_within_their_leeway_whatever_the_day_does_to_all_of_them(known: Slices) -> None:
    frame, losses = many(range(40, 68))
    assert max(each.strain for each in judged(known, known.tally(frame, losses))) < 1
    assert max(each.strain for each in judged(known, known.tally(frame, 1.5 * losses))) < 1


@pytest.mark.parametrize("where", ["plan is 'team'", "area from"])
def test_what_is_worse_in_one_slice_alone_is_named(known: Slices, where: str) -> None:
    frame, losses = many(range(40, 54))
    inside = (frame["plan"] == "team") if where.startswith("plan") else frame["area"] >= known.cuts[0].edges[2]
    worst = judged(known, known.tally(frame, np.where(inside, 1.5 * losses, losses)))[0]
    assert worst.where.startswith(where)
    assert worst.strain > 1
    assert worst.alone
    assert worst.rows == inside.sum()
    # losses are cut at three standard deviations, so half as much again gives a little less
    assert worst.loss / worst.expected == pytest.approx(1.45, abs=0.1)


def test_what_is_worse_everywhere_and_more_so_somewhere_is_not_alone(known: Slices) -> None:
    frame, losses = many(range(40, 68))
    worse = np.where(frame["plan"] == "team", 2.0, 1.4) * losses
    worst = judged(known, known.tally(frame, worse))[0]
    assert (worst.where, worst.alone, worst.strain > 1) == ("plan is 'team'", False, True)


def test_what_is_better_in_one_slice_is_no_alarm(known: Slices) -> None:
    frame, losses = many(range(40, 68))
    better = np.where(frame["plan"] == "team", 0.2, 1.0) * losses
    assert all(each.strain <= 1 for each in judged(known, known.tally(frame, better)) if each.column == "plan")


def test_a_slice_of_too_few_rows_or_days_is_not_judged(known: Slices) -> None:
    frame, losses = many(range(40, 44))
    assert judged(known, known.tally(frame, losses)) == ()
    frame, losses = many(range(40, 46))
    assert local_errors(known, known.tally(frame, losses), Tolerance(0.001, 0.1, min_rows=1_000_000)) == ()
    assert judged(known, {}) == ()


def test_tallies_add_up_whatever_the_pieces(known: Slices) -> None:
    frame, losses = many(range(40, 43))
    pieces = [known.tally(frame[at::3], losses[at::3]) for at in range(3)]
    whole, together = known.tally(frame, losses), merged(pieces)
    assert set(whole) == set(together)
    for when, sums in whole.items():
        np.testing.assert_array_equal(together[when], sums)


def test_a_cohort_in_pieces_finds_its_losses_by_row_id(known: Slices) -> None:
    frame, losses = many(range(40, 42))
    named = frame.assign(row_id=[f"r{n}" for n in range(len(frame))])
    cohort = named[["row_id", "event_date"]].assign(prediction=0.0, label=losses)[::-1]
    pieces = [named[:100], named[100:], named[:50].assign(row_id="unknown")]
    found = cohort_tally(known, cohort, pieces, "mean_absolute_error")
    for when, sums in known.tally(frame, losses).items():
        np.testing.assert_allclose(found[when], sums)


def test_a_cohort_is_its_newest_days_of_at_most_200_000_rows() -> None:
    days = np.repeat([day(0), day(1), day(2)], [150_000, 150_000, 50_000])
    assert set(bounded_cohort(pd.DataFrame({"event_date": days}))["event_date"]) == {day(1), day(2)}
    assert len(bounded_cohort(pd.DataFrame({"event_date": [day(0)] * 200_001}))) == 200_001


def test_slices_come_back_from_their_file_as_they_were(known: Slices) -> None:
    again = slices_from_json(slices_to_json(known))
    assert (again.cap, again.skewness, again.cuts) == (known.cap, known.skewness, known.cuts)
    assert all(np.array_equal(again.days[when], sums) for when, sums in known.days.items())
    assert slices_to_json(again) == slices_to_json(known)


def test_a_file_of_protocol_1_is_read() -> None:
    found = slices_from_json(OLD_FILE)
    assert found.cuts == (Cut("area", (1.0,)), Cut("plan", names=("pro",)))
    assert found.days[day(0)][:, 1].tolist() == [1.0, 1.0, 1.0]  # weights are rows
    with pytest.raises(EvidenceError, match=r"protocol 3; this release reads \[1, 2\]"):
        slices_from_json(OLD_FILE.replace('"protocol": 1', '"protocol": 3'))


def test_a_file_of_protocol_2_is_read() -> None:
    found = slices_from_json(WEIGHTED_FILE)
    assert (found.mean_weight, found.days[day(0)][:, 1].tolist()) == (2.0, [0.25, 0.5, 1.0])


def weighed(numbers: range) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return rows of which those of a plan weigh more, and lose more where they weigh more."""
    frame, losses = many(numbers)
    weights = np.where(frame["plan"] == "team", np.arange(len(frame)) % 3 + 1.0, 1.0)
    return frame, np.where(frame["plan"] == "team", losses * weights, losses), weights


def test_a_slices_error_is_weighted_by_the_same_rule_at_night_and_at_the_gate() -> None:
    frame, losses, weights = weighed(range(28))
    known = slices(frame, losses, FEATURES, 5, weights)
    assert known is not None
    now, new, counted = weighed(range(40, 54))
    capped = np.minimum(new, known.cap)
    night = {each.where: each.loss for each in judged(known, known.tally(now, new, counted))}
    spec = spec_of(gate={"slices": ["plan"]}, features={"numbers": ["age"], "categories": ["plan"]})
    gate = slice_results(now, (capped, capped), (now["event_date"].to_numpy(), counted), spec)
    at_gate = {f"plan is '{each.value}'": each.challenger_loss for each in gate}
    assert {where: night[where] for where in at_gate} == pytest.approx(at_gate, rel=1e-9)
    plain = np.average(capped[now["plan"] == "team"])
    assert night["plan is 'team'"] > 1.1 * plain
    again = slices_from_json(slices_to_json(known))
    assert judged(again, again.tally(now, new, counted)) == judged(known, known.tally(now, new, counted))


def test_weights_of_any_unit_find_the_same_and_rows_are_counted_as_rows() -> None:
    frame, losses, weights = weighed(range(28))
    now, new, counted = weighed(range(40, 54))
    found = []
    for unit in (1.0, 1024.0):
        known = slices(frame, losses, FEATURES, 5, unit * weights)
        assert known is not None
        found.append(judged(known, known.tally(now, new, unit * counted)))
    assert found[0] == found[1]
    rows_of = {each.where: each.rows for each in found[0]}
    assert rows_of["plan is 'team'"] == (now["plan"] == "team").sum()


def test_quiet_weighted_rows_are_within_their_leeway_and_a_worse_slice_is_not() -> None:
    frame, losses, weights = weighed(range(28))
    known = slices(frame, losses, FEATURES, 5, weights)
    assert known is not None
    now, new, counted = weighed(range(40, 68))
    assert max(each.strain for each in judged(known, known.tally(now, new, counted))) < 1
    worse = np.where(now["plan"] == "basic", 1.6 * new, new)
    assert judged(known, known.tally(now, worse, counted))[0].where == "plan is 'basic'"


def test_a_cohort_with_weights_is_tallied_with_them() -> None:
    frame, losses, weights = weighed(range(28))
    known = slices(frame, losses, FEATURES, 5, weights)
    assert known is not None
    named = frame.assign(row_id=[f"r{n}" for n in range(len(frame))])
    cohort = named[["row_id", "event_date"]].assign(prediction=0.0, label=losses, weight=weights)[::-1]
    found = cohort_tally(known, cohort, [named[:90], named[90:]], "mean_absolute_error")
    for when, sums in known.tally(frame, losses, weights).items():
        np.testing.assert_array_equal(found[when], sums)


def test_too_few_rows_teach_nothing() -> None:
    frame, losses = rows(0)
    assert slices(frame[:49], losses[:49], FEATURES, 5) is None
    assert slices(frame, losses, FEATURES, 5) is None  # one day says nothing of days
