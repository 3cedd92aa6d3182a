"""Creep: found when it adds up, not when one night is loud."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Cusum, Reference, creep, reference_of, signed_shift, standard_shift
from tasks.drift.cusum import threshold
from tasks.errors import DataError
from tasks.profiles import Axis, CategoryProfile, Ruler, TableProfile, profile

RULER = Ruler({"x": Axis(10.0, 2.0)})


def night(values: object) -> TableProfile:
    return profile(pd.DataFrame({"x": values}, dtype="float64"), RULER)


def wandering(wander: float, periods: int = 25, rows: int = 200, seed: int = 4) -> tuple[Reference, list[float]]:
    rng = np.random.default_rng(seed)

    def draw() -> TableProfile:
        return night(10 + 2 * (rng.normal(size=rows) + wander * rng.normal()))

    reference = reference_of([(f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}", draw()) for n in range(periods)])
    return reference, [standard_shift(reference, draw(), "x") for _ in range(200)]


@pytest.mark.parametrize(("h", "run_length"), [(4.0, 168.0), (5.0, 465.0)])
def test_the_threshold_agrees_with_the_tables(h: float, run_length: float) -> None:
    # Montgomery, Statistical Quality Control, table 9.3 (k = 1/2)
    assert threshold(run_length) == pytest.approx(h, abs=0.02)


def test_false_alarms_are_as_far_apart_as_was_asked() -> None:
    rng = np.random.default_rng(8)
    lengths = []
    for _ in range(300):
        chart, nights = Cusum(threshold(100)), 0
        while not chart.creeps:
            chart, nights = chart.after(float(rng.normal())), nights + 1
        lengths.append(nights)
    assert np.mean(lengths) == pytest.approx(100, rel=0.2)


def test_a_small_lasting_shift_is_found_either_way() -> None:
    rng = np.random.default_rng(9)
    quiet = rng.normal(size=60)
    assert not creep(quiet.tolist(), run_length_nights=5000)
    assert creep((quiet + 1).tolist(), run_length_nights=5000)
    assert creep((quiet - 1).tolist(), run_length_nights=5000)


def test_one_loud_night_is_no_creep() -> None:
    assert not creep([0.0] * 20 + [50.0], run_length_nights=1000)


def test_a_shift_that_went_away_is_forgotten() -> None:
    assert not creep([2.0] * 10 + [0.0] * 60, run_length_nights=1000)


def test_a_night_without_a_value_changes_nothing() -> None:
    chart = Cusum(threshold=5.0).after(2.0)
    assert chart.after(math.nan) == chart


def test_no_nights_do_not_creep() -> None:
    assert not creep([], run_length_nights=1000)


@pytest.mark.parametrize("run_length", [1.0, 0.0, math.inf, math.nan])
def test_a_run_length_that_is_none_is_refused(run_length: float) -> None:
    with pytest.raises(DataError, match="more than 1 was expected"):
        threshold(run_length)


def test_a_reference_without_periods_is_refused() -> None:
    with pytest.raises(DataError, match="0 reference periods"):
        creep([1.0], run_length_nights=100, reference_periods=0)


def test_the_shift_has_a_sign_and_is_in_standard_deviations() -> None:
    before, up, down = (night([value]).columns["x"] for value in (10.0, 11.0, 9.0))
    assert (signed_shift(before, up), signed_shift(before, down)) == (0.5, -0.5)


def test_a_night_without_values_has_not_shifted() -> None:
    assert signed_shift(night([10.0]).columns["x"], night([]).columns["x"]) == 0


def test_a_category_has_no_mean_to_shift() -> None:
    with pytest.raises(DataError, match="only numbers have a mean"):
        signed_shift(CategoryProfile.empty(), CategoryProfile.empty())


def test_columns_on_different_axes_are_not_compared() -> None:
    other = profile(pd.DataFrame({"x": [1.0]}), Ruler({"x": Axis()})).columns["x"]
    with pytest.raises(DataError, match="the bins differ"):
        signed_shift(night([1.0]).columns["x"], other)


@pytest.mark.parametrize("wander", [0.0, 0.3])
def test_quiet_nights_have_standard_shifts_whether_they_wander_or_not(wander: float) -> None:
    reference, shifts = wandering(wander)
    assert np.std(shifts) == pytest.approx(1.0, abs=0.25)
    assert not creep(shifts, run_length_nights=2000, reference_periods=len(reference.periods))


def test_a_column_that_never_varied_is_infinitely_far_once_it_moves() -> None:
    reference = reference_of([("2026-01-05", night([10.0] * 5)), ("2026-01-12", night([10.0] * 5))])
    assert standard_shift(reference, night([10.0]), "x") == 0
    assert standard_shift(reference, night([9.0]), "x") == -math.inf
    assert creep([-math.inf] * 5, run_length_nights=500)
