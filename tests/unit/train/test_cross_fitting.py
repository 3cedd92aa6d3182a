from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.spec import ProjectSpec
from tasks.statistics import PromiseEvidence, evidence_from_dict, evidence_to_dict
from tasks.train.assessment.cross_fitting import release_evidence
from tasks.train.fit.calibration import FittedCalibration
from tasks.train.model_search.recipes import Recipe

FIRST, DAYS, ROWS_A_DAY = date(2026, 1, 1), 80, 40
RECENT = Recipe(("recency",), half_life_days=5.0, estimator="linear")
SPEC = ProjectSpec.model_validate(
    {
        "project": "p",
        "scope": {"owner": "o", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
    }
)


def rows(jump: float, onset: int = 60) -> pd.DataFrame:
    """Labels that follow a column with noise of deviation 1, and jump on one day."""
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(DAYS), ROWS_A_DAY)
    a = rng.normal(size=len(day))
    moments = [FIRST + timedelta(days=int(number)) for number in day]
    label = 3 * a + rng.normal(size=len(day)) + jump * (day >= onset)
    return pd.DataFrame({"a": a, "y": label, "t": pd.to_datetime(moments), "event_date": moments})


def promise(jump: float) -> PromiseEvidence:
    evidence = release_evidence(RECENT, FittedCalibration(), rows(jump), SPEC)
    assert evidence is not None
    return evidence.promise


def test_without_a_change_the_promise_rests_on_all_days() -> None:
    evidence = promise(0.0)
    assert len(evidence.loss.promised.days) == DAYS
    assert evidence.loss.promised.mean == pytest.approx((2 / np.pi) ** 0.5, rel=0.1)  # mean size of a standard normal
    assert evidence.bias_unit == pytest.approx(1.0, rel=0.1)


def test_after_a_change_the_promise_is_that_of_the_release_in_the_newest_regime() -> None:
    evidence = promise(20.0)
    # Each left-out block of the new regime is scored by a fit that weighs the other blocks of it most.
    assert evidence.loss.promised.days[0] - (np.datetime64(FIRST, "D").astype(int) + 60) in {-1, 0, 1}
    assert evidence.loss.promised.mean < 5.0
    assert len(evidence.loss.history.days) == DAYS


def test_evidence_is_read_as_it_was_written() -> None:
    stored = evidence_to_dict(promise(0.0))
    assert evidence_to_dict(evidence_from_dict(stored)) == stored


def test_the_rows_of_the_evidence_are_answered_by_fits_that_left_them_out() -> None:
    known = rows(20.0)
    evidence = release_evidence(RECENT, FittedCalibration(), known, SPEC)
    assert evidence is not None
    crossed = evidence.rows
    assert known["y"].iloc[crossed.rows].tolist() == crossed.truth.tolist()
    assert crossed.losses.tolist() == np.abs(crossed.truth - crossed.predictions).tolist()
    assert min(known["event_date"].iloc[crossed.rows]) >= FIRST + timedelta(days=59)  # the newest regime alone


def test_too_few_rows_give_no_evidence() -> None:
    assert release_evidence(RECENT, FittedCalibration(), rows(0.0).iloc[:30], SPEC) is None


def test_a_class_of_the_newest_days_hides_none_of_their_other_rows() -> None:
    content = SPEC.model_dump(exclude_unset=True)
    content["scope"] = {"owner": "o", "objective": "x", "metric": "log_loss", "baseline": "mean"}
    spec = ProjectSpec.model_validate(content | {"training": {"task": "multiclass"}})
    known = rows(0.0)
    grades = np.array(["bad", "fair", "good"])[np.digitize(known["a"], [-0.5, 0.5])]
    newest = (known["event_date"] >= FIRST + timedelta(days=DAYS - 3)) & (known.index % 4 == 0)
    known = known.assign(y=np.where(newest, "new", grades))
    found = release_evidence(Recipe(estimator="linear"), FittedCalibration(), known, spec)
    assert found is not None
    assert len(found.promise.loss.history.days) == DAYS
    assert found.promise.loss.promised.count == len(known) - newest.sum()  # no fit without these days knows the class
    assert found.promise.loss.promised.mean < 0.5
