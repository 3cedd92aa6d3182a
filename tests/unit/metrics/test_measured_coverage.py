"""The share of labels inside their intervals, and when it is found to be too small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.metrics import BoundedAnswers, measured_coverage
from tasks.records import IntervalCoverage

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
