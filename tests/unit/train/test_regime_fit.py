from datetime import date, timedelta

import numpy as np
import pandas as pd

from flows.steps.challengers.evaluate_challenger import PLAIN, TrainingRequest, train_and_evaluate
from tasks.spec import ProjectSpec
from tasks.train import fit_model
from tasks.train.assessment.regime_fit import fit_in_regime
from tasks.train.model_search.recipes import Recipe
from tasks.train.task import refit

FIRST, DAYS, ROWS_A_DAY, TRAINED, ONSET = date(2026, 1, 1), 90, 40, 50, 80
SPEC = ProjectSpec.model_validate(
    {
        "project": "p",
        "scope": {"owner": "o", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
        "training": {"estimators": [{"use": "linear"}], "time_treatments": ["all_history"]},
        "gate": {"max_latency_ms": 10_000},
    }
)


def rows(slope: float) -> pd.DataFrame:
    """Labels of three times a column with noise of deviation 1; from a day on another multiple."""
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(DAYS), ROWS_A_DAY)
    a = rng.normal(size=len(day))
    moments = [FIRST + timedelta(days=int(number)) for number in day]
    label = np.where(day >= ONSET, slope, 3.0) * a + rng.normal(size=len(day))
    ids = [f"r{number}" for number in range(len(day))]
    return pd.DataFrame({"row_id": ids, "a": a, "y": label, "t": pd.to_datetime(moments), "event_date": moments})


def request(known: pd.DataFrame, spec: ProjectSpec = SPEC) -> TrainingRequest:
    old = known[known["event_date"] < FIRST + timedelta(days=TRAINED)]
    night = FIRST + timedelta(days=DAYS)
    champion = fit_model(Recipe(estimator="linear"), old, spec, night).portable
    until = max(old["event_date"])
    return TrainingRequest(known, known[["row_id", "event_date"]], night, champion, until)


def test_after_a_change_the_recipe_that_learns_from_the_new_days_alone_is_chosen_by_rows_it_left_out() -> None:
    known, start = rows(6.0), FIRST + timedelta(days=ONSET)
    found = fit_in_regime(known, SPEC, FIRST + timedelta(days=DAYS), start)
    assert found is not None
    assert [result.recipe.treatments for result in found.results] == [("all_history",), ("window",)]
    assert found.fitted.recipe.window_days == DAYS - ONSET
    assert set(known["event_date"].iloc[found.crossed.rows]) == {start + timedelta(days=day) for day in range(10)}
    assert known["y"].iloc[found.crossed.rows].tolist() == found.crossed.truth.tolist()


def test_with_too_few_new_rows_for_a_block_the_hold_out_is_examined_instead() -> None:
    known, start = rows(6.0), FIRST + timedelta(days=ONSET)
    thin = known[(known["event_date"] < start) | (known.index % 8 == 0)]  # four blocks of 12 or 13 rows
    assert fit_in_regime(thin, SPEC, FIRST + timedelta(days=DAYS), start) is None
    question = request(thin)
    assert question.changed_on(SPEC) == start
    found = train_and_evaluate(question, SPEC, None, steps=PLAIN)  # type: ignore[arg-type]  # only for own baselines
    assert found.comparison_set.crossed is None


def test_blocks_have_as_many_rows_each_although_days_are_without_any() -> None:
    known, start = rows(6.0), FIRST + timedelta(days=ONSET)
    free = known["event_date"].isin([start + timedelta(days=day) for day in (4, 5, 6)])
    found = fit_in_regime(known[~free], SPEC, FIRST + timedelta(days=DAYS), start)
    assert found is not None  # of four blocks of two and a half days, one would have half a day of rows
    assert len(found.crossed.rows) == 7 * ROWS_A_DAY


def test_an_early_try_is_held_against_the_new_regime_and_passes() -> None:
    question = request(rows(6.0))
    assert question.changed_on(SPEC) == FIRST + timedelta(days=ONSET)
    assert question.too_early(SPEC) == ""
    found = train_and_evaluate(question, SPEC, None, steps=PLAIN)  # type: ignore[arg-type]  # only for own baselines
    assert found.evidence.passed
    assert (found.evidence.start, found.evidence.rows) == (FIRST + timedelta(days=ONSET), 10 * ROWS_A_DAY)
    assert found.evidence.confidence == 1 - 0.05 / 2  # the better of two recipes on the same rows


def test_without_a_change_the_hold_out_is_examined_as_ever() -> None:
    assert request(rows(3.0)).changed_on(SPEC) is None


def spec_of_classes(**blocks: dict[str, object]) -> ProjectSpec:
    training = {"estimators": [{"use": "linear"}], "time_treatments": ["all_history"], "task": "multiclass"}
    scope = {"owner": "o", "objective": "x", "metric": "log_loss", "baseline": "mean"}
    content = SPEC.model_dump(exclude_unset=True) | {"scope": scope, "training": training}
    return ProjectSpec.model_validate(content | blocks)


def graded(newest: int = DAYS) -> pd.DataFrame:
    """Three grades by a number with noise, which change places on a day; from another day on one in three is "new"."""
    known = rows(6.0)
    rng, day = np.random.default_rng(1), np.repeat(np.arange(DAYS), ROWS_A_DAY)
    sign = np.where(day >= ONSET, -1.0, 1.0)
    place = np.digitize(sign * known["a"] + 0.2 * rng.normal(size=len(day)), [-0.5, 0.5])
    names = np.array(["bad", "fair", "good"])[place]
    return known.assign(y=np.where((day >= newest) & (known.index % 3 == 0), "new", names))


def test_a_change_of_several_classes_is_found_and_a_challenger_that_learned_it_passes() -> None:
    spec = spec_of_classes()
    question = request(graded(), spec)
    assert question.changed_on(spec) == FIRST + timedelta(days=ONSET)
    found = train_and_evaluate(question, spec, None, steps=PLAIN)  # type: ignore[arg-type]  # only for own baselines
    assert found.evidence.passed, found.evidence.reasons
    assert found.evidence.rows == 10 * ROWS_A_DAY


def test_a_class_that_came_in_the_last_block_has_no_probability_there_and_hides_no_other_row() -> None:
    spec = spec_of_classes()
    known = graded(newest=DAYS - 2)
    found = train_and_evaluate(request(known, spec), spec, None, steps=PLAIN)  # type: ignore[arg-type]
    crossed = found.comparison_set.crossed
    assert crossed is not None
    assert crossed.shape == (10 * ROWS_A_DAY, 4)
    held = found.comparison_set.holdout
    of_new = [str(name) for name in found.comparison_set.challenger.schema.classes].index("new")
    assert crossed[held["y"] == "new", of_new].tolist() == [0.0] * int((held["y"] == "new").sum())
    assert np.asarray(found.comparison_set.baseline_prediction).shape == crossed.shape
    assert found.evidence.challenger_loss < (found.evidence.champion_loss or 0)


def test_after_a_change_the_rule_of_what_is_deferred_rests_on_answers_of_fits_without_the_row() -> None:
    spec = spec_of_classes(automation={"target_error": 0.3})
    question = request(graded(), spec)
    assert question.changed_on(spec) == FIRST + timedelta(days=ONSET)
    found = train_and_evaluate(question, spec, None, steps=PLAIN)  # type: ignore[arg-type]
    compared = found.comparison_set
    released = refit(found.trained, question.known, compared.holdout, spec, None, compared.crossed)
    rule = released.fitted.portable.schema.deferral
    assert rule is not None
    assert rule.rows == 10 * ROWS_A_DAY
    assert rule.error_bound <= 0.3
