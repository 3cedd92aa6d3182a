"""The spread of a column: seen where values move away from their middle, or towards it, and the level stays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.drift import NoiseModel, Reference, build_reference, fit_noise_model
from tasks.drift.measures import contrasts
from tasks.drift.measures.contrasts import spread_statistics
from tasks.profiles import fit_ruler, profile

FIRST, DAYS, ROWS = date(2026, 1, 5), 56, 200
EFFECT, ALPHA = 0.1, 1e-4


def rows(number: int, factor: float = 1.0, count: int = ROWS) -> pd.DataFrame:
    return pd.DataFrame({"answer": factor * np.random.default_rng([4, number]).normal(size=count)})


@pytest.fixture(scope="module")
def reference() -> Reference:
    frames = [rows(number) for number in range(DAYS)]
    ruler = fit_ruler(pd.concat(frames), numbers=["answer"], categories=[], booleans=[])
    days = [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]
    return build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, frames, strict=True)])


@pytest.mark.parametrize(("factor", "direction"), [(0.8, -1), (1.25, 1)])
def test_answers_that_are_nearer_to_each_other_or_farther_apart_move_the_spread(
    reference: Reference, factor: float, direction: int
) -> None:
    # The mean of |2u - 1| of a normal column times s is 2 / pi arctan(s): .43 for .8, .57 for 1.25; .5 before.
    window = profile(rows(DAYS, factor, 7 * ROWS), reference.total.ruler), FIRST + timedelta(days=DAYS), 7
    (spread,) = spread_statistics(reference, window, EFFECT, ALPHA)
    assert (spread.column, spread.statistic, spread.direction) == ("answer", "spread", direction)
    expected = abs(2 / np.pi * np.arctan(factor) - 0.5) * 12**0.5
    assert spread.distance == pytest.approx(expected, abs=0.06)
    assert spread.strain > 1


@pytest.mark.parametrize("shift", [0.0, 0.15])
def test_answers_that_are_as_before_or_moved_a_little_as_a_whole_have_their_spread(
    reference: Reference, shift: float
) -> None:
    window = profile(rows(DAYS, 1.0, 7 * ROWS) + shift, reference.total.ruler), FIRST + timedelta(days=DAYS), 7
    (spread,) = spread_statistics(reference, window, EFFECT, ALPHA)
    assert spread.strain < 1


def test_the_variation_of_the_spread_is_fitted_once_for_all_nights(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[int] = []

    def counted(starts: list[date], *rest: Any, **more: Any) -> NoiseModel:
        fits.append(len(starts))
        return fit_noise_model(starts, *rest, **more)

    monkeypatch.setattr(contrasts, "fit_noise_model", counted)
    frames = [rows(number) for number in range(DAYS)]
    ruler = fit_ruler(pd.concat(frames), numbers=["answer"], categories=[], booleans=[])
    known = build_reference([((FIRST + timedelta(days=n)).isoformat(), profile(frames[n], ruler)) for n in range(DAYS)])
    for night in range(3):
        for days in (1, 7):
            window = profile(rows(DAYS + night), ruler), FIRST + timedelta(days=DAYS + night), days
            spread_statistics(known, window, EFFECT, ALPHA)
    assert sorted(fits) == [DAYS // 7, DAYS]
