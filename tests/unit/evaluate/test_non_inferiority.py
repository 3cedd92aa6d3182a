"""A smaller form is used only where the whole interval of what it loses is below the margin, and no slice is worse."""

from __future__ import annotations

import pytest

from tasks.evaluate import ComparisonSet
from tasks.evaluate.analysis.non_inferiority import NonInferiority, non_inferiority
from tests.unit.evaluate.test_gate import holdout, model, spec_of


def judged(a: float, b: float, max_loss: float, candidates: int = 1) -> NonInferiority:
    """Return how a form that answers a and b compares with a model that answers 104 in both zips."""
    compared = ComparisonSet(model(a, b), model(104.0, 104.0), holdout(), 0.0, 0.0, candidates=candidates)
    return non_inferiority(compared, spec_of(), max_loss)


def test_the_model_itself_loses_nothing() -> None:
    found = judged(104.0, 104.0, 0.0)
    assert (found.increase, found.increase_high, found.faults) == (0.0, 0.0, ())
    assert found.change is not None
    assert found.change.changed == 0.0


def test_the_upper_bound_is_compared_with_the_margin() -> None:
    found = judged(104.3, 104.3, 0.2)
    assert found.increase == pytest.approx(0.075, abs=0.01), "a loss of about 4 becomes one of about 4.3"
    assert found.increase <= found.increase_high < 0.2
    assert found.faults == ()
    assert "its loss may be larger by +7" in judged(104.3, 104.3, 0.05).faults[0]


def test_a_slice_that_is_worse_refuses_a_form_that_is_better_on_average() -> None:
    found = judged(106.0, 100.5, 0.5)
    assert found.increase < 0
    assert [fault.split(";")[0] for fault in found.faults] == ["found slices zip = a +48.5%"]
    slices = {part.value: (part.rows, part.changed) for part in judged(150.0, 104.0, 1.0).slices}
    assert slices == {"a": (140, 1.0), "b": (140, 0.0)}


def test_several_forms_share_the_error_rate() -> None:
    one, many = (judged(104.4, 103.0, 1.0, candidates) for candidates in (1, 20))
    assert many.increase_high >= one.increase_high
