"""What people decide next to the model is in the report and in `leeway why`, with its intervals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from tasks.metrics_export.night_facts import NightFacts
from tasks.metrics_export.prometheus_text import exposition, families
from tasks.records import ComparedRows, DecidedByPeople, NightEntry, PersonComparison, SureMean
from tasks.records.entry_codec import from_row, to_row
from tasks.render.axes import NightSpan
from tasks.report import night_numbers
from tasks.report.charts.output_figures import people_figure
from tasks.report.quality_tables import people_section

MOMENT = datetime(2026, 2, 4, tzinfo=UTC)
ROWS = ComparedRows(
    "",
    400,
    SureMean(0.9, 0.85, 0.94),
    300,
    SureMean(0.125, 0.08, 0.19),
    SureMean(0.0625, 0.03, 0.11),
    30,
    SureMean(0.8, 0.55, 0.93),
)
FOUND = PersonComparison(
    version=3,
    since=date(2026, 1, 1),
    until=date(2026, 2, 3),
    are_shares=True,
    hidden=ROWS,
    slices=(replace(ROWS, where="lamp = new", rows=40),),
    shown_rows=20,
    shown_agreement=SureMean(1.0, 0.8, 1.0),
)
ANSWER = DecidedByPeople(FOUND.sentence, comparison=FOUND)
NIGHT = NightEntry(name="n", night=MOMENT.date(), time=MOMENT, action="score", reason="", answers=(ANSWER,))


def test_a_night_keeps_and_shows_how_people_decide_next_to_the_model() -> None:
    assert from_row(to_row(NIGHT)) == NIGHT
    section = people_section(NIGHT)
    assert "surely more often the model" in section.lines[0]
    assert "20 more rows were decided with the answer in view" in section.lines[1]
    assert section.table is not None
    assert [row[:3] for row in section.table.rows] == [
        ("all", "400", "90.0 % (85.0 to 94.0)"),
        ("lamp = new", "40", "90.0 % (85.0 to 94.0)"),
    ]
    assert "lamp" not in people_figure([NIGHT], NightSpan(NIGHT.night, NIGHT.night))
    assert people_figure([replace(NIGHT, answers=())], NightSpan(NIGHT.night, NIGHT.night)) == ""


def test_its_numbers_are_metrics() -> None:
    assert night_numbers(NIGHT)["people.model_error_high"] == 0.11
    text = exposition(families(NightFacts("shop", MOMENT, people=FOUND)))
    for line in (
        'leeway_people_agreement{bound="low",project="shop"} 0.85',
        'leeway_people_error{bound="value",decider="person",project="shop"} 0.125',
        'leeway_people_rows{kind="shown",project="shop"} 20.0',
    ):
        assert line in text
