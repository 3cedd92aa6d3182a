"""The story of patient-records comes true: a wrong unit is kept out, and a new assay is asked about."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worked_stories import contents, landed_history, project_script

if TYPE_CHECKING:
    import pandas as pd

    from flows.backtest.strategy import BacktestResult
    from tasks.lake import Lake
    from tasks.spec import ProjectSpec

FOLDER = Path(__file__).parents[2] / "deployments" / "patient-records"
HISTORY, LAST, MOMENT = date(2026, 3, 2), date(2026, 4, 6), datetime(2026, 4, 6, 4, tzinfo=UTC)
WRONG_UNIT = [date(2026, 3, day) for day in (10, 11, 12)]
FIRST_NEW_ASSAY = date(2026, 3, 18)
KEY = "LEEWAY_PRIVACY_KEY"


@dataclass(frozen=True)
class Story:
    spec: ProjectSpec
    lake: Lake
    rows: pd.DataFrame
    result: BacktestResult


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    from flows.backtest.engine import run_backtest
    from flows.backtest.strategy import Strategy
    from flows.backtest.trainer import BacktestTrainer
    from tasks.lake import Lake
    from tasks.spec import read_spec

    spec = read_spec(FOLDER / "project.yaml")
    lake = Lake(str(tmp_path_factory.mktemp("patients")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, os.environ.get(KEY, "a key for this test only"))
        history = landed_history(spec, FOLDER, lake, LAST)
    trainer = BacktestTrainer(history, FOLDER)
    result = run_backtest(Strategy("policy", spec), trainer, HISTORY, answers={"assay": "drift"})
    return Story(spec, lake, history.rows, result)


def test_the_script_makes_the_landing_again_to_the_same_bytes(tmp_path: Path) -> None:
    project_script(FOLDER).main(tmp_path)
    made, kept = (contents(folder) for folder in (tmp_path, FOLDER / "landing"))
    assert made == kept
    assert sum(map(len, kept.values())) < 2_000_000


@pytest.mark.timeout(900)
def test_a_laboratory_that_changes_its_unit_is_quarantined_and_named_and_nothing_is_learned_from_it(
    story: Story,
) -> None:
    from tasks.lake import active_rows

    decisions = {decision.night: decision for decision in story.result.decisions}
    for night in WRONG_UNIT:
        named = f"values/{night}-nord.csv.gz (unit change in haemoglobin)"
        assert (decisions[night].action, decisions[night].reason) == ("quarantine", f"quarantined: {named}")
    accepted = active_rows(story.lake, "patient-records", "features")
    span = accepted["event_date"].between(WRONG_UNIT[0] - timedelta(days=1), WRONG_UNIT[-1] - timedelta(days=1))
    assert accepted.loc[span, "haemoglobin"].mean() == pytest.approx(
        13.4, abs=0.3
    )  # all in g/dL, a part is 8.4 in mmol/L


def test_no_night_up_to_the_new_assay_says_anything_else(story: Story) -> None:
    others = [one for one in story.result.decisions if one.night <= FIRST_NEW_ASSAY and one.night not in WRONG_UNIT]
    assert {(decision.action, decision.kind) for decision in others} == {("score", "none")}


def test_a_new_assay_is_asked_about_once_and_quarantines_nothing(story: Story) -> None:
    asked = [decision for decision in story.result.decisions if decision.action == "ask"]
    assert [(one.night - FIRST_NEW_ASSAY).days <= 2 for one in asked] == [True]
    assert "in assay" in asked[0].reason
    assert [night for night, files in story.result.quarantined.items() if files] == WRONG_UNIT


def test_patients_who_become_older_are_seen_and_page_no_one(story: Story) -> None:
    from tasks.notify import states
    from tasks.records import NightEntry

    nights = [entry for entry in story.result.record if isinstance(entry, NightEntry)]
    past = [night.night for night in nights if any(one.column == "age" and one.strain > 1 for one in night.moved)]
    assert past
    paged = {state.subject for night in nights for state in states(night, nights[: nights.index(night) + 1])}
    assert "assay" in paged
    assert "age" not in paged


def test_days_of_23_and_25_hours_lose_no_row_and_no_value(story: Story) -> None:
    stays = project_script(FOLDER).simulated(1, 90).stays
    twice = story.rows[story.rows["repeated_hour"]]
    local = stays["assessed"].dt.strftime("%Y-%m-%d %H %z")
    assert len(twice) == int((local == "2025-10-26 02 +0100").sum()) > 0
    of_days = story.rows.groupby("event_date").size()
    for day in (date(2025, 10, 26), date(2026, 3, 29)):
        assert of_days[day] == int((stays["assessed"].dt.date == day).sum())
        assert story.rows.loc[story.rows["event_date"] == day, "crp"].notna().all()


def test_no_name_is_stored_and_one_person_can_be_erased(story: Story) -> None:
    from flows.cli.commands.project_data.erase_subject import ErasureRequest, erase
    from tasks.dataset.erasure_subject import subject_of
    from tasks.lake import active_rows

    rows = active_rows(story.lake, "patient-records", "rows")
    assert "name" not in rows
    assert not {"20001", "Becker, Anna"} & set(rows.astype(str).to_numpy().ravel())
    someone = str(rows["patient"].iloc[-1])
    subject = subject_of([someone], "patient", story.spec, lambda _, text: text)
    erase(story.lake, story.spec, ErasureRequest(subject, "the officer", "asked to", LAST, MOMENT), None)
    left = [active_rows(story.lake, "patient-records", table).astype(str) for table in ("rows", "features")]
    assert not any((table == someone).to_numpy().any() for table in left)
    assert len(left[0]) < len(rows)


def test_a_person_may_release_what_was_quarantined(story: Story) -> None:
    from tasks.lake import active_rows, latest
    from tasks.validate.task import release

    wrong = next(batch for batch in latest(story.lake, "patient-records") if batch.verdict == "quarantined")
    assert release(story.lake, story.spec, wrong, MOMENT + timedelta(hours=2)) == wrong.rows_quarantined > 0
    released = active_rows(story.lake, "patient-records", "features")
    assert released.loc[released["batch_id"] == wrong.batch_id, "haemoglobin"].mean() == pytest.approx(8.3, abs=0.5)
