"""An error past its leeway: broken rows or labels are asked about, a change of the world is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, build_reference
from tasks.monitor import DriftMonitor
from tasks.monitor.drift_monitor import InputDrift
from tasks.monitor.harm_checks.converted_part import converted_part
from tasks.monitor.harm_checks.harm_suspicions import KnownSince, harm_suspicions
from tasks.monitor.harm_checks.label_faults import LabelLook, label_fault, labels_back
from tasks.monitor.harm_checks.sudden_columns import sudden_move
from tasks.profiles import fit_ruler, profile, sum_profiles
from tasks.records import Bounded, DriftStatistic, Performance, Statistic, Suspicion, SuspicionState

START, ROWS, COLUMNS = date(2026, 1, 5), 200, ["temp", "lat", "dist"]
BOUGHT = LabelLook("bought", "brier_score", fewest=50, alpha=1e-4)
PRICE = LabelLook("price", "mean_absolute_error", fewest=50, alpha=1e-4)
BEFORE, ONSET, NIGHTS = 40, 20, 35  # days of the reference; of the change and of the newest rows, since the training
Change = Callable[[pd.DataFrame], pd.DataFrame]


def day(number: int) -> date:
    return START + timedelta(days=number)


def drawn(number: int) -> pd.DataFrame:
    rng = np.random.default_rng([5, number])
    values = {"temp": rng.normal(size=ROWS), "lat": rng.normal(size=ROWS), "dist": np.exp(rng.normal(size=ROWS) / 2)}
    return pd.DataFrame({**values, "noise": rng.normal(size=ROWS)})


def answered(rows: pd.DataFrame) -> pd.Series:
    return 20 + rows["temp"] + rows["lat"] + rows["dist"]


def labelled(number: int, happens: Change, breaks: Change, nights: int = 7) -> pd.DataFrame:
    """Return a day: what happens moves rows and labels, what breaks moves only what is delivered, on some nights."""
    late = ONSET <= number - BEFORE < ONSET + nights
    true = happens(drawn(number)) if late else drawn(number)
    delivered = breaks(true) if late else true
    labels, answers = answered(true) + true["noise"], answered(delivered)
    return delivered.assign(label=labels, prediction=answers, event_date=day(number))


def nothing(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


@pytest.fixture(scope="module")
def monitor() -> DriftMonitor:
    days = [drawn(number) for number in range(BEFORE)]
    ruler = fit_ruler(pd.concat(days), numbers=COLUMNS, categories=[], booleans=[])
    reference = build_reference([(str(day(number)), profile(rows, ruler)) for number, rows in enumerate(days)])
    return DriftMonitor(reference, Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365), 7)


def past_leeway(regime_days: int = 7, *, end: int = ONSET + 6) -> Performance:
    """Return an error past its leeway, of the cohort of seven days."""
    far = Bounded(2.0, 1.9, 2.1, expected=1.0, leeway=0.1)
    last = day(BEFORE + end)
    biased = replace(far, expected=0.0)
    return Performance(last - timedelta(days=6), last, 7 * ROWS, far, biased, regime_days=regime_days)


def asked(monitor: DriftMonitor, *, happens: Change = nothing, breaks: Change = nothing) -> list[Suspicion]:
    """Return what is asked two weeks after the first of seven such days: the newest window has none of them."""
    days = [labelled(BEFORE + number, happens, breaks) for number in range(NIGHTS)]
    ruler = monitor.reference.total.ruler
    accepted = {day(BEFORE + number): profile(rows, ruler) for number, rows in enumerate(days)}
    known = KnownSince(accepted, pd.concat(days[: ONSET + 7], ignore_index=True))
    return list(harm_suspicions(monitor, InputDrift(()), known, past_leeway(), PRICE))


def test_a_fault_of_few_days_is_not_diluted_by_a_cohort_of_weeks(monitor: DriftMonitor) -> None:
    days = [labelled(BEFORE + number, nothing, offset(temp=0.4), nights=4) for number in range(NIGHTS)]
    accepted = {day(BEFORE + n): profile(rows, monitor.reference.total.ruler) for n, rows in enumerate(days)}
    error = replace(past_leeway(7), start=day(BEFORE))
    known = KnownSince(accepted, pd.concat(days[: ONSET + 7], ignore_index=True))
    (found,) = harm_suspicions(monitor, InputDrift(()), known, error, PRICE)
    assert (found.kind, found.columns) == ("shock", ("temp",))
    assert found.since is not None
    assert day(BEFORE + ONSET - 3) <= found.since <= day(BEFORE + ONSET)  # weeks with all four days have the same mean


def some_in_miles(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(dist=np.where(np.arange(len(rows)) % 5 == 0, rows["dist"] * 1.609344, rows["dist"]))


def all_are_farther(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(dist=rows["dist"] * 1.1)


def part_seen(monitor: DriftMonitor, breaks: Change, *, nights: int = NIGHTS, first: int = 0) -> Suspicion | None:
    """Return what a night sees with an error past its leeway since ONSET; rows are known from `first` on."""
    days = {n: labelled(BEFORE + n, nothing, breaks, nights=nights) for n in range(first, NIGHTS)}
    accepted = {day(BEFORE + n): profile(rows, monitor.reference.total.ruler) for n, rows in days.items()}
    return converted_part(monitor, accepted, day(BEFORE + ONSET), day(BEFORE + ONSET + 6))


@pytest.mark.parametrize(
    ("nights", "first"),
    [(NIGHTS, 0), (7, 0), (NIGHTS, ONSET)],
    ids=["lasting", "mended before its labels came", "from the first day after a training"],
)
def test_a_part_in_another_unit_is_seen_once_the_error_rose(monitor: DriftMonitor, nights: int, first: int) -> None:
    found = part_seen(monitor, some_in_miles, nights=nights, first=first)
    assert found is not None
    assert (found.kind, found.columns, found.since) == ("unit_change", ("dist",), day(BEFORE + ONSET))
    assert 0.1 < float(found.numbers["share"]) < 0.3  # 0.2
    assert "of the values since 2026-03-06 are as if 1.609 x (mile, kilometre" in found.evidence


def moved_with_another(rows: pd.DataFrame) -> pd.DataFrame:
    return some_in_miles(rows).assign(lat=rows["lat"] + 1)


@pytest.mark.parametrize("breaks", [nothing, all_are_farther, moved_with_another])
def test_a_change_of_the_world_is_no_part_in_another_unit(monitor: DriftMonitor, breaks: Change) -> None:
    assert part_seen(monitor, breaks) is None


def test_new_values_that_only_the_newest_window_shows_are_no_column_within_the_known(monitor: DriftMonitor) -> None:
    def breaks(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(temp=rows["temp"] + 1)

    days = [labelled(BEFORE + number, breaks, nothing, nights=15) for number in range(NIGHTS)]
    accepted = {day(BEFORE + n): profile(rows, monitor.reference.total.ruler) for n, rows in enumerate(days)}
    known = KnownSince(accepted, pd.concat(days[: ONSET + 7], ignore_index=True))
    newest = DriftStatistic("temp", Statistic.OUTSIDE, 0.1, 0.05)
    level = DriftStatistic("temp", Statistic.LEVEL, 1.0, 0.1)
    asked_of = (
        harm_suspicions(monitor, InputDrift((level, *more)), known, past_leeway(), PRICE) for more in ((), (newest,))
    )
    assert [[one.columns for one in found] for found in asked_of] == [[("temp",)], []]


def offset(**by: float) -> Change:
    return lambda rows: rows.assign(**{name: rows[name] + shift for name, shift in by.items()})


def test_a_column_that_was_mended_before_its_labels_came_is_asked_about(monitor: DriftMonitor) -> None:
    (found,) = asked(monitor, breaks=offset(temp=1.0))
    assert (found.kind, found.columns, found.since) == ("shock", ("temp",), day(BEFORE + ONSET))


@pytest.mark.parametrize("by", [{"temp": 1.0, "lat": 1.0}, {"temp": 9.0}])
def test_columns_and_predictions_that_moved_without_the_labels_are_asked_about(
    monitor: DriftMonitor, by: dict[str, float]
) -> None:
    (found,) = asked(monitor, breaks=offset(**by))
    assert (found.kind, set(found.columns), found.since) == ("shock", set(by), day(BEFORE + ONSET))


@pytest.mark.parametrize("by", [{"temp": 1.0, "lat": 1.0}, {"temp": 9.0}])
def test_columns_that_moved_with_the_labels_are_drift(monitor: DriftMonitor, by: dict[str, float]) -> None:
    assert asked(monitor, happens=offset(**by)) == []
    assert asked(monitor, happens=offset(**by, noise=3.0)) == []  # and the relation changed


def test_an_error_without_a_moved_column_is_no_fault(monitor: DriftMonitor) -> None:
    assert asked(monitor, happens=offset(noise=2.0)) == []


def prices(change: Callable[[np.ndarray], np.ndarray], days: range) -> pd.DataFrame:
    """Return labels of thirty days, some of them changed."""
    parts = []
    for number in range(30):
        draws = np.random.default_rng([9, number])
        values = 20 + 5 * draws.normal(size=ROWS)
        labels, answers = change(values) if number in days else values, values + draws.normal(size=ROWS)
        parts.append(pd.DataFrame({"label": labels, "prediction": answers, "event_date": day(number)}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda values: values * 1.609344, "unit_change"),
        (lambda values: values * 1000, "unit_change"),
        (lambda values: np.where(np.arange(ROWS) % 10 < 3, values * 100, values), "unit_change"),
        (lambda values: values * 0, "stuck"),
        (lambda values: values + 100, "unclear"),
    ],
)
@pytest.mark.parametrize("days", [range(22, 30), range(23, 25)])
def test_a_label_that_looks_broken_is_asked_about(
    change: Callable[[np.ndarray], np.ndarray], kind: str, days: range
) -> None:
    found = label_fault(prices(change, days), PRICE, past_leeway(30 - days.start, end=29 - BEFORE))
    assert found is not None
    assert (found.kind, found.columns, found.since) == (kind, ("price",), day(days.start))


def test_a_label_that_moved_nearly_by_a_known_factor_is_drift_where_the_factor_does_not_explain_the_error() -> None:
    """Of skewed labels, few rows cannot tell 1.3 from 1.609; with their predictions they can."""
    parts = []
    for number in range(30):
        draws = np.random.default_rng([7, number])
        values = 20 * np.exp(0.6 * draws.normal(size=ROWS // 4))
        labels, answers = values * (1.3 if number >= 22 else 1.0), values * np.exp(0.05 * draws.normal(size=ROWS // 4))
        parts.append(pd.DataFrame({"label": labels, "prediction": answers, "event_date": day(number)}))
    rows, kinds = pd.concat(parts, ignore_index=True), []
    for factor in (1.3, 1.4, 1.609344):
        late = rows["event_date"] >= day(22)
        changed = rows.assign(label=rows["label"].where(~late, rows["label"] / 1.3 * factor))
        found = label_fault(changed, PRICE, past_leeway(8, end=29 - BEFORE))
        kinds.append(found.kind if found else None)
    assert kinds == [None, None, "unit_change"]


@pytest.mark.parametrize(
    "change", [lambda values: values * 1.15, lambda values: values + 10, lambda values: -values + 40]
)
def test_a_label_that_moved_is_drift(change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert label_fault(prices(change, range(22, 30)), PRICE, past_leeway(8, end=29 - BEFORE)) is None


def test_two_labels_beyond_the_range_of_those_before_are_chance() -> None:
    def change(values: np.ndarray) -> np.ndarray:
        return np.where(np.arange(ROWS) < 1, 45.0, values)

    assert label_fault(prices(change, range(24, 26)), PRICE, past_leeway(8, end=29 - BEFORE)) is None


def test_labels_of_one_class_are_asked_about_where_chance_does_not_explain_them() -> None:
    for share, kind in ((0.3, "stuck"), (0.001, None)):
        rng = np.random.default_rng(3)
        labels = [float(number < 25 and rng.random() < share) for number in range(30) for _ in range(ROWS)]
        rows = pd.DataFrame({"label": labels, "event_date": [day(n) for n in range(30) for _ in range(ROWS)]})
        rows = rows.assign(prediction=0.5)
        found = label_fault(rows, BOUGHT, past_leeway(5, end=29 - BEFORE))
        assert (found.kind if found else None) == kind


def test_a_project_with_privacy_is_shown_no_value_of_a_label() -> None:
    private = replace(PRICE, is_private=True)
    found = label_fault(prices(lambda values: values * 0 + 17, range(22, 30)), private, past_leeway(8, end=29 - BEFORE))
    assert found is not None
    assert (found.sentence, found.numbers) == ("stuck in price (labels are not as they were)", {"share": 1.0})


def test_two_classes_with_each_others_name_are_asked_about_and_a_turned_half_is_not() -> None:
    found = []
    for turned in (1.0, 0.5):
        rng = np.random.default_rng(4)
        chance, late = rng.random(30 * ROWS), np.arange(30 * ROWS) >= 25 * ROWS
        labels = (rng.random(len(chance)) < chance).astype(float)
        labels = np.where(late & (chance >= 1 - turned), 1 - labels, labels)
        days = [day(n) for n in range(30) for _ in range(ROWS)]
        rows = pd.DataFrame({"label": labels, "prediction": chance, "event_date": days})
        error = replace(past_leeway(5, end=29 - BEFORE), loss=Bounded(0.3, 0.29, 0.31, expected=1 / 6, leeway=0.02))
        found.append(label_fault(rows, BOUGHT, error))  # of calibrated answers it is 1 / 6
    assert [each.evidence.split(",")[0] if each else None for each in found] == [
        "with 0 and 1 exchanged the error is 0.1716",
        None,
    ]


def test_one_prediction_that_is_missing_hides_no_exchanged_classes() -> None:
    rows = classes(lambda _late, truth, _draws: 1 - truth, rows=100)
    late = rows.index[rows["event_date"] >= day(25)]
    assert label_fault(rows, BOUGHT, past_leeway(5, end=29 - BEFORE)) is not None
    rows.loc[late[0], "prediction"] = np.nan
    assert label_fault(rows, BOUGHT, past_leeway(5, end=29 - BEFORE)) is not None


def classes(change: Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray], *, rows: int) -> pd.DataFrame:
    """Return labels of thirty days, the last five changed; the model was wrong in a tenth of the rows."""
    draws = np.random.default_rng(11)
    late, truth = np.arange(30 * rows) >= 25 * rows, (draws.random(30 * rows) < 0.3).astype(float)
    answers = np.where(draws.random(len(truth)) < 0.1, 1 - truth, truth) * 0.8 + 0.1
    labels = np.where(late, change(late, truth, draws), truth)
    days = [day(number) for number in range(30) for _ in range(rows)]
    return pd.DataFrame({"label": labels, "prediction": answers, "event_date": days})


@pytest.mark.parametrize("rows", [3, 10])
def test_few_rows_a_day_of_a_changed_world_are_no_exchanged_classes_and_no_stuck_ones(rows: int) -> None:
    def confused(_late: np.ndarray, truth: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        return np.where(draws.random(len(truth)) < 0.4, 1 - truth, truth)

    def rare(_late: np.ndarray, _truth: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        return (draws.random(len(_truth)) < 0.15).astype(float)

    for change in (confused, rare):
        assert label_fault(classes(change, rows=rows), BOUGHT, past_leeway(5, end=29 - BEFORE)) is None


@pytest.mark.parametrize("factor", [0.5, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("rows", [10, 50])
def test_a_factor_that_all_days_refute_is_not_believed_of_one(factor: float, rows: int) -> None:
    draws = np.random.default_rng(13)
    values = 20 * np.exp(0.5 * draws.normal(size=30 * rows))
    days = np.repeat(np.arange(30), rows)
    labels = np.where(days >= 10, values * factor, values)
    answers = values * np.exp(0.2 * draws.normal(size=len(values)))
    data = {"label": labels, "prediction": answers, "event_date": [day(number) for number in days.tolist()]}
    error = replace(past_leeway(20, end=29 - BEFORE), bias=Bounded(1.0, 0.9, 1.1, expected=0.0, leeway=0.05))
    look = replace(PRICE, metric="mean_absolute_log_error")
    assert label_fault(pd.DataFrame(data), look, error) is None


def test_a_suspicion_of_the_label_ends_with_the_first_day_that_is_as_before() -> None:
    state = SuspicionState("unit_change", ("price",), day(20), day(29))
    other = SuspicionState("unit_change", ("area",), day(20), day(29))
    for last, ended in ((30, {}), (29, {state.name: day(28)})):
        rows = prices(lambda values: values * 1.609344, range(20, last))
        assert labels_back(rows, PRICE, [state, other]) == ended


def test_inputs_that_moved_with_the_shares_of_known_categories_are_a_change_though_the_labels_stayed() -> None:
    """Habits changed: more of the same trades, at other prices; of numbers alone a person is asked."""
    asked_of = {}
    for shares in ((0.5, 0.5), (0.1, 0.9)):
        days = []
        for number in range(BEFORE + ONSET + 7):
            late, draws = number >= BEFORE + ONSET, np.random.default_rng([15, number])
            rows = drawn(number).assign(trade=draws.choice(["food", "travel"], ROWS, p=shares if late else (0.5, 0.5)))
            truth = answered(rows) + rows["noise"]
            moved = offset(temp=1.0, lat=1.0)(rows) if late else rows
            days.append(moved.assign(label=truth, prediction=answered(moved), event_date=day(number)))
        ruler = fit_ruler(pd.concat(days[:BEFORE]), numbers=COLUMNS, categories=["trade"], booleans=[])
        reference = build_reference([(str(day(n)), profile(rows, ruler)) for n, rows in enumerate(days[:BEFORE])])
        monitor = DriftMonitor(reference, Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365), 7)
        accepted = {day(BEFORE + n): profile(rows, ruler) for n, rows in enumerate(days[BEFORE:])}
        known = KnownSince(accepted, pd.concat(days[BEFORE:], ignore_index=True))
        found = list(harm_suspicions(monitor, InputDrift(()), known, past_leeway(), PRICE))
        asked_of[shares] = [set(each.columns) for each in found]
    assert asked_of == {(0.5, 0.5): [{"temp", "lat"}], (0.1, 0.9): []}


def test_a_jump_after_days_without_rows_is_one_from_the_days_before_them(monitor: DriftMonitor) -> None:
    days = [labelled(BEFORE + number, nothing, offset(temp=1.0), nights=NIGHTS) for number in range(NIGHTS)]
    kept = [number for number in range(NIGHTS) if not ONSET - 9 <= number < ONSET]
    accepted = {day(BEFORE + n): profile(days[n], monitor.reference.total.ruler) for n in kept}
    window = sum_profiles([accepted[day(BEFORE + n)] for n in range(ONSET, NIGHTS)])
    found = sudden_move(monitor.reference, accepted, monitor.moved_in(day(BEFORE + ONSET), window))
    assert found is not None
    assert found.days == {"temp": day(BEFORE + ONSET)}
