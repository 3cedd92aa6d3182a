"""Half a year of a project as such projects are: nothing is lost, each question is asked once, a replay agrees.

LEEWAY_HALF_YEAR=2000 lets so many rides land a week, and decides every night again; by default sixty, and every third.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tasks.lake import SUPERSEDED, active_rows, deliveries, read_entries, read_nights
from tests.end_to_end.half_year import ADDED, BEFORE, BROKEN, KIND, WEEKS, HalfYear
from tests.end_to_end.recorded_histories import RecordedProject, _let_nights_plan_retrainings

USUAL = 60
RIDES_A_WEEK = int(os.environ.get("LEEWAY_HALF_YEAR", USUAL))
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of third parties' own imports
    pytest.mark.timeout(1800),
]


def accounted(project: RecordedProject, landed: int) -> None:
    """Check that each ride that has landed counts once, or is held in quarantine."""
    known = deliveries(project.workspace.lake, project.name)
    rows = active_rows(project.workspace.lake, project.name, "rows", known)
    assert rows["row_id"].is_unique
    held = [batch for batch in known.latest() if batch.kind == "rows" and batch.verdict != SUPERSEDED]
    for batch in held:
        assert batch.rows_in == batch.rows_accepted + batch.rows_quarantined + batch.rows_elsewhere, batch
    assert len(rows) + sum(batch.rows_quarantined for batch in held) == landed


def asked(project: RecordedProject) -> Counter[tuple[date, str, str]]:
    """Return what a person was asked: each suspicion by the night it was first asked on, and each quarantined file."""
    questions = [
        (state.asked, state.where, state.sentence)
        for night in read_nights(project.workspace.lake, project.name)
        for state in night.suspected
        if state.asked == night.night
    ]
    quarantined = [
        (night.night, batch.name, batch.verdict)
        for night in read_nights(project.workspace.lake, project.name)
        for batch in night.batches
        if batch.verdict != "accepted"
    ]
    return Counter([*questions, *quarantined])


def test_half_a_year_loses_nothing_asks_each_question_once_and_is_decided_again_the_same(servers: Path) -> None:
    from flows.backtest.redecide import redecide
    from flows.migrate import Migration, migrate

    year = HalfYear(servers / "projects" / "rides", RIDES_A_WEEK)
    year.write()
    project = RecordedProject("rides")
    _let_nights_plan_retrainings(project.name)
    trained = False
    for week in range(WEEKS):
        if week == ADDED:
            year.replace_in_spec("numbers: [distance, seats]", "numbers: [distance, seats, tier]")
        if week == KIND:
            year.replace_in_spec("numbers: [distance, seats, tier]", "numbers: [distance, tier]")
            year.replace_in_spec("categories: [zone]", "categories: [zone, seats]")
            (done,) = migrate(project.workspace, Migration())
            assert "'seats' from numbers to categories" in done
        year.land(week)
        project.night(year.night(week))
        accounted(project, len(year.landed))
        if not trained and week == BEFORE:
            assert project.retrain(year.night(week)) == "registered"
            assert project.answer(1, "approved", year.night(week)) == "promoted"
            trained = True
    questions = asked(project)
    Path(servers / "asked.txt").write_text("\n".join(map(str, sorted(questions))), encoding="utf-8")
    assert set(questions.values()) == {1}, questions
    broken = [name for _, name, verdict in questions if verdict == "partly_quarantined"]
    assert broken == [f"rows {year.night(BROKEN)}.csv"]
    for entry in read_nights(project.workspace.lake, project.name)[:: 1 if RIDES_A_WEEK > USUAL else 3]:
        stored, again = redecide(project.workspace, entry.night)
        assert (again.action, again.answers) == (stored.action, stored.answers), entry.night
    assert len(read_entries(project.workspace.lake, project.name, "migration")) == 1
