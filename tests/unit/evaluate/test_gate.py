"""What a challenger must prove."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.evaluate import ComparisonSet, Evidence, gate
from tasks.model import ModelSchema, OnnxModel, boosting_graph
from tasks.spec.project_spec import ProjectSpec

Changes = dict[str, Any]


def spec_of(**policy: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "flats",
            "scope": {"owner": "ann", "objective": "price flats", "metric": "mean_absolute_error"},
            "source": {"uri": "landing", "id": ["id"], "event_time": "day", "label": {"column": "price"}},
            "features": {"numbers": ["area"], "categories": ["zip"]},
            "gate": {"min_rows": 100, "slices": ["zip"], "max_latency_ms": 1000.0} | policy,
        }
    )


def model(a: float, b: float, trained_until: str = "2024-01-31") -> OnnxModel:
    """A model that answers a in zip "a" and b in zip "b"."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    codes = np.tile([0.0, 1.0], 40)
    inputs = np.column_stack([np.zeros(80), codes])
    trees = HistGradientBoostingRegressor(max_iter=1, learning_rate=1.0, categorical_features=[1])
    schema = ModelSchema(
        project="flats",
        task="regression",
        metric="mean_absolute_error",
        event_time="day",
        numbers=("area",),
        categories={"zip": ("a", "b")},
        trained_until=trained_until,
    )
    return OnnxModel(schema, boosting_graph(trees.fit(inputs, np.where(codes == 1, b, a))))


def holdout(rows: int = 280, truth: float = 100.0) -> pd.DataFrame:
    """Ten rows a day from 2024-02-01 on, half of them in each zip, noise of 1."""
    day = np.arange(rows) // 10
    noise = np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame(
        {
            "day": pd.Timestamp("2024-02-01") + pd.to_timedelta(day, unit="D"),
            "area": 50.0,
            "zip": np.tile(["a", "b"], rows // 2),
            "price": truth + noise,
        }
    )


def compared(challenger: OnnxModel, champion: OnnxModel | None, **changes: Any) -> ComparisonSet:
    given = ComparisonSet(challenger, champion, holdout(), baseline_prediction=80.0, parity=0.0)
    return replace(given, **changes)


GOOD, SOSO, BAD = model(100, 100), model(95, 95), model(80, 80)


def test_a_clearly_better_challenger_passes_with_its_numbers() -> None:
    evidence = gate(compared(GOOD, SOSO), spec_of())
    assert (evidence.verdict, evidence.passed) == ("clear_win", True)
    assert (evidence.rows, evidence.start, evidence.end) == (280, date(2024, 2, 1), date(2024, 2, 28))
    assert evidence.challenger_loss == pytest.approx(0.8, abs=0.1)  # mean of |noise|: sqrt(2 / pi)
    assert evidence.challenger_low < evidence.challenger_loss < evidence.challenger_high
    assert evidence.champion_loss == pytest.approx(5, abs=0.2)
    assert (evidence.champion_bias, evidence.challenger_bias) == pytest.approx((5, 0), abs=0.2)
    assert evidence.baseline_loss == pytest.approx(20, abs=0.2)
    assert evidence.difference_low < evidence.difference < evidence.difference_high < 0
    assert 0 < evidence.latency_ms < 1000
    assert 0 < evidence.size_mb < 0.01
    assert "of the champion on 280 rows" in evidence.summary
    assert len(evidence.reasons) == 9
    assert all(reason.startswith("passed: ") for reason in evidence.reasons)


def test_a_worse_challenger_is_called_so_even_when_slices_suffer_too() -> None:
    evidence = gate(compared(SOSO, GOOD), spec_of())
    assert (evidence.verdict, evidence.passed) == ("worse", False)
    assert any(part.refused for part in evidence.slices)


def test_the_gate_promises_how_often_and_how_far_the_answers_change() -> None:
    """Champion and challenger differ by 5 in every row, and the champion's mean absolute error is about 5."""
    change = gate(compared(GOOD, SOSO), spec_of()).change
    assert change is not None
    assert change.rows == 280
    assert change.unit == pytest.approx(5, abs=0.2)
    assert change.size == change.shift == pytest.approx(0.5, abs=0.02)
    assert change.size < change.size_high < 0.6
    assert change.shift_low < change.shift < change.shift_high


def test_equal_answers_are_promised_to_change_in_few_rows_and_a_first_model_promises_nothing() -> None:
    change = gate(compared(GOOD, GOOD), spec_of()).change
    assert change is not None
    assert (change.changed, change.size) == (0, 0)
    assert change.changed_high == pytest.approx(1 - 0.01 ** (1 / 280))
    assert gate(compared(GOOD, None), spec_of()).change is None


def test_the_same_model_again_is_equal_and_does_not_pass() -> None:
    evidence = gate(compared(GOOD, GOOD), spec_of())
    assert (evidence.verdict, evidence.passed) == ("equal", False)


def test_a_first_model_must_beat_the_baseline() -> None:
    first = gate(compared(SOSO, None), spec_of())
    assert (first.verdict, first.passed) == ("clear_win", True)
    assert (first.champion_loss, first.champion_bias, first.slices) == (None, None, ())
    assert "the baseline" in first.summary
    assert gate(compared(BAD, None), spec_of()).verdict == "refused"


def test_beating_the_champion_is_not_enough_when_a_constant_does_too() -> None:
    evidence = gate(compared(SOSO, BAD, baseline_prediction=100.0), spec_of())
    assert (evidence.verdict, evidence.passed) == ("refused", False)
    assert "baseline (median)" in evidence.reasons[0]


def test_a_champion_that_does_not_beat_the_baseline_is_replaced_by_one_that_does_on_average() -> None:
    """Errors of 30 on four days of 28 and 0.5 on the others: 4.7 on average, the baseline's is 5, and days differ."""
    rows = holdout()
    answered = rows["price"] + np.where(rows["day"].dt.day % 7 == 0, 30, 0.5)
    asked = {"crossed": answered.to_numpy(), "baseline_prediction": rows["price"].to_numpy() + 5}
    evidence = gate(compared(SOSO, BAD, **asked), spec_of())
    assert (evidence.verdict, evidence.passed) == ("clear_win", True)
    assert "expected it below 0 on average: the champion's is +14.99" in " ".join(evidence.reasons)
    assert gate(compared(SOSO, None, **asked), spec_of()).verdict == "refused"
    assert "expected the whole interval below 0" in gate(compared(SOSO, model(98, 98), **asked), spec_of()).refusal


def test_a_slice_that_is_clearly_worse_refuses_a_better_whole() -> None:
    evidence = gate(compared(model(100, 96), model(90, 98)), spec_of())
    assert evidence.difference_high < 0
    assert (evidence.verdict, evidence.passed) == ("refused", False)
    better, worse = evidence.slices
    assert (better.column, better.value, better.rows, better.refused) == ("zip", "a", 140, False)
    assert (worse.value, worse.refused) == ("b", True)
    assert worse.change == pytest.approx(1, abs=0.2)  # off by 4 instead of 2
    assert "zip = b" in evidence.reasons[0]


def test_a_slice_may_be_worse_by_what_the_policy_allows() -> None:
    assert gate(compared(model(100, 97.9), model(90, 98)), spec_of()).passed
    assert gate(compared(model(100, 96), model(90, 98)), spec_of(max_slice_loss=1.0, slices=["area"])).passed


def test_a_number_column_is_cut_into_quarters_and_missing_values_are_a_slice() -> None:
    rows = holdout()
    rows["area"] = np.where(np.arange(280) < 40, np.nan, np.arange(280.0))
    rows["zip"] = rows["zip"].where(np.arange(280) >= 20)
    slices = gate(compared(GOOD, SOSO, holdout=rows), spec_of(slices=["area", "zip"])).slices
    assert [(part.column, part.rows) for part in slices] == [
        *[("area", 60)] * 4,
        ("area", 40),
        *(("zip", 130), ("zip", 130), ("zip", 20)),
    ]
    assert [part.value for part in slices if part.column == "zip"] == ["a", "b", "missing"]


def test_slices_too_small_to_show_are_not_shown() -> None:
    rows = holdout()
    rows.loc[:3, "zip"] = "rare"
    assert {part.value for part in gate(compared(GOOD, SOSO, holdout=rows), spec_of()).slices} == {"a", "b"}


def test_rows_a_model_has_learned_from_are_left_out() -> None:
    evidence = gate(compared(replace(GOOD, schema=replace(GOOD.schema, trained_until="2024-02-08")), SOSO), spec_of())
    assert (evidence.rows, evidence.start) == (200, date(2024, 2, 9))
    assert any("80 left out" in reason for reason in evidence.reasons)
    seen = replace(GOOD, schema=replace(GOOD.schema, trained_until="2024-03-31"))
    nothing = gate(compared(GOOD, seen), spec_of())
    assert (nothing.verdict, nothing.passed, nothing.rows, nothing.start) == ("refused", False, 0, None)
    assert math.isnan(nothing.challenger_loss)
    assert "nan" not in " ".join((*nothing.reasons, nothing.summary))


@pytest.mark.parametrize(
    ("changes", "policy", "reason"),
    [
        ({}, {"min_rows": 281}, "280 labelled rows"),
        ({"holdout": holdout(10)}, {"min_rows": 10}, "no interval, which takes three days"),
        ({"parity": 1e-6}, {}, "parity"),
        ({"parity": math.nan}, {}, "parity"),
        ({}, {"max_latency_ms": 1e-6}, "single row"),
        ({}, {"max_size_mb": 1e-6}, "size"),
        ({}, {"max_memory_mb": 1e-6}, "memory"),
        ({"awaiting": 281}, {}, "labels for 50% of the hold-out's rows"),
        ({"baseline_prediction": math.nan}, {}, "baseline (median)"),
        ({"holdout": holdout().assign(price=[math.nan, *[100.0] * 279])}, {}, "which cannot be computed"),
    ],
)
def test_each_check_refuses_by_itself_and_says_why(changes: Changes, policy: Changes, reason: str) -> None:
    evidence = gate(compared(GOOD, SOSO, **changes), spec_of(**policy))
    assert (evidence.verdict, evidence.passed) == ("refused", False)
    assert reason in evidence.reasons[0]
    assert evidence.refusal.startswith(evidence.reasons[0])
    assert not any(text.startswith("passed: ") for text in evidence.refusal.split("; "))
    assert "nan" not in " ".join((*evidence.reasons, evidence.summary))


def test_a_gain_below_what_the_policy_asks_is_borderline() -> None:
    assert gate(compared(model(98, 98), SOSO), spec_of(min_gain=0.9)).verdict == "borderline"


def test_a_holdout_without_labels_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"no column \['price'\]"):
        gate(compared(GOOD, SOSO, holdout=holdout().drop(columns="price")), spec_of())


@pytest.mark.parametrize("evidence", [gate(compared(GOOD, SOSO), spec_of()), gate(compared(GOOD, None), spec_of())])
def test_evidence_survives_strict_json(evidence: Evidence) -> None:
    assert Evidence.from_dict(json.loads(json.dumps(evidence.to_dict(), allow_nan=False))) == evidence


def test_rows_count_by_their_weight_at_the_gate() -> None:
    spec = ProjectSpec.model_validate(
        spec_of().model_dump() | {"scope": spec_of().scope.model_dump() | {"weight": "n"}}
    )
    split, rows = model(100, 80), holdout()
    wide = rows.assign(n=np.where(rows["zip"] == "a", 19.0, 1.0))
    found = gate(compared(split, SOSO, holdout=wide), spec)
    repeated = gate(compared(split, SOSO, holdout=wide.loc[wide.index.repeat(wide["n"].astype(int))]), spec_of())
    assert found.weight == "n"
    assert found.effective_rows == pytest.approx(280 * 10**2 / ((19**2 + 1) / 2))
    for name in ("challenger_loss", "champion_loss", "baseline_loss", "difference", "challenger_bias"):
        assert getattr(found, name) == pytest.approx(getattr(repeated, name)), name
    assert gate(compared(split, SOSO), spec_of()).difference > 0 > found.difference_high
    assert found.challenger_high - found.challenger_low > repeated.challenger_high - repeated.challenger_low
