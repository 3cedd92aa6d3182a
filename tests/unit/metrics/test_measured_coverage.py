"""The share of labels inside their intervals, and when it is found to be too small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tasks.metrics import BoundedAnswers, SlicedAnswers, coverage_by_slice, measured_coverage
from tasks.records import IntervalCoverage, SliceCoverage

DAYS, EACH = 28, 30


def answered(inside: float, *, seed: int = 0, by_day: float = 0.0) -> BoundedAnswers:
    """Rows of 28 days with bounds of -1 and 1, and a label inside with a chance that may differ between days."""
    rng, count = np.random.default_rng(seed), DAYS * EACH
    days = np.repeat(np.arange(DAYS), EACH)
    chance = np.clip(inside + by_day * rng.normal(size=DAYS), 0, 1)[days]
    truth = np.where(rng.random(count) < chance, 0.5, 2.0)
    return BoundedAnswers(truth, np.full(count, -1.0), np.full(count, 1.0), days)


def found(rows: BoundedAnswers, alpha: float = 0.01) -> IntervalCoverage:
    measured = measured_coverage(rows, 0.9, leeway=0.05, confidence=0.95, alpha=alpha)
    assert measured is not None
    return measured


def test_too_few_labels_inside_are_found_and_enough_are_not() -> None:
    low, right = found(answered(0.7)), found(answered(0.9))
    assert (low.is_past_leeway, right.is_past_leeway) == (True, False)
    assert low.low is not None
    assert low.high is not None
    assert low.low < 0.7 < low.high < 0.85
    assert not found(answered(0.98)).is_past_leeway  # too many inside are no harm


def test_coverage_at_its_leeway_is_rarely_found_past_it_though_rows_of_a_day_resemble_each_other() -> None:
    rate = np.mean([found(answered(0.85, seed=seed, by_day=0.08), alpha=0.05).is_past_leeway for seed in range(150)])
    assert rate < 0.1


def test_rows_without_a_label_or_an_interval_do_not_count_and_weights_do() -> None:
    rows = answered(0.8)
    gaps = replace(rows, truth=np.where(np.arange(len(rows.truth)) % 2, rows.truth, np.nan))
    assert found(gaps).rows == len(rows.truth) // 2
    heavy = replace(rows, weights=np.where(rows.truth < 1, 3.0, 1.0))
    share = (rows.truth < 1).mean()
    assert found(heavy).value == pytest.approx(3 * share / (3 * share + 1 - share))
    none = replace(rows, lower=np.full(len(rows.truth), np.nan))
    assert measured_coverage(none, 0.9, leeway=0.05, confidence=0.95, alpha=0.01) is None


def by_slice(rows: BoundedAnswers, names: np.ndarray, alpha: float = 0.01) -> dict[str, SliceCoverage]:
    sliced = SlicedAnswers(rows, pd.DataFrame({"town": names}), fewest=5)
    measured = coverage_by_slice(sliced, 0.9, leeway=0.05, confidence=0.95, alpha=alpha)
    return {one.where: one for one in measured}


def test_a_slice_with_too_few_labels_inside_is_found_though_all_rows_together_are_right() -> None:
    rows, names = answered(0.93), np.tile(["a", "b", "c", "d", "e", "f"], DAYS * EACH // 6)
    low = replace(rows, truth=np.where((names == "b") & (np.arange(len(names)) % 4 < 2), 2.0, rows.truth))
    assert not found(low).is_past_leeway
    slices = by_slice(low, names)
    assert [where for where, one in slices.items() if one.coverage.is_past_leeway] == ["b"]
    assert slices["a"].coverage.rows == DAYS * EACH // 6


def test_of_many_slices_at_their_leeway_one_is_rarely_found_past_it() -> None:
    names = np.tile(np.arange(15).astype(str), DAYS * EACH // 15)
    nights = [answered(0.85, seed=seed) for seed in range(40)]

    def rate(alpha: float) -> float:
        found = [by_slice(rows, names, alpha).values() for rows in nights]
        return float(np.mean([any(one.coverage.is_past_leeway for one in slices) for slices in found]))

    rates = {alpha: rate(alpha) for alpha in (0.05, 15 * 0.05)}
    assert rates[0.05] <= 0.1
    assert rates[15 * 0.05] > rates[0.05]  # each slice at 5 %, as without the correction


def test_slices_with_few_rows_are_not_named_and_those_of_few_days_not_tested() -> None:
    rows = answered(0.1)
    names = np.where(rows.days < 9, "short", "long").astype(object)
    names[:3], names[-1] = "rare", None
    slices = by_slice(rows, names)
    assert set(slices) == {"short", "long"}
    assert (slices["short"].coverage.is_past_leeway, slices["long"].coverage.is_past_leeway) == (False, True)
