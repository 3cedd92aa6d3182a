"""Further metrics, and the intervals that leave out whole days."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics import AnsweredRows, Comparing, Measuring, compared_metrics, measured_metrics
from tasks.metrics.class_scores import roc_auc, top_k_accuracy
from tasks.metrics.known_metrics import KNOWN_METRICS
from tasks.spec.field_types import QUANTILE_METRICS
from tasks.spec.project_spec import BINARY_METRICS, REGRESSION_METRICS, Metric, ProjectSpec
from tasks.spec.quality_sections.further_metric import OF_TASK
from tasks.statistics import LOSSES, Blocks, jackknife_interval, mean_interval

RNG = np.random.default_rng(7)


def spec_of(*metrics: dict[str, Any], task: str = "binary", **more: Any) -> ProjectSpec:
    metric = "log_loss" if task != "regression" else "mean_absolute_error"
    return ProjectSpec.model_validate(
        {
            "project": "loans",
            "scope": {"owner": "ann", "objective": "repaid or not", "metric": metric},
            "source": {"uri": "landing", "id": ["id"], "event_time": "day", "label": {"column": "bad"}},
            "features": {"numbers": ["age"]},
            "training": {"task": task},
            "metrics": list(metrics),
        }
        | more
    )


def measuring(*metrics: dict[str, Any], folder: Path = Path(), **more: Any) -> Measuring:
    return Measuring(spec_of(*metrics, **more), 0.95, folder)


def loans(days: int = 10, a_day: int = 20) -> AnsweredRows:
    """Rows with a probability that says something about the truth."""
    count = days * a_day
    probability = RNG.uniform(size=count)
    truth = np.where(RNG.uniform(size=count) < probability, 1.0, 0.0)
    return AnsweredRows.decided(truth, probability, np.arange(count) // a_day)


def test_every_metric_that_a_spec_may_name_is_known_and_no_other() -> None:
    assert set(OF_TASK) == set(KNOWN_METRICS)
    assert set(get_args(Metric)) == {*BINARY_METRICS, *REGRESSION_METRICS}
    assert {name for name in get_args(Metric) if name not in QUANTILE_METRICS} <= set(OF_TASK)


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
def test_every_metric_has_a_value_within_its_interval(task: str) -> None:
    rows = loans()
    if task == "multiclass":
        both = np.column_stack([1 - rows.prediction, rows.prediction])
        rows = AnsweredRows.decided(rows.truth, both, rows.days)
    elif task == "regression":
        rows = replace(rows, truth=rows.truth + 1, prediction=rows.prediction + 1)
    needed = {"recall_at_precision": 0.7, "pinball_loss": 0.9, "recall_at_k": 5, "precision_at_k": 5}
    names = [name for name, tasks in OF_TASK.items() if task in tasks]
    listed = [{"use": name} | ({"at": needed[name]} if name in needed else {}) for name in names]
    listed = [one | {"at": 1} if one["use"] == "top_k_accuracy" else one for one in listed]
    found = measured_metrics(rows, measuring(*listed, task=task))
    assert [metric.name.removesuffix(f"_{one.get('at')}") for metric, one in zip(found, listed, strict=True)] == names
    for metric in found:
        assert metric.low is not None
        assert metric.value is not None
        assert metric.high is not None
        assert metric.low <= metric.value <= metric.high


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=30))
def test_of_a_mean_over_equal_days_it_is_the_t_interval_of_their_means(means: list[float]) -> None:
    values, days = np.repeat(means, 2), np.repeat(np.arange(len(means)), 2)
    cut = replace(Blocks.of_days(days), in_order=False)  # days that resemble each other are a chapter of their own
    without = cut.without_each(lambda kept: float(values[kept].mean()))
    found = jackknife_interval(float(values.mean()), without, 0.95, in_order=cut.in_order)
    assert found == pytest.approx(mean_interval(means, 0.95), abs=1e-6)


def test_days_that_resemble_their_neighbours_make_an_interval_wider() -> None:
    slow = np.repeat([1.0, 1.0, 1.0, -1.0, -1.0, -1.0], 2)
    fast = np.repeat([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], 2)
    cut = Blocks.of_days(np.repeat(np.arange(6), 2))

    def width(values: np.ndarray) -> float:
        low, high = jackknife_interval(
            0.0, cut.without_each(lambda kept: float(values[kept].mean())), 0.95, in_order=True
        )
        return high - low

    assert width(slow) > 2 * width(fast)


def test_of_an_area_under_the_curve_and_single_rows_it_is_the_interval_of_delong() -> None:
    rows, cut = loans(1, 60), Blocks.of_entities(np.arange(60))
    area = roc_auc(rows)
    low, _ = jackknife_interval(area, cut.without_each(lambda kept: roc_auc(rows.where(kept))), 0.95, in_order=False)
    ones, zeros = rows.prediction[rows.truth == 1], rows.prediction[rows.truth == 0]
    wins = ones[:, None] > zeros[None, :]
    variance = wins.mean(axis=1).var(ddof=1) / len(ones) + wins.mean(axis=0).var(ddof=1) / len(zeros)
    assert area == pytest.approx(wins.mean())
    assert (area - low) / 2.001 == pytest.approx(math.sqrt(variance), rel=0.06)  # t(.975, 59) = 2.001


def test_more_days_or_entities_than_sixty_are_left_out_in_sixty_blocks() -> None:
    days, people = Blocks.of_days(np.arange(150)), Blocks.of_entities([f"p{number}" for number in range(150)])
    assert (days.count, days.codes.max(), people.count, people.codes.max()) == (60, 59, 60, 59)
    assert (np.diff(days.codes) >= 0).all()


def test_two_days_or_a_label_without_a_one_on_some_day_give_a_value_without_an_interval() -> None:
    (found,) = measured_metrics(loans(days=2), measuring({"use": "roc_auc"}))
    assert (found.value is not None, found.low, found.high) == (True, None, None)
    only_once = AnsweredRows(np.array([1.0, 0, 0, 0]), np.ones(4), np.ones(4), np.array([0, 0, 1, 2]))
    (alone,) = measured_metrics(only_once, measuring({"use": "roc_auc"}))
    assert (alone.value, alone.low) == (0.5, None)


def test_rows_without_a_label_are_left_out_of_a_night_and_make_a_comparison_unknown() -> None:
    rows = loans()
    gap = replace(rows, truth=np.where(np.arange(len(rows.truth)) == 3, np.nan, rows.truth))
    how = measuring({"use": "error_rate"})
    (measured,) = measured_metrics(gap, how)
    (compared,) = compared_metrics(Comparing(gap, gap), how)
    assert measured == measured_metrics(rows.where(np.arange(len(rows.truth)) != 3), how)[0]
    assert (compared.challenger.value, compared.difference) == (None, None)


def test_a_model_compared_with_itself_has_a_difference_of_nothing() -> None:
    rows = loans()
    (found,) = compared_metrics(Comparing(rows, rows), measuring({"use": "pr_auc", "max_loss": 0.0}))
    assert (found.difference, found.difference_low, found.difference_high, found.is_held) == (0, 0, 0, True)


def test_of_days_and_returning_entities_the_wider_interval_counts() -> None:
    rows = loans()
    worse = replace(rows, prediction=1 - rows.prediction)
    people = np.where(rows.prediction > 0.5, "ann", np.where(rows.prediction > 0.2, "bob", "carl"))
    how = measuring({"use": "brier_score"})
    (by_day,) = compared_metrics(Comparing(rows, worse), how)
    (by_both,) = compared_metrics(Comparing(rows, worse, people), how)
    assert by_both.difference == by_day.difference
    assert by_both.difference_high is not None
    assert by_day.difference_high is not None
    assert by_both.difference_high > by_day.difference_high


def test_an_unknown_class_is_never_among_the_most_probable_and_no_row_of_another() -> None:
    prediction = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    rows = AnsweredRows.decided([0, 1, 3], prediction)
    assert top_k_accuracy(rows, 1) == pytest.approx(2 / 3)
    assert top_k_accuracy(rows, 3) == pytest.approx(2 / 3)
    assert roc_auc(rows) == pytest.approx((1 + 1) / 2)  # no row is of class 2


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loans")
    (folder / "money.py").write_text(
        "def brier(truth, prediction):\n    return ((truth - prediction) ** 2).mean()\n"
        "def broken(truth, prediction):\n    raise ValueError(f'row of Ann: {truth[0]}')\n"
        "def text(truth, prediction):\n    return 'good'\n",
        encoding="utf-8",
    )
    return folder


def test_a_function_of_the_project_is_called_as_scikit_learn_calls_its_own(own: Path) -> None:
    rows = loans()
    mine, known = measured_metrics(
        rows, measuring({"use": "money:brier", "higher_is_better": False}, {"use": "brier_score"}, folder=own)
    )
    assert (mine.name, mine.fault) == ("money.brier", "")
    assert (mine.value, mine.low, mine.high) == pytest.approx((known.value, known.low, known.high))


def test_a_function_that_gives_no_number_is_a_fault_of_its_metric_and_never_passes(own: Path) -> None:
    listed = [
        {"use": f"money:{name}", "higher_is_better": True, "max_loss": 1.0} for name in ("broken", "text", "nothing")
    ]
    rows = loans(3, 5)
    found = compared_metrics(Comparing(rows, rows), measuring(*listed, folder=own))
    assert [one.is_held for one in found] == [False] * 3
    assert [one.challenger.value for one in found] == [None] * 3
    assert "row of Ann" in found[0].challenger.fault
    assert "returned 'good'; expected a number" in found[1].challenger.fault
    assert "nothing" in found[2].challenger.fault


def test_what_a_function_says_is_hidden_where_the_project_hides_columns(own: Path) -> None:
    how = measuring({"use": "money:broken", "higher_is_better": True}, folder=own, privacy={"drop": ["name"]})
    (found,) = measured_metrics(loans(3, 5), how)
    assert "Ann" not in found.fault
    assert found.fault


def test_rows_of_one_day_or_of_one_entity_give_a_value_without_an_interval() -> None:
    rows = loans(days=1)
    listed = [{"use": name} for name in ("roc_auc", "f1", "error_rate", "brier_score", "calibration_error")]
    night = measured_metrics(rows, measuring(*listed))
    of_gate = compared_metrics(Comparing(rows, rows, np.full(len(rows.truth), "ann")), measuring(*listed))
    for found in (*night, *(one.challenger for one in of_gate)):
        assert (found.value is not None, found.low, found.high, found.fault) == (True, None, None, "")


def test_a_metric_that_raises_is_a_fault_and_stops_no_night(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(_rows: AnsweredRows, _at: float) -> float:
        raise ValueError("found nothing")

    monkeypatch.setitem(KNOWN_METRICS, "f1", replace(KNOWN_METRICS["f1"], score=raises))
    found, other = measured_metrics(loans(), measuring({"use": "f1"}, {"use": "roc_auc"}))
    assert (found.value, found.fault) == (None, "ValueError: found nothing")
    assert other.value is not None


def numbers(truth: list[float], prediction: list[float]) -> AnsweredRows:
    answers = np.array(prediction)
    return AnsweredRows(np.array(truth), answers, answers, np.arange(len(truth)))


@pytest.mark.parametrize("name", ["mean_absolute_log_error", "mean_absolute_percentage_error"])
def test_rows_with_a_truth_that_has_no_loss_are_left_out_of_both_models_as_in_the_main_metric(name: str) -> None:
    truth, one, other = [4.0, 0.0, 2.0, 8.0], [5.0, 1.0, 2.0, 8.0], [5.0, 9.0, 3.0, 6.0]
    scored = [0, 2, 3]
    how = measuring({"use": name, "max_loss": 9.0}, task="regression")
    (found,) = compared_metrics(Comparing(numbers(truth, one), numbers(truth, other)), how)
    loss = LOSSES[name]
    assert found.challenger.value == pytest.approx(np.mean(loss(truth, one)[scored]))
    assert found.champion == pytest.approx(np.mean(loss(truth, other)[scored]))
    assert found.challenger.fault == ""


def test_a_prediction_that_has_no_loss_is_a_fault_of_either_model() -> None:
    truth, good, bad = [4.0, 1.0, 2.0, 8.0], [5.0, 1.0, 2.0, 8.0], [5.0, 0.0, 2.0, 8.0]
    how = measuring({"use": "mean_absolute_log_error", "max_loss": 9.0}, task="regression")
    (mine,) = compared_metrics(Comparing(numbers(truth, bad), numbers(truth, good)), how)
    (old,) = compared_metrics(Comparing(numbers(truth, good), numbers(truth, bad)), how)
    assert (mine.challenger.value, mine.is_held) == (None, False)
    assert (old.champion, old.is_held) == (None, False)
    assert old.challenger.fault == f"of the champion: {mine.challenger.fault}"


WEIGHTED = {name for name, kind in KNOWN_METRICS.items() if not name.endswith("_at_k")}


@pytest.mark.parametrize("name", sorted(WEIGHTED))
def test_a_metric_of_weighted_rows_is_that_of_repeated_ones(name: str) -> None:
    task = next(iter(OF_TASK[name]))
    rows, times = (loans() if task != "regression" else guesses()), RNG.integers(1, 4, 200)
    if task == "multiclass":
        shares = np.column_stack([rows.prediction, 1 - rows.prediction, np.full(200, 0.4)])
        rows = AnsweredRows.decided(rows.truth, shares / shares.sum(axis=1, keepdims=True), rows.days)
    columns = rows.truth, rows.prediction, rows.decision, rows.days
    again = AnsweredRows(*(np.repeat(each, times, axis=0) for each in columns))
    at = 2.0 if name == "top_k_accuracy" else 0.6
    weighted = replace(rows, weights=times.astype(float))
    assert KNOWN_METRICS[name].score(weighted, at) == pytest.approx(KNOWN_METRICS[name].score(again, at))


def guesses() -> AnsweredRows:
    truth = RNG.uniform(1, 9, 200)
    answer = truth + RNG.normal(size=200)
    return AnsweredRows(truth, np.maximum(answer, 0.1), answer, np.arange(200) // 20)
