"""The errors of a model are located, shown without private values, and summarised in plain numbers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.evaluate import Cohort, ComparisonSet, ErrorAnalysis, check_recovery, error_analysis, gate
from tasks.evaluate.analysis.weak_slices import weak_slices
from tasks.model import ModelSchema, Predictor
from tasks.spec.project_spec import ProjectSpec

Array = np.ndarray[Any, Any]
Changes = dict[str, Any]


@dataclass(frozen=True)
class Answering(Predictor):
    """A model with its predictions in columns."""

    schema: ModelSchema
    columns: tuple[str, ...] = ("answer",)

    @property
    def file(self) -> tuple[str, bytes]:
        return "none", b""

    def run(self, columns: Array) -> Array:
        return columns

    def predict(self, frame: pd.DataFrame) -> Array:
        predictions = frame[list(self.columns)].to_numpy(dtype=np.float64)
        return predictions[:, 0] if len(self.columns) == 1 else predictions


def spec_of(task: str = "regression", metric: str = "mean_absolute_error", **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "flats",
            "scope": {"owner": "ann", "objective": "x", "metric": metric} | parts.pop("scope", {}),
            "source": {"uri": "in", "id": ["id"], "event_time": "day", "label": {"column": "y", "delay_days": 2}},
            "features": {"numbers": ["area"], "categories": ["zip", "kind"], "booleans": ["garden"]},
            "training": {"task": task},
            "gate": {"min_rows": 50, "max_latency_ms": 1e4},
            **parts,
        }
    )


def rows(count: int = 600) -> pd.DataFrame:
    """Thirty days of twenty rows; errors of 1, but of 5 where the zip is b and the kind is old."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": np.arange(count),
            "day": pd.Timestamp("2024-02-01") + pd.to_timedelta(np.arange(count) // 20, unit="D"),
            "area": rng.uniform(20, 120, count),
            "zip": rng.choice(["a", "b", "c"], count),
            "kind": rng.choice(["old", "new"], count),
            "garden": rng.random(count) < 0.5,
            "y": 100.0,
        }
    )
    weak = (frame["zip"] == "b") & (frame["kind"] == "old")
    return frame.assign(answer=100 + rng.normal(size=count) * np.where(weak, 5.0, 1.0))


def analysis(
    frame: pd.DataFrame, spec: ProjectSpec, columns: tuple[str, ...] = ("answer",), **schema: Any
) -> ErrorAnalysis:
    task: Any = spec.training.task
    model = Answering(ModelSchema("flats", task, spec.scope.metric, "day", **schema), columns)
    return error_analysis(ComparisonSet(model, None, frame, 0.5, 0.0), spec)


def test_a_pair_of_columns_that_is_weak_together_is_found_first() -> None:
    found = analysis(rows(), spec_of(scope={"human_level": 0.5}))
    worst = found.weak[0]
    assert set(worst.where) == {("zip", "b"), ("kind", "old")}
    assert worst.loss > 3 * worst.rest_loss
    assert worst.p_value < 0.001
    assert 0.2 < worst.share_of_loss < 0.6
    assert found.above_human == pytest.approx(found.loss - 0.5)


def test_errors_of_weighted_rows_are_those_of_repeated_ones() -> None:
    rng, frame = np.random.default_rng(2), rows()
    times = rng.integers(1, 4, len(frame))
    chance = rng.random(len(frame))
    labels: dict[str, Changes] = {
        "mean_absolute_error": {},
        "log_loss": {"answer": chance, "y": (rng.random(len(frame)) < 0.5) * 1.0},
    }
    for metric, columns in labels.items():
        spec = spec_of("binary" if columns else "regression", metric, scope={"weight": "times"})
        counted = frame.assign(times=times, **columns)
        again = counted.loc[counted.index.repeat(times)].assign(times=1)
        weighted, repeated = analysis(counted, spec), analysis(again, spec)
        assert weighted.loss == pytest.approx(repeated.loss)
        assert weighted.calibration_error == pytest.approx(repeated.calibration_error, nan_ok=True)
        if columns:
            assert [part.truth for part in weighted.bins] == pytest.approx([part.truth for part in repeated.bins])
        else:
            assert [part.where for part in weighted.weak[:1]] == [part.where for part in repeated.weak[:1]] != []
            assert weighted.weak[0].share_of_loss == pytest.approx(repeated.weak[0].share_of_loss)


def test_noise_alone_hardly_ever_gives_a_weak_slice() -> None:
    rng, alarms = np.random.default_rng(1), 0
    frame = rows()
    for _ in range(20):
        losses = np.abs(rng.normal(size=len(frame)))
        alarms += bool(weak_slices(frame, losses, frame["day"], ["area", "zip", "kind", "garden"], 5))
    assert alarms <= 3  # 5 % of 20 is one


def test_small_slices_unknown_losses_and_few_rows_are_not_judged() -> None:
    frame = rows()
    frame.loc[:10, "zip"] = "rare"
    losses = np.where(frame["zip"] == "rare", 100.0, 1.0)
    named = {value for weak in weak_slices(frame, losses, frame["day"], ["zip"], 5) for _, value in weak.where}
    assert "rare" not in named
    assert weak_slices(frame, np.full(len(frame), math.nan), frame["day"], ["zip"], 5) == ()
    assert weak_slices(frame.iloc[:5], losses[:5], frame["day"][:5], ["zip"], 1) == ()


def test_with_privacy_no_row_is_shown_and_no_private_column_is_named() -> None:
    found = analysis(rows(), spec_of(privacy={"pseudonymise": ["zip"]}))
    assert found.examples == ()
    assert not {column for weak in found.weak for column, _ in weak.where} & {"zip", "id"}


def test_the_largest_errors_are_shown_without_rare_values() -> None:
    frame = rows()
    frame.loc[7, ["answer", "kind", "area"]] = [900.0, "the only castle", None]
    found = analysis(frame, spec_of())
    first = found.examples[0]
    assert (first.loss, first.truth, first.event_date) == (800.0, "100.0", "2024-02-01")
    assert first.columns["kind"] == "(rare)"
    assert first.columns["area"] is None
    assert set(first.columns) == {"area", "zip", "kind", "garden"}
    assert len(found.examples) == 10


def test_residuals_are_given_by_tenths_of_the_prediction() -> None:
    frame = rows().assign(answer=np.arange(600.0), y=np.arange(600.0) + np.where(np.arange(600) >= 540, 50.0, 0.0))
    bins = analysis(frame, spec_of()).bins
    assert [each.rows for each in bins] == [60] * 10
    assert [each.residual for each in bins] == [0.0] * 9 + [50.0]


def test_calibration_is_given_for_probabilities() -> None:
    # 0.25 is promised and half happens; 0.75 is promised and holds: (0.25 + 0) / 2 on average
    answer = np.tile([0.25, 0.75], 300)
    truth = np.where(answer < 0.5, np.arange(600) % 4 < 2, np.arange(600) % 8 < 6).astype(float)
    found = analysis(rows().assign(answer=answer, y=truth), spec_of("binary", "log_loss"))
    assert [(each.rows, each.prediction, each.truth) for each in found.bins] == [(300, 0.25, 0.5), (300, 0.75, 0.75)]
    assert found.calibration_error == pytest.approx(0.125)


def test_several_classes_are_judged_by_name_even_one_the_model_does_not_know() -> None:
    frame = rows(200).assign(y=["x", "y"] * 100, px=0.8, py=0.2)
    frame.loc[0, "y"] = "new"
    found = analysis(frame, spec_of("multiclass", "error_rate"), ("px", "py"), classes=("x", "y"))
    assert found.loss == pytest.approx(101 / 200)
    assert found.bins[0].truth == pytest.approx(99 / 200)


def test_the_analysis_is_strict_json_and_bounded_even_without_rows() -> None:
    text = json.dumps(analysis(rows(), spec_of()).to_dict(), allow_nan=False)
    assert len(text) < 20_000
    empty = analysis(rows().iloc[:0], spec_of())
    assert json.loads(json.dumps(empty.to_dict(), allow_nan=False))["loss"] is None


def better(**changes: Any) -> ComparisonSet:
    """A challenger off by 1, a champion off by 1.3 on average: clear at first sight."""
    frame = rows()
    rng = np.random.default_rng(2)
    frame = frame.assign(answer=100 + rng.normal(size=600), other=100 + rng.normal(scale=1.18, size=600))
    schema = ModelSchema("flats", "regression", "mean_absolute_error", "day")
    given: Changes = {"holdout": frame, "baseline_prediction": 80.0, "parity": 0.0} | changes
    return ComparisonSet(Answering(schema), Answering(schema, ("other",)), **given)


def test_rows_that_decided_before_ask_for_a_clearer_win_each_time() -> None:
    found = [gate(better(uses=uses), spec_of()) for uses in (0, 1, 30)]
    assert [round(each.confidence, 5) for each in found] == [0.95, 0.975, 0.99995]
    assert [each.verdict for each in found] == ["clear_win", "clear_win", "borderline"]
    assert found[0].difference_high < found[1].difference_high < found[2].difference_high
    assert "30 earlier decisions on these rows" in " ".join(found[2].reasons)


def test_labels_that_came_before_their_time_are_left_out() -> None:
    night = pd.Timestamp("2024-02-21").date()  # labels are known two days late: up to the 19th
    evidence = gate(better(night=night), spec_of())
    assert (evidence.rows, evidence.end) == (19 * 20, pd.Timestamp("2024-02-19").date())
    assert gate(better(awaiting=200), spec_of()).labelled == pytest.approx(0.75)


def test_entities_that_come_again_are_judged_as_wholes() -> None:
    frame = better().holdout
    frame = frame.assign(owner=np.arange(600) % 4)
    luck = np.array([1.0, -2.0, 0.5, -1.5])[frame["owner"]]  # four owners, who decide everything
    frame = frame.assign(answer=100 + 3 + luck, other=100 + 3.4)
    plain, grouped = (
        gate(better(holdout=frame), spec_of()),
        gate(better(holdout=frame), spec_of(split={"group": "owner"})),
    )
    assert plain.verdict == "clear_win"
    assert grouped.verdict == "borderline"
    assert grouped.difference_high > 0 > plain.difference_high


def test_a_trivial_rule_may_answer_row_by_row() -> None:
    frame = better().holdout
    evidence = gate(better(baseline_prediction=frame["y"].to_numpy() + 0.1), spec_of())
    assert evidence.verdict == "refused"
    assert evidence.baseline_loss == pytest.approx(0.1)


def test_misses_are_counted_at_the_models_own_threshold() -> None:
    frame = rows().assign(y=np.tile([0.0, 1.0], 300), answer=np.tile([0.1, 0.3], 300))
    spec = spec_of("binary", "error_rate")
    assert analysis(frame, spec).loss == 0.5
    assert analysis(frame, spec, threshold=0.2).loss == 0.0


def test_what_was_released_keeps_the_gates_promise_or_not() -> None:
    def verdict(*cohorts: Cohort) -> str:
        return check_recovery(cohorts, (0.9, 1.1), min_rows=100).verdict

    assert verdict(Cohort(50, 9.0, 1.0)) == "too_early"
    assert verdict(Cohort(200, 1.15, 1.0), Cohort(200, 1.0, 1.0)) == "as_promised"
    assert verdict(Cohort(400, 1.3, 1.0)) == "worse"  # 1.3 - 1.96 / 20 = 1.2
    assert verdict(Cohort(400, 0.7, 1.0)) == "better"
    assert verdict(Cohort(400, math.nan, 1.0)) == "unknown"
    assert "worse" in check_recovery([Cohort(400, 1.3, 1.0)], (0.9, 1.1), 100).sentence
