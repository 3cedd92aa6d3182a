from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.monitor import Promise, contrast, newest_cohort, newest_window, performance, steps
from tasks.monitor.cohorts.own_promise import own_promise
from tasks.monitor.prediction_drift.prediction_reference import answers as answers_of
from tasks.records import Bounded, Performance, Sustained, UnknownClass
from tasks.spec.project_spec import Monitoring
from tasks.spec.spec_sections.purpose_section import Scope
from tasks.statistics import DayEvidence, DaySums, PromiseEvidence
from tests.bench.quiet_lives import ONSET, RareClass, World, first_alarm

DAY = date(2026, 1, 1)


def answers(count: int, error: float) -> pd.DataFrame:
    """Rows with truth 10 and a prediction off by `error`, up and down by 1 more in turn within each day."""
    number = np.arange(count)
    wobble = np.where((number // 28 + number) % 2, 1.0, -1.0)
    return pd.DataFrame(
        {
            "row_id": [str(number) for number in range(count)],
            "event_date": [DAY + timedelta(days=number % 28) for number in range(count)],
            "prediction": 10 - error + wobble,
            "label": 10.0,
        }
    )


def test_a_systematic_error_is_seen_as_bias() -> None:
    found = performance(answers(400, 0.5), Promise("mean_absolute_error", 1.0, 0.0, 10_000), Monitoring(), 52)
    assert found is not None
    # residuals are 0.5 + 1 and 0.5 - 1: their mean is 0.5, the mean of their sizes 1.0
    assert found.bias.value == pytest.approx(0.5)
    assert found.loss.value == pytest.approx(1.0)
    assert found.past_leeway
    assert found.bias.grew_past_leeway
    assert not found.loss.rose_past_leeway


def test_an_error_as_promised_is_within_leeway() -> None:
    found = performance(answers(400, 0.0), Promise("mean_absolute_error", 1.0, 0.0, 10_000), Monitoring(), 52)
    assert found is not None
    assert not found.past_leeway
    assert found.strain == pytest.approx(0.0)


def test_a_shaky_promise_is_not_held_against_the_model() -> None:
    rows = answers(400, 0.5)
    sure = performance(rows, Promise("mean_absolute_error", 1.0, 0.0, 10_000), Monitoring(), 52)
    shaky = performance(rows, Promise("mean_absolute_error", 1.0, 0.0, 10), Monitoring(), 52)
    assert sure is not None
    assert shaky is not None
    assert sure.past_leeway
    assert not shaky.past_leeway


def test_too_few_rows_are_not_judged() -> None:
    assert performance(answers(49, 5.0), Promise("mean_absolute_error", 1.0, 0.0, 10_000), Monitoring(), 52) is None


def test_looking_more_often_makes_each_look_more_careful() -> None:
    rows, promise = answers(400, 0.2), Promise("mean_absolute_error", 1.0, 0.0, 10_000)
    weekly, daily = performance(rows, promise, Monitoring(), 52), performance(rows, promise, Monitoring(), 365)
    assert weekly is not None
    assert daily is not None
    assert daily.bias.low < weekly.bias.low


def all_right(count: int) -> pd.DataFrame:
    """Rows of class 1, answered with a probability of .9."""
    days = [DAY + timedelta(days=number % 28) for number in range(count)]
    return pd.DataFrame({"event_date": days, "prediction": 0.9, "label": 1.0})


def test_no_error_in_fifty_rows_is_not_a_rate_of_zero_for_sure() -> None:
    # promised is none of 98: by Laplace 1 in 100, a standard deviation of .0995
    found = performance(all_right(50), Promise("error_rate", 0.0, 0.0, 98), Monitoring(), 52)
    assert found is not None
    assert found.loss.value == 0
    assert found.loss.high > 2 * 0.0995 / 50**0.5
    assert found.strain >= 0  # the leeway is a tenth of nothing


def test_what_is_estimated_from_answers_that_were_all_right_is_still_unsure() -> None:
    known = answers_of(all_right(50), "error_rate", binary=True)
    assert known is not None
    loss, error = known.estimated_loss(known.profile(np.full(20, 0.9)))
    # as if one row of 51 had been wrong: sqrt(1 / 51 / 50)
    assert loss == 0
    assert error == pytest.approx((1 / 51 / 50) ** 0.5)


def test_rows_that_cannot_be_scored_are_left_out() -> None:
    rows = answers(400, 0.0)
    rows.loc[:9, "label"] = -1.0  # has no logarithm
    found = performance(rows, Promise("mean_absolute_log_error", 0.1, 0.0, 10_000), Monitoring(), 52)
    assert found is not None
    assert (found.rows, np.isfinite(found.loss.value)) == (390, True)


def test_since_training_counts_only_where_the_newest_cohort_shows_the_same() -> None:
    leeway = {"expected": 1.0, "leeway": 0.1}
    unsure, surely = Bounded(1.2, 0.9, 1.5, **leeway), Bounded(1.15, 1.05, 1.25, **leeway)
    fine, bias = Bounded(1.05, 0.9, 1.2, **leeway), Bounded(0.0, -0.1, 0.1, 0.0, 0.25)

    def seen(now: Bounded, lasting: Bounded) -> Performance:
        return Performance(DAY, DAY, 90, now, bias, Sustained(900, lasting, bias))

    assert seen(unsure, surely).past_leeway
    assert not seen(unsure, unsure).past_leeway
    assert not seen(fine, surely).past_leeway


@pytest.mark.parametrize(
    ("error", "bias", "hurts"),
    [
        ((0.5, 0.4, 0.6), (0.0, -0.1, 0.1), False),  # an error that falls
        ((1.0, 0.9, 1.1), (-0.1, -0.2, 0.0), False),  # a bias that was -0.5 and is nearer to zero
        ((1.0, 0.9, 1.1), (-0.9, -1.0, -0.8), True),
        ((1.0, 0.9, 1.1), (0.9, 0.8, 1.0), True),  # as far away on the other side
        ((1.0, 0.9, 1.1), (0.6, 0.5, 0.7), False),  # on the other side, hardly further from zero
    ],
)
def test_harm_is_one_sided(error: tuple[float, float, float], bias: tuple[float, float, float], *, hurts: bool) -> None:
    seen = Performance(DAY, DAY, 90, Bounded(*error, 1.0, 0.1), Bounded(*bias, -0.5, 0.25))
    assert seen.past_leeway is hurts
    assert seen.within_leeway is not hurts


def resembling(correlation: float, days: int, seed: int = 0) -> DaySums:
    """Days of 200 rows, with effects of a third of the deviation of a row."""
    rng = np.random.default_rng(seed)
    effects = [0.3 * rng.normal()]
    for _ in range(days - 1):
        effects.append(correlation * effects[-1] + 0.3 * (1 - correlation**2) ** 0.5 * rng.normal())
    means = np.array(effects) + rng.normal(size=days) / 200**0.5
    return DaySums(np.arange(days), np.full(days, 200.0), 200 * means, 200 * (1 + means**2))


def test_a_bias_has_its_own_unit_and_days_that_resemble_each_other_widen_its_interval() -> None:
    rows = answers(400, 0.5)
    found = []
    for correlation in (0.0, 0.8):
        days = DayEvidence(resembling(correlation, 112), resembling(correlation, 112))
        promise = Promise("mean_absolute_error", 1.0, days.promised.mean, 22_400, (), PromiseEvidence(days, days, 2.0))
        seen = performance(rows, promise, Monitoring(), 365)
        assert seen is not None
        assert seen.bias.leeway == 0.25 * 2.0
        found.append(seen.bias.high - seen.bias.low)
    assert found[1] > 1.5 * found[0]


def wide(loss: float, days: range, jump_on: int = 10**6, jump: float = 0.0) -> DaySums:
    """Days of 200 rows with mean losses in turn a little above and below a number, and a jump on one day."""
    number = np.array(days)
    means = loss + 0.02 * (-1.0) ** number + jump * (number >= jump_on)
    return DaySums(number, np.full(len(number), 200.0), 200 * means, 200 * (0.36 + means**2))


@pytest.mark.parametrize(
    ("realised", "promised"),
    [
        (wide(1.0, range(112, 170)), 1.0),  # as promised: the first cohort and the older days count together
        (wide(2.0, range(112, 170)), 2.0),  # another: the first cohort counts alone
        (wide(1.0, range(112, 167)), None),  # 55 days: no newer cohort of 28 days yet
        (wide(1.0, range(112, 170), jump_on=126, jump=2.0), None),  # a change within the first cohort
    ],
)
def test_the_first_cohort_takes_the_place_of_the_provisional_promise(realised: DaySums, promised: float | None) -> None:
    provisional = DayEvidence(wide(1.0, range(112)), wide(1.0, range(112)))
    found = own_promise(provisional, realised, cohort_days=28)
    if promised is None:
        assert found is None
    else:
        assert found is not None
        assert found.held_from == 112 + 28
        assert found.evidence.promised.mean == pytest.approx(promised, abs=0.01)
        assert len(found.evidence.promised.days) == (140 if promised == 1.0 else 28)


def test_a_regime_begins_where_the_error_has_left_the_promise_that_counts() -> None:
    # Cross-fitting promised 1; the first cohort of 28 days shows 2, and the last ten of 80 days 3. Against 1, all days
    # have more to explain (2.125 - 1 of each row) than the last ten alone; against 2, which counts, they have less.
    days = np.repeat(np.arange(80), 20)
    sign = np.where(np.arange(len(days)) % 2, 1.0, -1.0)
    size = np.where(days >= 70, 3.0, 2.0)
    error = sign * (size + 0.1 * np.where(np.arange(len(days)) // 2 % 2, 1.0, -1.0))
    dates = [DAY + timedelta(days=int(number)) for number in days]
    since = pd.DataFrame({"event_date": dates, "prediction": 10 - error, "label": 10.0})
    history = DaySums(np.arange(-112, 0), np.full(112, 20.0), np.full(112, 20.0), np.full(112, 20.2))
    flat = DaySums(np.arange(-112, 0), np.full(112, 20.0), np.zeros(112), np.full(112, 20.2))
    evidence = PromiseEvidence(DayEvidence(history, history), DayEvidence(flat, flat), 1.0)
    promise = Promise("mean_absolute_error", 1.0, 0.0, 2_240, (), evidence)
    found = performance(since[since["event_date"] >= DAY + timedelta(days=52)], promise, Monitoring(), 365, since=since)
    assert found is not None
    assert found.loss.expected == pytest.approx(2.0)
    assert (found.regime_days, found.regime_rows) == (10, 200)


def test_a_rise_of_the_error_that_a_bias_within_its_chance_explains_is_chance() -> None:
    quiet, changed = World(0.9), World(0.9, change=2.0)
    for life in (30, 161):  # their days are biased for weeks, as days that resemble each other are by chance
        assert first_alarm(quiet, np.random.default_rng([1, life])) is None
        assert first_alarm(changed, np.random.default_rng([1, life])) is not None


def test_a_rare_class_that_comes_as_often_as_is_said_is_no_change_and_one_that_is_said_too_often_is() -> None:
    for world in (RareClass(120), RareClass(120, deviation=0.3, correlation=0.8), RareClass(20)):
        assert first_alarm(world, np.random.default_rng([1, 0])) is None
        found = first_alarm(replace(world, change=5.0), np.random.default_rng([2, 0]))
        assert found is not None
        assert ONSET < found <= ONSET + 28


def test_a_cohort_is_the_newest_labelled_days() -> None:
    rows = answers(280, 0.0)
    until = DAY + timedelta(days=20)
    found = newest_cohort(rows[rows["event_date"] <= until], until=until, days=7)
    assert sorted(set(found["event_date"])) == [DAY + timedelta(days=day) for day in range(14, 21)]
    assert newest_cohort(rows, until=max(rows["event_date"]) + timedelta(days=14), days=7).empty  # too long ago


def test_a_window_is_never_made_of_rows_the_champion_learned_from() -> None:
    counts = [(DAY + timedelta(days=day), 10) for day in range(10)]
    window = newest_window(counts, days=7, min_rows=20, after=DAY + timedelta(days=6))
    assert window is not None
    assert (window.start, window.rows) == (DAY + timedelta(days=7), 30)


def test_a_thin_week_is_merged_with_the_days_before() -> None:
    counts = [(DAY + timedelta(days=day), 2) for day in range(30)]
    window = newest_window(counts, days=7, min_rows=50, after=DAY - timedelta(days=1))
    assert window is not None
    assert (window.days, window.rows) == (25, 50)


def test_steps_stay_as_they_are_while_newer_days_come() -> None:
    counts = [(DAY + timedelta(days=day), 20) for day in range(30)]
    whole = steps(counts, days=7, min_rows=50, after=DAY - timedelta(days=1))
    assert [one.days for one in whole] == [7, 7, 7, 7]
    assert whole[:2] == steps(counts[:15], days=7, min_rows=50, after=DAY - timedelta(days=1))
    thin = [(day, 3) for day, _ in counts]
    assert [(one.days, one.rows) for one in steps(thin, days=7, min_rows=50, after=DAY - timedelta(days=1))] == [
        (17, 51)
    ]


def test_what_was_served_is_compared_with_another_version_on_the_same_rows_only() -> None:
    served = pd.DataFrame(
        {"row_id": ["a", "b"], "event_date": [DAY, DAY], "version": 2, "role": "champion", "prediction": [9.0, 9.0]}
    )
    other = pd.DataFrame({"row_id": ["a"], "event_date": [DAY], "version": 1, "role": "shadow", "prediction": [5.0]})
    labels = pd.DataFrame({"row_id": ["a", "b"], "label": [10.0, 10.0]})
    scope = Scope(owner="o", objective="x", metric="mean_absolute_error")
    found = contrast(pd.concat([served, other]), labels, scope=scope, version=1, days=7)
    assert found is not None
    assert (found.rows, found.served_loss, found.other_loss) == (1, 1.0, 5.0)
    assert found.less_error == pytest.approx(0.8)
    assert np.isnan(found.served_cost)


def test_versions_that_know_other_classes_are_compared_by_their_names() -> None:
    """The older one cannot be right about c: 0.36 + 0.16 + 1. The newer one is, with 0.8: 0.01 + 0.01 + 0.04."""
    both = pd.DataFrame({"row_id": "a", "event_date": DAY, "version": [2, 1], "role": ["champion", "shadow"]})
    both["probabilities"] = [[0.1, 0.1, 0.8], [0.6, 0.4]]
    labels, scope = (
        pd.DataFrame({"row_id": ["a"], "label": ["c"]}),
        Scope(owner="o", objective="x", metric="brier_score"),
    )
    found = contrast(both, labels, scope=scope, version=1, days=7, classes={1: ("a", "b"), 2: ("a", "b", "c")})
    assert found is not None
    assert (found.served_loss, found.other_loss) == pytest.approx((0.06, 1.52))


def test_wrong_decisions_are_compared_by_their_cost_where_the_spec_has_one() -> None:
    both = pd.DataFrame({"row_id": ["a", "b"] * 2, "event_date": DAY, "version": [2, 2, 1, 1], "prediction": 0.5})
    both["role"], both["decision"] = ["champion"] * 2 + ["shadow"] * 2, [0, 0, 1, 1]
    labels = pd.DataFrame({"row_id": ["a", "b"], "label": [1.0, 0.0]})
    scope = Scope(owner="o", objective="x", metric="log_loss", false_positive_cost=15, false_negative_cost=150)
    found = contrast(both, labels, scope=scope, version=1, days=7)
    assert found is not None
    assert (found.served_cost, found.other_cost) == (150, 15)  # a miss, and a false alarm


def test_labels_of_a_class_that_the_champion_does_not_know_are_counted_by_name() -> None:
    rows = answers(300, 0.0).drop(columns="prediction")
    labels, alike = ["city"] * 189 + ["sport"] * 100 + ["cargo"] * 11, pd.Series([[0.6, 0.4]] * 300)
    rows = rows.assign(label=labels, probabilities=alike)
    found = performance(rows, Promise("error_rate", 0.3, 0.0, 1000, ("city", "sport")), Monitoring(), 52)
    assert found is not None
    assert found.unknown_classes == (UnknownClass("cargo", 11),)
    assert found.loss.value == pytest.approx(111 / 300)  # one cannot be right about them
