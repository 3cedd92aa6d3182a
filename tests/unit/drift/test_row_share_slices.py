"""Local slices: one category or range that moves alone is named, and what moves as a whole is not called local."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, Reference, build_reference, from_bytes, to_bytes
from tasks.profiles import fit_ruler, profile
from tasks.records import DriftStatistic
from tests.unit.drift.comparing import compare

POLICY, START = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365), date(2026, 1, 5)
PLANS, SHARES = ["basic", "pro", "team", "trial"], [0.4, 0.3, 0.2, 0.1]


def night(seed: int, rows: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "area": rng.normal(100, 20, rows),
            "plan": rng.choice(PLANS, rows, p=SHARES),
            "new": rng.random(rows) < 0.5,
        }
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    frames = [night(seed) for seed in range(28)]
    ruler = fit_ruler(pd.concat(frames), numbers=["area"], categories=["plan"], booleans=["new"])
    days = [(START + timedelta(days=n)).isoformat() for n in range(28)]
    return build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, frames, strict=True)])


def slices(reference: Reference, change: Callable[[pd.DataFrame], pd.DataFrame]) -> list[DriftStatistic]:
    changed = change(night(99))
    found = compare(reference, profile(changed, reference.total.ruler), POLICY, START + timedelta(days=30))
    return [one for one in found.moved if one.where]


def test_a_quiet_night_has_no_slice_that_moved(reference: Reference) -> None:
    assert slices(reference, lambda frame: frame) == []


def test_a_category_that_grows_while_the_others_keep_their_proportions_is_named(reference: Reference) -> None:
    rng = np.random.default_rng(5)

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(plan=rng.choice(PLANS, len(frame), p=[0.3, 0.475, 0.15, 0.075]))

    (found,) = slices(reference, change)
    assert (found.column, found.statistic, found.where, found.direction) == ("plan", "slice", "plan is 'pro'", 1)
    assert found.strain > 1
    assert found.distance == pytest.approx(0.175, abs=0.05)


def test_a_range_that_grows_while_the_rest_keeps_its_shape_is_named_by_its_limits(reference: Reference) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        highest = frame[frame["area"] > 100 + 1.2816 * 20]  # the tenth decile of a normal
        return pd.concat([frame, highest, highest], ignore_index=True)

    (found,) = slices(reference, change)
    assert (found.column, found.where.split()[:2], found.direction) == ("area", ["area", "from"], 1)
    assert float(found.where.split()[-1]) == pytest.approx(125.6, abs=2)


def test_a_column_that_moves_as_a_whole_is_not_local(reference: Reference) -> None:
    assert slices(reference, lambda frame: frame.assign(area=frame["area"] + 12)) == []
    other_way = dict(zip(PLANS, reversed(PLANS), strict=True))
    assert slices(reference, lambda frame: frame.assign(plan=frame["plan"].map(other_way))) == []


def test_one_of_two_values_is_half_of_the_rows_and_no_slice(reference: Reference) -> None:
    assert slices(reference, lambda frame: frame.assign(new=np.arange(len(frame)) % 5 > 0)) == []


def test_a_reference_judges_the_same_after_it_was_stored(reference: Reference) -> None:
    frame = night(99).assign(area=112.0)
    again = from_bytes(to_bytes(reference))  # its columns are in another order: area, new, plan
    before, after = (
        compare(each, profile(frame, reference.total.ruler), POLICY, START + timedelta(days=30))
        for each in (reference, again)
    )
    assert before.moved == after.moved
