"""A timeline reads what nights have stored, and gives the same as the rows themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from flows.backtest.engine import _Run, replay_record
from flows.backtest.history import History, history_in
from flows.backtest.strategy import Strategy
from flows.backtest.timeline.label_feed import LabelFeed
from flows.backtest.timeline.row_profiles import RowProfiles
from flows.backtest.timeline.timeline import Timeline
from flows.backtest.trainer import BacktestTrainer, training_settings
from flows.loaded_version import Champion
from tasks.dataset.label_join import newest_labels, ranked
from tasks.drift import RepeatedRows, repeated_rows, row_hashes
from tasks.lake import Batch, Deliveries, Lake, accepted, add_batches
from tasks.monitor.profiling.task import BatchSummaries, profile_batches
from tasks.profiles import fit_ruler, with_dates
from tasks.spec.project_spec import ProjectSpec
from tests.deliveries import accepted_batch
from tests.recorded_entries import decided_night

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
    frame = frame.assign(id=[f"{number}-{place}" for place in range(ROWS)], at=pd.to_datetime(frame["event_date"]))
    return frame.assign(row_id=[f"{number}-{place}" for place in range(ROWS)], batch_id=f"r{number}", revision=1)


def batch(name: str, kind: str, night: date) -> Batch:
    return accepted_batch(name, night, ROWS, kind=kind, key=f"{kind}/{night}", event_from=night - timedelta(days=1))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    rows = {f"r{number}/1": delivery(number) for number in range(NIGHTS)}
    lake.add_each("small", "rows", rows)
    first = rows["r0/1"][["row_id"]].assign(label=1.0, batch_id="l0", revision=1, arrival=FIRST)
    again = first.iloc[:5].assign(label=2.0, batch_id="l1", arrival=FIRST + timedelta(days=2))
    lake.add_each("small", "labels", {"l0/1": first, "l1/1": again})
    nights = [FIRST + timedelta(days=number) for number in range(NIGHTS)]
    label_batches = [batch("l0", "labels", nights[0]), batch("l1", "labels", nights[2])]
    add_batches(lake, "small", [*(batch(f"r{n}", "rows", night) for n, night in enumerate(nights)), *label_batches])
    ruler = fit_ruler(rows["r0/1"], numbers=["x"], categories=["c"], booleans=[])
    ruler = with_dates(ruler, rows["r0/1"], ["d"])
    profile_batches(accepted(lake, "small"), BatchSummaries(lake, "small", ruler, lambda rows: rows, SPEC.features))
    return history_in(lake, SPEC)


def known(history: History, night: int) -> Deliveries:
    """Return the deliveries as they were known on a night."""
    return history.deliveries.as_of(datetime.combine(FIRST + timedelta(days=night), datetime.min.time(), UTC))


def test_a_record_without_a_champion_has_answered_nothing_in_a_table_with_its_columns(history: History) -> None:
    moment = datetime.combine(FIRST, datetime.min.time(), UTC)
    waited = replace(decided_night(), name="n", night=FIRST, time=moment)
    result = replay_record(SPEC, BacktestTrainer(replace(history, entries=(waited,)), Path()))
    assert [decision.action for decision in result.decisions] == ["wait"]
    assert len(result.served) == 0
    assert [*result.served] == ["row_id", "event_date", "prediction", "decision", "version", "label"]


def test_rows_of_days_that_a_champion_was_trained_on_are_answered_on_the_night_they_come(history: History) -> None:
    run = _Run(Strategy("never", SPEC, "never"), BacktestTrainer(history, Path()))
    model = SimpleNamespace(predict=lambda rows: np.zeros(len(rows)))
    champion = cast("Champion", SimpleNamespace(number=1, trained_until=FIRST + timedelta(days=1), model=model))
    run.store.versions[1] = champion
    third = FIRST + timedelta(days=2)  # half of its rows are of the day before
    night = run._night(third, datetime.combine(third, datetime.max.time(), UTC))
    run.served.answer(night, champion)
    run.served.answer(night, champion)
    served = run.result.served
    assert sorted(served["event_date"].value_counts().to_dict().items()) == [
        (FIRST + timedelta(days=1), ROWS // 2),
        (third, ROWS // 2),
    ]
    assert served["row_id"].str.startswith("2-").all()


def test_stored_profiles_are_those_of_the_rows(history: History) -> None:
    assert history.accepted is not None
    ruler, last = history.accepted.ruler, FIRST + timedelta(days=NIGHTS)
    timelines = Timeline(history), Timeline(replace(history, accepted=None))
    stored, made = (
        RowProfiles(timeline, SPEC, ruler).accepted(history.deliveries, FIRST, last) for timeline in timelines
    )
    assert stored == made
    assert sorted(stored) == [FIRST + timedelta(days=number) for number in range(1, NIGHTS)]
    first_day = ROWS // 2  # of r1
    assert sum(rows.rows for rows in stored.values()) == (NIGHTS - 1) * ROWS - first_day


def test_profiles_follow_the_state_of_their_batches(history: History) -> None:
    assert history.accepted is not None
    profiles = RowProfiles(Timeline(history), SPEC, history.accepted.ruler)
    last = FIRST + timedelta(days=NIGHTS)
    once = [profiles.accepted(known(history, night), date.min, last) for night in (1, 3, 1)]
    assert [sum(rows.rows for rows in days.values()) for days in once] == [2 * ROWS, 4 * ROWS, 2 * ROWS]
    assert once[0] == once[2]  # what was withdrawn is not there any more


def test_quarantined_rows_are_profiled_as_they_were_delivered(history: History) -> None:
    assert history.accepted is not None
    batch = next(batch for batch in history.deliveries.latest() if batch.batch_id == "r1")
    state = batch.quarantined("[]")
    deliveries = Deliveries((*history.deliveries.revisions, state))
    profiles, last = RowProfiles(Timeline(history), SPEC, history.accepted.ruler), FIRST + timedelta(days=NIGHTS)
    held = profiles.quarantined(deliveries, last, {"r1": batch})
    rows = profiles.of_revision(("r1", 1))
    assert {day: each.rows for day, each in held.items()} == {day: each.rows for day, each in rows.items()}
    assert [each.columns["c"] for each in held.values()] == [each.columns["c"] for each in rows.values()]
    assert sum(rows.rows for rows in profiles.accepted(deliveries, date.min, last).values()) == (NIGHTS - 1) * ROWS


def test_rows_are_found_by_what_counts_and_repeats_by_value(history: History) -> None:
    timeline = Timeline(history)
    positions = timeline.rows_written(("r1", 1))
    rows = timeline.rows(positions)
    assert set(rows["batch_id"]) == {"r1"}
    assert timeline.repeated(positions, SPEC.features) == RepeatedRows(1 / ROWS, ROWS)
    assert timeline.repeated(positions, SPEC.features) == repeated_rows(row_hashes(rows[["x", "c"]], ["c"]))
    assert len(timeline.between(positions, FIRST, FIRST + timedelta(days=9))) == ROWS / 2
    assert len(timeline.counted(known(history, 1))) == 2 * ROWS
    assert timeline.frame["row_id"].is_monotonic_increasing


def test_a_label_is_known_from_the_night_it_came_and_corrected_later(history: History) -> None:
    feed = LabelFeed(Timeline(history))
    counts = []
    for night in (1, 2):
        labels, has_label = feed.known(known(history, night), FIRST + timedelta(days=night))
        counts.append((int(has_label.sum()), int(np.nansum(labels))))
    assert counts == [(ROWS, ROWS), (ROWS, ROWS + 5)]
    _, recent = feed.known(history.deliveries, FIRST + timedelta(days=2), after=FIRST)
    assert recent.sum() == 5  # the newest label of the others came earlier
    assert np.nansum(feed.final) == ROWS + 5


def test_known_labels_are_the_newest_labels_of_nights(history: History) -> None:
    rng = np.random.default_rng(0)
    nights = [FIRST + timedelta(days=int(day)) for day in rng.integers(0, NIGHTS, 300)]
    rows = rng.choice(history.rows["row_id"].unique(), 300)
    batches = rng.choice(["l0", "l1"], 300)
    labels = pd.DataFrame({"row_id": rows, "label": rng.integers(0, 9, 300).astype(float), "arrival": nights})
    timeline = Timeline(replace(history, labels=labels.assign(batch_id=batches, revision=1)))
    for night, after in ((0, -9), (2, -9), (3, 1)):
        until, since = FIRST + timedelta(days=night), FIRST + timedelta(days=after)
        counted = ranked(known(history, night).active(timeline.history.labels), history.deliveries)
        newest = newest_labels(counted, after=since, until=until).set_index("row_id")["label"]
        values, has_label = LabelFeed(timeline).known(known(history, night), until, since)
        found = pd.Series(values[has_label], index=timeline.row_ids[has_label])
        assert found.sort_index().to_dict() == newest.sort_index().to_dict()


def test_policies_share_their_models_unless_they_train_or_release_in_another_way() -> None:
    def settings(**blocks: object) -> str:
        content = SPEC.model_dump(mode="json", exclude_defaults=True)
        return training_settings(ProjectSpec.model_validate(content | blocks))

    assert settings(monitoring={"false_alarms_per_year": 1}) == settings()
    other: list[dict[str, object]] = [
        {"monitoring": {"window_days": 1}},
        {"automation": {"target_error": 0.5}},
        {"gate": {"min_rows": 99}},
    ]
    assert settings() not in [settings(**blocks) for blocks in other]
