"""Further metrics at the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EvidenceError
from tasks.evaluate import ComparisonSet, Evidence, gate
from tasks.evaluate.comparison_set import score_rows
from tasks.evaluate.further_metrics_checks import metric_comparisons
from tasks.model import ModelSchema
from tasks.spec import evidence_digest
from tasks.spec.project_spec import ProjectSpec
from tests.unit.evaluate.test_error_analysis import Answering
from tests.unit.evaluate.test_error_analysis import spec_of as classes_spec
from tests.unit.evaluate.test_gate import BAD, GOOD, compared, holdout, model, spec_of

LOPSIDED, EVEN = model(100, 112), model(107, 107)  # errors of 0 and 12: 6 on average, 8.5 squared; of 7: 7 and 7


def with_metrics(*metrics: dict[str, Any]) -> ProjectSpec:
    return ProjectSpec.model_validate(spec_of(slices=[]).model_dump() | {"metrics": list(metrics)})


def test_a_metric_without_a_limit_is_reported_of_both_models_and_refuses_none() -> None:
    evidence = gate(compared(LOPSIDED, EVEN), with_metrics({"use": "root_mean_squared_error"}))
    (found,) = evidence.metrics
    assert (evidence.verdict, evidence.passed) == ("clear_win", True)
    assert found.challenger.value == pytest.approx(8.5, abs=0.2)
    assert found.champion == pytest.approx(7, abs=0.2)
    assert found.difference_low is not None
    assert found.difference_low > 1


def test_a_guardrail_refuses_a_better_challenger_that_may_be_worse_by_more_than_allowed() -> None:
    refused = gate(compared(LOPSIDED, EVEN), with_metrics({"use": "root_mean_squared_error", "max_loss": 1.0}))
    assert (refused.verdict, refused.passed) == ("refused", False)
    assert refused.reasons[0].startswith("found root_mean_squared_error 8.476, 7.085 of the champion")
    assert refused.reasons[0].endswith("expected worse by at most 1")
    held = gate(compared(LOPSIDED, EVEN), with_metrics({"use": "root_mean_squared_error", "max_loss": 2.0}))
    assert held.passed
    assert sum("root_mean_squared_error" in reason for reason in held.reasons) == 1


def test_a_guardrail_that_cannot_be_measured_refuses_and_without_a_champion_there_is_none() -> None:
    two_days = holdout().assign(day=np.where(np.arange(280) < 140, "2024-02-01", "2024-02-02"))
    two_days["day"] = pd.to_datetime(two_days["day"])
    listed = {"use": "r2", "max_loss": 1.0}
    unknown = gate(compared(LOPSIDED, EVEN, holdout=two_days), with_metrics(listed))
    assert any("without an interval" in reason for reason in unknown.reasons)
    assert not unknown.passed
    assert gate(compared(GOOD, None), with_metrics(listed)).passed


@pytest.mark.parametrize(
    "metric",
    [
        {"use": "nothing:profit", "higher_is_better": True, "max_loss": 1.0},
        {"use": "mean_absolute_log_error", "max_loss": 1.0},
    ],
)
def test_a_guardrail_that_is_unknown_of_the_champion_refuses_the_challenger(metric: dict[str, Any]) -> None:
    nothing_sold = model(100, -5)  # a number below 0 has no logarithm
    evidence = gate(compared(GOOD, nothing_sold), with_metrics(metric))
    assert (evidence.verdict, evidence.passed) == ("refused", False)
    assert "n/a of the champion" in evidence.refusal


def with_limit(limit: float | None, **more: Any) -> ProjectSpec:
    fairness = {"groups": ["zip"], "limits": {} if limit is None else {"error": limit}}
    return ProjectSpec.model_validate(spec_of(slices=[]).model_dump() | {"fairness": fairness} | more)


def test_differences_between_groups_are_reported_of_both_models() -> None:
    evidence = gate(compared(LOPSIDED, EVEN), with_limit(None))
    assert evidence.passed
    found = {(one.challenger.group, one.challenger.measure): one for one in evidence.fairness}
    assert set(found) == {(group, measure) for group in "ab" for measure in ("error", "calibration")}
    error = found["b", "error"]
    assert (error.challenger.rows, error.p_value, error.refused) == (140, None, False)
    assert error.challenger.difference == pytest.approx(12 - 0.8, abs=0.3)  # the mean of |noise| is 0.8
    assert error.champion == pytest.approx(0, abs=0.3)
    assert found["a", "error"].challenger.difference == -error.challenger.difference


def test_a_challenger_with_a_group_past_its_limit_is_refused_unless_the_champion_is_no_better() -> None:
    refused = gate(compared(LOPSIDED, EVEN), with_limit(5.0))
    assert (refused.verdict, refused.passed) == ("refused", False)
    assert refused.reasons[0].startswith("found error of zip = a 0.8")
    assert gate(compared(LOPSIDED, EVEN), with_limit(12.0)).passed
    improved = gate(compared(model(100, 106), model(100, 112)), with_limit(5.0))  # of 6 instead of 12
    assert improved.passed
    first = gate(compared(LOPSIDED, None), with_limit(5.0))
    assert (first.verdict, "zip = b" in first.refusal) == ("refused", True)


def test_a_limit_of_which_nothing_can_be_tested_is_a_warning_among_the_first_checks() -> None:
    few_days = holdout().assign(day=pd.Timestamp("2024-02-01") + pd.to_timedelta(np.arange(280) // 40, unit="D"))
    evidence = gate(compared(GOOD, BAD, holdout=few_days), with_limit(5.0))
    assert evidence.passed
    assert evidence.reasons[0] == (
        "passed: warning: found no difference between groups that can be tested; fairness.limits is not proved; "
        "not tested, with rows on too few days: error of zip = a, error of zip = b"
    )
    tiny = with_limit(5.0, privacy={"min_category_count": 200})
    assert gate(compared(GOOD, BAD), tiny).reasons[0].startswith("passed: warning: found no difference")


def test_what_is_not_tested_is_named_and_not_counted() -> None:
    towns = holdout().assign(town=np.where(np.arange(280) >= 240, "new", np.tile(["Ely", "Rye"], 140)))
    spec = with_limit(5.0, fairness={"groups": ["town"], "limits": {"error": 5.0}})
    evidence = gate(compared(GOOD, BAD, holdout=towns), spec)
    assert evidence.passed
    assert evidence.reasons[0] == (
        "passed: warning: found none of 2 differences between groups significantly beyond its limit; "
        "not tested, with rows on too few days: error of town = new"
    )


def test_evidence_stays_valid_when_groups_are_added_and_not_when_a_limit_is() -> None:
    plain = evidence_digest(spec_of(slices=[]))
    assert evidence_digest(with_limit(None)) == plain
    assert evidence_digest(with_limit(1.0)) != plain


def test_evidence_with_metrics_is_read_as_it_was_written() -> None:
    evidence = gate(compared(LOPSIDED, EVEN), with_metrics({"use": "r2"}, {"use": "pinball_loss", "at": 0.9}))
    again = Evidence.from_dict(evidence.to_dict())
    assert again.metrics == evidence.metrics
    assert [found.name for found in again.metrics] == ["r2", "pinball_loss_0.9"]
    with pytest.raises(EvidenceError):
        Evidence.from_dict(evidence.to_dict() | {"metrics": [{}]})


def test_evidence_stays_valid_when_a_reported_metric_is_added_and_not_when_a_guardrail_is() -> None:
    plain = evidence_digest(with_metrics())
    assert evidence_digest(with_metrics({"use": "r2"})) == plain
    assert evidence_digest(with_metrics({"use": "r2", "max_loss": 0.1})) != plain


def test_two_models_that_know_other_classes_are_compared_over_the_classes_of_both() -> None:
    """The champion has never seen z: it finds all of x and y, and none of z."""
    labels = np.tile(["x", "y", "z"], 40)
    frame = pd.DataFrame({"y": labels, "day": pd.Timestamp("2024-02-01") + pd.to_timedelta(np.arange(120) // 12, "D")})
    found = {name: (labels == name).astype(float) for name in "xyz"}
    frame = frame.assign(mx=found["x"], my=found["y"], mz=found["z"], cx=found["x"], cy=found["y"] + found["z"])
    parts: dict[str, Any] = {"project": "flats", "task": "multiclass", "metric": "log_loss", "event_time": "day"}
    schema = ModelSchema(**parts, numbers=("area",), trained_until="2024-01-01", classes=("z", "x", "y"))
    challenger = Answering(schema, ("mz", "mx", "my"))
    champion = Answering(replace(schema, classes=("x", "y")), ("cx", "cy"))
    spec = classes_spec("multiclass", "log_loss", metrics=[{"use": "f1"}, {"use": "top_k_accuracy", "at": 2}])
    models = ComparisonSet(challenger, champion, frame, baseline_prediction=np.full((120, 3), 1 / 3), parity=0.0)
    f1, top = metric_comparisons(models, score_rows(models, spec), spec, 0.95)
    assert (f1.challenger.value, top.challenger.value) == (1, 1)
    assert f1.champion == pytest.approx((1 + 2 / 3 + 0) / 3)  # of y, 40 of 80 are right
    assert top.champion == pytest.approx(2 / 3)  # z has a probability of 0, as x has, and is not found by its place
