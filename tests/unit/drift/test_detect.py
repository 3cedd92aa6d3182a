"""Corrupt or drifted: each way in which a source breaks is recognised, and a population that moves is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import (
    Leeway,
    Reference,
    Suspicion,
    build_reference,
    cannot_be_scored,
    find_suspicions,
    truncated_delivery,
)
from tasks.drift.faults.broken_categories import renamed_category
from tasks.drift.faults.detect import Hints
from tasks.drift.faults.unit_change import find_unit_change
from tasks.drift.faults.volume import RepeatedRows
from tasks.profiles import CategoryProfile, NumberProfile, Ruler, fit_ruler, profile
from tests.unit.drift.comparing import compare

NUMBERS, CATEGORIES = ["area", "price", "degrees", "age"], ["plan", "city"]
POLICY = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365)
START = date(2026, 1, 5)


def night(seed: int, rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "area": rng.lognormal(4, 0.5, rows),
            "price": rng.gamma(3, 200, rows),
            "degrees": rng.normal(12, 8, rows),
            "age": rng.uniform(18, 80, rows),
            "plan": rng.choice(["basic", "pro", "team"], rows, p=[0.5, 0.3, 0.2]),
            "city": rng.choice([f"town {n}" for n in range(8)], rows),
        }
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    frames = [night(seed) for seed in range(28)]
    ruler = fit_ruler(pd.concat(frames), numbers=NUMBERS, categories=CATEGORIES, booleans=[])
    days = [(START + timedelta(days=n)).isoformat() for n in range(28)]
    return build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, frames, strict=True)])


def found(reference: Reference, frame: pd.DataFrame, hints: Hints | None = None) -> tuple[Suspicion, ...]:
    summary = profile(frame, reference.total.ruler)
    return find_suspicions(reference, summary, compare(reference, summary, POLICY).moved, POLICY.effect, hints)


def scaled(frame: pd.DataFrame) -> None:
    frame["area"] *= 1000


def partly_scaled(frame: pd.DataFrame) -> None:
    frame.loc[::20, "price"] *= 100


def inches(frame: pd.DataFrame) -> None:
    frame["area"] /= 0.3048**2


def fahrenheit(frame: pd.DataFrame) -> None:
    frame["degrees"] = 1.8 * frame["degrees"] + 32


def nulls(frame: pd.DataFrame) -> None:
    frame.loc[::3, "age"] = np.nan


def empty(frame: pd.DataFrame) -> None:
    frame["age"] = np.nan


def stuck(frame: pd.DataFrame) -> None:
    frame["degrees"] = 12.5


def default_value(frame: pd.DataFrame) -> None:
    frame.loc[::4, "age"] = 40.0


def renamed(frame: pd.DataFrame) -> None:
    frame["plan"] = frame["plan"].replace("basic", "BASIC")


def missing(frame: pd.DataFrame) -> None:
    others = frame["plan"][frame["plan"] != "pro"].sample(len(frame), replace=True, random_state=1)
    frame["plan"] = others.to_numpy()


def swapped(frame: pd.DataFrame) -> None:
    frame[["area", "price"]] = frame[["price", "area"]].to_numpy()


def wild(frame: pd.DataFrame) -> None:
    frame.loc[::10, "degrees"] = -4000 + 17.3 * np.arange(len(frame.loc[::10])) % 700


@pytest.mark.parametrize(
    ("change", "kind", "columns"),
    [
        (scaled, "unit_change", ("area",)),
        (partly_scaled, "unit_change", ("price",)),
        (inches, "unit_change", ("area",)),
        (fahrenheit, "unit_change", ("degrees",)),
        (nulls, "null_burst", ("age",)),
        (empty, "empty_column", ("age",)),
        (stuck, "stuck", ("degrees",)),
        (default_value, "stuck", ("age",)),
        (renamed, "renamed_category", ("plan",)),
        (missing, "missing_slice", ("plan",)),
        (swapped, "swapped_columns", ("area", "price")),
        (wild, "unclear", ("degrees",)),
    ],
)
def test_a_broken_source_is_recognised_and_its_column_named(
    reference: Reference, change: Callable[[pd.DataFrame], None], kind: str, columns: tuple[str, ...]
) -> None:
    frame = night(99)
    change(frame)
    seen = found(reference, frame)
    assert [(one.kind, one.columns) for one in seen] == [(kind, columns)], seen
    assert seen[0].evidence


def test_a_delivery_of_which_most_rows_have_a_renamed_category_is_not_scored(reference: Reference) -> None:
    frame = night(99)
    frame["city"] = frame["city"].str.upper()  # each of eight has an eighth of the rows
    (seen,) = found(reference, frame)
    assert (seen.kind, seen.columns) == ("renamed_category", ("city",))
    assert seen.numbers["share"] == pytest.approx(1)
    assert cannot_be_scored(seen)


def test_a_column_of_many_categories_that_are_all_renamed_is_not_scored() -> None:
    def shops(seed: int, prefix: str) -> CategoryProfile:
        names = np.char.add(prefix, np.random.default_rng(seed).integers(0, 300, 200 if seed else 20_000).astype(str))
        made = profile(pd.DataFrame({"shop": names}), Ruler(numbers={}, categories=("shop",))).columns["shop"]
        assert isinstance(made, CategoryProfile)
        return made

    known, new = shops(0, "s"), shops(1, "shop ")
    assert renamed_category("shop", known, shops(1, "s")) is None
    seen = renamed_category("shop", known, new)
    assert seen is not None
    assert cannot_be_scored(seen)
    one_shop = replace(new, counts={"shop 7": new.present})  # a delivery of a shop that opened
    assert renamed_category("shop", known, one_shop) is None


def test_the_factor_of_a_unit_is_named(reference: Reference) -> None:
    frame = night(99)
    inches(frame)
    assert "square metre, square foot" in found(reference, frame)[0].evidence


def test_a_unit_of_values_of_which_many_are_zero_is_one_of_all_rows() -> None:
    def basements(rows: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        return pd.DataFrame({"area": np.where(rng.random(rows) < 0.6, 0.0, np.round(rng.lognormal(6, 0.5, rows)))})

    ruler = fit_ruler(basements(3_000, 0), numbers=["area"], categories=[], booleans=[])
    before, now = (profile(frame, ruler).columns["area"] for frame in (basements(3_000, 0), 1_000 * basements(250, 1)))
    assert isinstance(before, NumberProfile)
    assert isinstance(now, NumberProfile)
    change = find_unit_change(before, now)
    assert change is not None
    assert change.share == 1


def test_repeated_rows_are_detected_by_their_share(reference: Reference) -> None:
    frame = night(99).iloc[np.arange(400) % 80].reset_index(drop=True)
    assert [one.kind for one in found(reference, frame, Hints(RepeatedRows(0.8, 400)))] == ["duplicated_rows"]
    assert found(reference, night(98), Hints(RepeatedRows(0.3, 400), repeated_before=0.28)) == ()


def test_few_repeated_rows_hide_no_fault_of_nearly_all_rows(reference: Reference) -> None:
    frame = night(99).assign(area=lambda rows: rows["area"] * 1000)
    few = Hints(RepeatedRows(0.05, 400))
    assert [one.kind for one in found(reference, frame, few)] == ["duplicated_rows", "unit_change"]
    assert [one.kind for one in found(reference, night(99), few)] == ["duplicated_rows"]


@pytest.mark.parametrize("seed", range(5))
def test_a_population_that_moves_is_not_corrupt(reference: Reference, seed: int) -> None:
    frame = night(100 + seed, 4000)
    weights = np.exp(0.02 * frame["age"] + 0.3 * np.log(frame["area"]) + 0.5 * (frame["plan"] == "pro"))
    frame = frame.sample(400, weights=weights, random_state=seed)
    summary = profile(frame, reference.total.ruler)
    moved = compare(reference, summary, POLICY).moved
    assert moved[0].strain > 1
    assert find_suspicions(reference, summary, moved, POLICY.effect) == ()


def test_a_delivery_cut_off_is_far_below_what_is_usual() -> None:
    usual = [400, 420, 380, 410, 390, 405]
    assert truncated_delivery(390, usual, 0.001) is None
    assert truncated_delivery(150, usual, 0.001) is not None
    assert truncated_delivery(150, usual[:4], 0.001) is None  # too few to know what is usual
    assert truncated_delivery(250, [100, 900, 400, 50, 700, 300], 0.001) is None


def test_a_unit_of_all_rows_is_a_fault_of_its_own_next_to_a_category_never_met_in_some(reference: Reference) -> None:
    near, far, turned = (night(99).assign(area=night(99)["area"] * by) for by in (1.609344, 1000.0, -1.0))
    assert ("unit_change", ("area",)) in kinds_of(found(reference, near))
    both = [("unclear", ("plan",)), ("unit_change", ("area",))]
    for frame in (near, far, turned):
        frame.loc[::3, "plan"] = "new"
        assert sorted(kinds_of(found(reference, frame))) == both


def kinds_of(suspicions: tuple[Suspicion, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.kind, one.columns) for one in suspicions]


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        (lambda values: values * 1.609344, 1.609344),
        (lambda values: values / 2.54, 1 / 2.54),
        (lambda values: 15 + (values - 15) * 1.609344, None),  # the spread grew and the mean stayed
        (lambda values: values + 9, None),
    ],
)
def test_a_few_negative_values_hide_no_unit_and_a_wider_spread_is_none(
    change: Callable[[np.ndarray], np.ndarray], factor: float | None
) -> None:
    known, new = 15 + 8 * np.random.default_rng(5).normal(size=(2, 4000))
    ruler = fit_ruler(pd.DataFrame({"temp": known}), numbers=["temp"], categories=[], booleans=[])
    before, now = (profile(pd.DataFrame({"temp": each}), ruler) for each in (known, change(new[:400])))
    old, then = before.columns["temp"], now.columns["temp"]
    assert isinstance(old, NumberProfile)
    assert isinstance(then, NumberProfile)
    found = find_unit_change(old, then, partly=False)
    assert (found.factor if found else None) == factor
