"""What is automated keeps its error below the target, and the promise is kept as often as it says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.inference.confidence import expected_error
from tasks.model import (
    Deferral,
    ModelSchema,
    confidence,
    deferral_rule,
    export_model,
    fit_deferral,
    fit_error_table,
    reasons,
    typical_values,
    wrong_decisions,
)
from tasks.model.deferral import error_bound

if TYPE_CHECKING:
    from tests.unit.model.conftest import Flats

HELD = Deferral(0.0, 0.1, 0.5, 0.05, 0.09, 0.95, 400)


def test_clopper_and_pearsons_bound_is_the_tabled_one() -> None:
    """One of ten wrong: the one-sided 95 % bound is 0.3942 in every table."""
    assert error_bound(np.r_[1.0, np.zeros(9)], risk=0.05, highest=1.0) == pytest.approx(0.3942, abs=1e-4)
    assert error_bound(np.ones(4), risk=0.05, highest=1.0) == 1


def test_a_betting_bound_is_close_above_the_mean_and_in_its_unit() -> None:
    errors = np.random.default_rng(0).uniform(0, 2, 5000)
    bound = error_bound(errors, risk=0.05, highest=2.0)
    assert errors.mean() < bound < errors.mean() + 0.03  # a t bound would be 0.013 above
    assert error_bound(errors * 100, risk=0.05, highest=200.0) == pytest.approx(100 * bound)


def test_nothing_is_automated_where_nothing_can_be_promised() -> None:
    rule = deferral_rule(np.ones(500), np.linspace(0, 1, 500), target_error=0.1)
    assert (rule.threshold, rule.share) == (None, 0.0)
    few = deferral_rule(np.zeros(30), np.linspace(0, 1, 30), target_error=0.05)
    assert few.threshold is None  # 30 rows without an error still allow an error of 21 %


def test_everything_is_automated_where_all_of_it_is_right() -> None:
    rule = deferral_rule(np.zeros(500), np.linspace(0, 1, 500), target_error=0.1)
    assert (rule.threshold, rule.share, rule.error) == (0.0, 1.0, 0.0)


def test_rows_of_one_confidence_are_kept_together() -> None:
    rule = deferral_rule(np.zeros(400), np.repeat([0.9, 0.6], 200), target_error=0.1)
    assert rule.share == 1
    mixed = deferral_rule(np.repeat([0.0, 1.0], 200), np.repeat([0.9, 0.6], 200), target_error=0.1)
    assert (mixed.threshold, mixed.share) == (0.9, 0.5)


def test_errors_that_are_not_known_are_refused() -> None:
    for errors in (np.array([np.nan, 0.0]), np.array([-1.0, 0.0]), np.array([])):
        with pytest.raises(DataError, match="expected errors of rows with a label"):
            deferral_rule(errors, np.zeros(len(errors)), target_error=0.1)


@pytest.mark.parametrize("kind", ["decisions", "losses"])
def test_the_promise_is_broken_no_more_often_than_it_says(kind: str) -> None:
    """Errors grow as confidence falls: of the surest share s, s / 2 are wrong, so at most a fifth may be automated.

    One rule in twenty may promise too much; of 60, more than seven would by chance less often than once in fifty.
    """
    broken, shares = 0, []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sure = rng.random(2000)
        errors = (rng.random(2000) < 1 - sure).astype(float)
        if kind == "losses":
            errors *= rng.uniform(0, 2, 2000)  # the mean stays, the losses are no longer 0 and 1
        rule = deferral_rule(errors, sure, target_error=0.1)
        shares.append(rule.share)
        broken += rule.threshold is not None and (1 - rule.threshold) / 2 > 0.1
    assert broken <= 7
    assert np.mean(shares) > (0.06 if kind == "decisions" else 0.03)  # the oracle's is 0.2


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), min_size=1, max_size=300), st.floats(0.01, 0.9)
)
def test_a_rules_own_rows_are_within_its_bound_and_its_bound_within_the_target(
    rows: list[tuple[float, float]], target: float
) -> None:
    errors, sure = (np.array(column) for column in zip(*rows, strict=True))
    rule = deferral_rule(errors, sure, target)
    if rule.threshold is None:
        assert rule.share == 0
    else:
        kept = errors[sure >= rule.threshold]
        assert (rule.share, rule.error) == (len(kept) / len(errors), kept.mean())
        assert rule.error <= rule.error_bound <= target


def test_a_class_is_as_sure_as_it_is_probable() -> None:
    binary = ModelSchema("demo", "binary", "log_loss", "day")
    several = ModelSchema("demo", "multiclass", "log_loss", "day")
    assert confidence(np.array([0.2, 0.7]), np.empty((2, 0)), binary) == pytest.approx([0.8, 0.7])
    assert confidence(np.array([[0.2, 0.5, 0.3]]), np.empty((1, 0)), several).tolist() == [0.5]


def test_a_regression_is_as_sure_as_its_cell_was_right() -> None:
    """Errors are 1 where the leading input is low, 9 where it is high, 5 where it is missing."""
    rng = np.random.default_rng(0)
    prediction, leading = rng.normal(size=6000), rng.choice([0.0, 1.0, np.nan], 6000)
    error = np.select([leading == 0, leading == 1], [1.0, 9.0], 5.0)
    table = fit_error_table(prediction, leading[:, None], ["area"], error)
    assert expected_error(table, np.zeros(3), np.array([[0.0], [1.0], [np.nan]])) == pytest.approx([1, 9, 5], abs=0.4)
    schema = ModelSchema("demo", "regression", "mean_absolute_error", "day", ("floor", "area"))
    sure = replace(schema, deferral=replace(HELD, errors=table))
    inputs = np.array([[7.0, 0.0], [7.0, 1.0]])
    assert confidence(np.zeros(2), inputs, sure) == pytest.approx([-1, -9], abs=0.4)
    assert confidence(np.zeros(2), inputs, schema).tolist() == [0, 0]


def test_tables_of_constant_or_missing_inputs_still_answer() -> None:
    leading = np.column_stack([np.full(50, 3.0), np.full(50, np.nan)])
    table = fit_error_table(np.full(50, 2.0), leading, ["a", "b"], np.ones(50))
    assert expected_error(table, np.array([-9.0, 9.0]), np.array([[0.0, 1.0], [np.nan, np.nan]])).tolist() == [1, 1]


def test_decisions_are_compared_with_the_truth(flats: Flats) -> None:
    from sklearn.tree import DecisionTreeClassifier

    frame = flats.frame(100)
    target = flats.target(frame, "multiclass")
    model = export_model(
        DecisionTreeClassifier(max_depth=9).fit(flats.inputs(frame), target), flats.schema("multiclass")
    )
    assert wrong_decisions(model, target, model.predict(frame)).mean() < 0.1
    assert wrong_decisions(model, (target + 1) % 3, model.predict(frame)).mean() > 0.9


def test_a_classifiers_deferral_is_found_on_all_rows_and_a_regressions_on_the_newer_half(flats: Flats) -> None:
    """Prices of flats with a garden are noise; all others are known: the table of errors finds that out."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    frame, rng = flats.frame(3000, missing=0), np.random.default_rng(1)
    price = np.where(frame["garden"].astype(bool), rng.normal(0, 30, 3000), frame["area"].astype(float))
    fitted = HistGradientBoostingRegressor(max_iter=30).fit(flats.inputs(frame)[:1000], price[:1000])
    model, held = export_model(fitted, flats.schema()), frame.iloc[1000:]
    errors = np.abs(model.predict(held) - price[1000:])
    rule = fit_deferral(model, held, errors, target_error=8.0, leading=["garden"])
    assert rule.rows == 1000
    assert len(rule.typical) == 4
    assert 0.4 <= rule.share <= 0.65  # six in ten have no garden
    assert rule.error_bound <= 8
    sure = confidence(model.predict(held), flats.inputs(held), replace(model.schema, deferral=rule))
    assert rule.threshold is not None
    assert held.loc[sure >= rule.threshold, "garden"].mean() < 0.05

    dear = (price > 60).astype(float)
    classifier = HistGradientBoostingClassifier(max_iter=30).fit(flats.inputs(frame)[:1000], dear[:1000])
    sorting = export_model(classifier, flats.schema("binary"))
    wrong = wrong_decisions(sorting, dear[1000:], sorting.predict(held))
    assert fit_deferral(sorting, held, wrong, target_error=0.1).rows == 2000


def test_reasons_name_what_moved_the_answer_most(flats: Flats) -> None:
    """price = 2 * area + 30 in Bonn; typical is an area of 70 in Aachen, so 80 in Bonn is 20 and 30 more."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = flats.frame(80, missing=0)
    spread = ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), [3])], remainder="passthrough")
    price = 2 * frame["area"] + 30 * (frame["city"] == "Bonn")
    model = export_model(make_pipeline(spread, LinearRegression()).fit(flats.inputs(frame), price), flats.schema())
    asked = frame.iloc[:2].assign(area=[80.0, 70.0], age=10.0, garden=True, city=["Bonn", "Aachen"])
    said = reasons(model, flats.inputs(asked), (70.0, 10.0, 1.0, 0.0))
    assert said[0].startswith("city=Bonn (+30), area=80 (+20)")
    assert "(+" not in said[1].replace("e-", "")
    assert reasons(model, flats.inputs(asked.iloc[:0]), (70.0, 10.0, 1.0, 0.0)) == []


def test_reasons_of_several_classes_are_about_the_chosen_one(flats: Flats) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame = flats.frame(200)
    fitted = HistGradientBoostingClassifier(max_iter=5).fit(flats.inputs(frame), flats.target(frame, "multiclass"))
    model = export_model(fitted, flats.schema("multiclass"))
    typical = typical_values(flats.inputs(frame), model.schema)
    said = reasons(model, flats.inputs(frame.iloc[:20]), typical)
    assert len(said) == 20
    assert any("area=" in each for each in said)


def test_missing_values_are_said_to_be_missing(flats: Flats) -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    frame = flats.frame(300, missing=0.3)
    target = np.isnan(flats.inputs(frame)).sum(axis=1) * 10.0
    fitted = HistGradientBoostingRegressor(max_iter=20).fit(flats.inputs(frame), target)
    model = export_model(fitted, flats.schema())
    lost = frame.iloc[:1].assign(area=np.nan, city="Zzz", garden=None, age=1.0)
    said = reasons(model, flats.inputs(lost), (70.0, 1.0, 1.0, 0.0))[0]
    assert "area=missing (+" in said
    assert "city=missing or unknown (+" in said
    assert "garden=missing (+" in said


def test_typical_values_are_medians_and_the_commonest(flats: Flats) -> None:
    inputs = np.array([[1.0, np.nan, 1.0, 2.0], [3.0, np.nan, 1.0, 0.0], [9.0, np.nan, 0.0, 2.0]])
    assert typical_values(inputs, flats.schema()) == (3.0, None, 1.0, 2.0)
