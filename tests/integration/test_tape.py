"""A replay reads what nights have stored, and comes to the same as from the rows themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from flows.backtest.history import History, history_in
from flows.backtest.timeline import LabelFeed, Timeline
from tasks.drift import duplicate_share
from tasks.lake import Batch, Lake, accepted, add_batches
from tasks.monitor.profiling.task import profile_batches
from tasks.profiles import fit_ruler, with_dates
from tasks.spec.project_spec import ProjectSpec

FIRST, NIGHTS, ROWS = date(2026, 1, 5), 4, 30
SPEC = ProjectSpec.model_validate(
    {
        "project": "small",
        "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "y", "uri": "labels"}},
        "features": {"numbers": ["x"], "categories": ["c"], "dates": ["d"]},
    }
)


def delivery(number: int) -> pd.DataFrame:
    """Rows of two event dates each, so that dates are summed over deliveries; the last row repeats the one before."""
    rng = np.random.default_rng(number)
    night = FIRST + timedelta(days=number)
    days = [night - timedelta(days=place % 2) for place in range(ROWS)]
    frame = pd.DataFrame({"x": rng.normal(size=ROWS), "c": rng.choice(["a", "b"], ROWS), "event_date": days})
    frame.loc[ROWS - 1, ["x", "c"]] = frame[["x", "c"]].iloc[ROWS - 2]
    frame["d"] = pd.to_datetime(frame["event_date"]) - pd.to_timedelta(rng.integers(0, 9, ROWS), unit="D")
    return frame.assign(row_id=[f"{number}-{place}" for place in range(ROWS)], batch_id=f"r{number}", revision=1)


def batch(name: str, kind: str, night: date) -> Batch:
    moment = datetime.combine(night, datetime.min.time(), UTC)
    days = (night - timedelta(days=1), night)
    counts = (ROWS, ROWS, 0, 0)
    return Batch(name, 1, 1, kind, f"{kind}/{night}", 1, "", night, night, moment, *days, *counts, "accepted", "[]")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    rows = {f"r{number}/1": delivery(number) for number in range(NIGHTS)}
    lake.add_each("small", "rows", rows)
    first = rows["r0/1"][["row_id"]].assign(label=1.0, batch_id="l0", revision=1, arrival=FIRST)
    again = first.iloc[:5].assign(label=2.0, batch_id="l1", arrival=FIRST + timedelta(days=2))
    lake.add_each("small", "labels", {"l0/1": first, "l1/1": again})
    nights = [FIRST + timedelta(days=number) for number in range(NIGHTS)]
    told = [batch("l0", "labels", nights[0]), batch("l1", "labels", nights[2])]
    add_batches(lake, "small", [*(batch(f"r{n}", "rows", night) for n, night in enumerate(nights)), *told])
    ruler = fit_ruler(rows["r0/1"], numbers=["x"], categories=["c"], booleans=[])
    ruler = with_dates(ruler, rows["r0/1"], ["d"])
    profile_batches(lake, "small", accepted(lake, "small"), ruler, features=lambda frame: frame)
    return history_in(lake, SPEC)


def test_stored_profiles_are_those_of_the_rows(history: History) -> None:
    assert history.stored is not None
    stored, plain = Timeline(history), Timeline(replace(history, stored=None))
    places = stored.landed(FIRST, FIRST + timedelta(days=NIGHTS))
    found = stored.summaries(places, history.stored.ruler)
    assert len(places) == (NIGHTS - 1) * ROWS
    assert found == plain.summaries(places, history.stored.ruler)
    assert sorted(found) == [FIRST + timedelta(days=number) for number in range(NIGHTS)]


def test_what_landed_is_found_by_night_and_what_repeats_by_value(history: History) -> None:
    tape = Timeline(history)
    context = tape.landed(FIRST, FIRST + timedelta(days=1))
    rows = tape.rows(context)
    assert set(rows["batch_id"]) == {"r1"}
    assert tape.repeated(context, ("x", "c")) == pytest.approx(duplicate_share(rows[["x", "c"]])) == 1 / ROWS
    assert len(tape.newer(context, FIRST)) == ROWS / 2


def test_a_label_is_known_from_the_night_it_came_and_corrected_later(history: History) -> None:
    told = LabelFeed(Timeline(history))
    told.until(FIRST + timedelta(days=1))
    assert (told.known.sum(), np.nansum(told.label)) == (ROWS, ROWS)
    told.until(FIRST + timedelta(days=2))
    assert (told.known.sum(), np.nansum(told.label)) == (ROWS, ROWS + 5)
    assert np.array_equal(told.final, told.label, equal_nan=True)
