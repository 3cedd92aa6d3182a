"""Sampling noise: the limit is passed as seldom as it says, and is not much too high."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.drift.distances import null_share, total_variation, wasserstein
from tasks.drift.noise import (
    ManyCells,
    Noise,
    OneDirection,
    effective_rows,
    null_share_noise,
    total_variation_noise,
    wasserstein_noise,
)
from tasks.drift.yardstick import Statistic, yardstick
from tasks.profiles import Axis, CategoryProfile, ColumnProfile, Ruler, profile

DRAWS = 600
ALPHA = 0.02
RNG = np.random.default_rng(11)
SHAPES = {
    "normal": RNG.normal(size=50_000),
    "exponential": RNG.exponential(size=50_000),
    "log-normal": np.exp(RNG.normal(size=50_000)),
    "rare event": (RNG.random(50_000) < 0.02).astype(float),
}
SHARES = {
    "coin": [1, 1],
    "rare": [99, 1],
    "three": [7, 2, 1],
    "ten": [1] * 10,
    "zipf": [840 // i for i in range(1, 41)],
}


def number(values: object) -> ColumnProfile:
    return profile(pd.DataFrame({"x": values}), Ruler({"x": Axis()})).columns["x"]


def check(noise: Noise, distances: list[float], rows: float, slack: float) -> None:
    limit = noise.limit(rows, ALPHA)
    passed = float(np.mean(np.array(distances) > limit))
    assert passed <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / DRAWS)
    assert limit <= slack * np.quantile(distances, 1 - ALPHA) + 1 / rows
    assert noise.mean(rows) == pytest.approx(np.mean(distances), rel=0.15)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [60, 400])
def test_unchanged_numbers_stay_within_the_limit(shape: str, rows: int) -> None:
    values = SHAPES[shape]
    reference = number(values)
    rng = np.random.default_rng(1)
    distances = [wasserstein(reference, number(rng.choice(values, rows))) for _ in range(DRAWS)]
    noise = wasserstein_noise(reference)
    assert isinstance(noise, OneDirection)
    limit = noise.limit(rows, ALPHA)
    assert np.mean(np.array(distances) > limit) <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / DRAWS)
    assert limit <= 1.5 * np.quantile(distances, 1 - ALPHA)


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("rows", [60, 400])
def test_unchanged_categories_stay_within_the_limit(name: str, rows: int) -> None:
    counts = {f"k{i}": 1000 * n for i, n in enumerate(SHARES[name])}
    reference = CategoryProfile(sum(counts.values()), 0, counts)
    drawn = np.random.default_rng(2).multinomial(rows, np.array(SHARES[name]) / sum(SHARES[name]), size=DRAWS)
    windows = [CategoryProfile(rows, 0, {f"k{i}": int(n) for i, n in enumerate(draw) if n}) for draw in drawn]
    noise = total_variation_noise(reference)
    check(noise, [total_variation(reference, window) for window in windows], rows, 1.4)


def test_unchanged_nulls_stay_within_the_limit() -> None:
    reference = CategoryProfile(100_000, 5_000, {"a": 95_000})
    drawn = np.random.default_rng(3).binomial(300, 0.05, size=DRAWS)
    distances = [null_share(reference, CategoryProfile(300, int(n), {"a": 300 - int(n)})) for n in drawn]
    check(null_share_noise(reference), distances, 300, 1.4)


def test_categories_met_once_say_how_many_are_still_to_come() -> None:
    reference = CategoryProfile(100, 0, {"common": 80, **{f"rare{i}": 1 for i in range(20)}})
    noise = total_variation_noise(reference)
    assert isinstance(noise, ManyCells)
    assert noise.unseen == 0.2


@pytest.mark.parametrize("reference", [CategoryProfile.empty(), CategoryProfile(5, 0, {"a": 5})])
def test_a_column_that_does_not_vary_has_no_noise(reference: CategoryProfile) -> None:
    assert total_variation_noise(reference).limit(100, 0.001) == 0


def test_a_difference_of_two_samples_is_noisier_than_one() -> None:
    assert effective_rows(100, 100) == 50


def test_periods_that_only_differ_by_noise_have_no_swing() -> None:
    rng = np.random.default_rng(5)
    periods = [number(rng.normal(size=500)) for _ in range(20)]
    assert swing_of(periods) < 0.03


def test_periods_that_wander_have_the_swing_they_wander_by() -> None:
    rng = np.random.default_rng(5)
    wander = rng.normal(scale=0.3, size=20)
    periods = [number(rng.normal(size=500) + shift) for shift in wander]
    assert swing_of(periods) == pytest.approx(float(np.std(wander)), rel=0.15)


def test_one_period_has_no_swing_and_few_have_a_wide_one() -> None:
    rng = np.random.default_rng(6)
    periods = [number(rng.normal(size=500) + shift) for shift in (-0.3, 0.3, -0.3, 0.3, -0.3, 0.3, -0.3, 0.3)]
    total = sum(periods[1:], periods[0])
    statistic = Statistic("wasserstein", wasserstein, wasserstein_noise, lambda column: column.present)
    one = yardstick(statistic, total, [])
    assert one.swing == 0
    few = yardstick(statistic, total, pairs_of(periods[:3]))
    many = yardstick(statistic, total, pairs_of(periods))
    assert few.leeway(500, 0.001, 0.1) / few.swing > many.leeway(500, 0.001, 0.1) / many.swing > 3


def pairs_of(periods: list[ColumnProfile]) -> list[tuple[ColumnProfile, ColumnProfile]]:
    rests = [[other for other in periods if other is not period] for period in periods]
    return [(p, sum(rest[1:], rest[0])) for p, rest in zip(periods, rests, strict=True)]


def swing_of(periods: list[ColumnProfile]) -> float:
    total = sum(periods[1:], periods[0])
    statistic = Statistic("wasserstein", wasserstein, wasserstein_noise, lambda column: column.present)
    return yardstick(statistic, total, pairs_of(periods)).swing
