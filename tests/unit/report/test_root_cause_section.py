"""Where it began, whom it concerns, in which slices it hurts, and how quickly: in `leeway why` and on the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tasks.report import Why, night_markdown, page, why_lines
from tasks.spec import ProjectSpec
from tests.unit.report.conftest import Night, shifted

STEPS: list[dict[str, Any]] = [
    {"name": "rows as delivered", "rows": 120, "moved": ["area"], "strain": 2.0},
    {"name": "rows accepted", "rows": 100, "moved": [], "strain": 0.0},
    {"name": "labels", "rows": None, "moved": [], "strain": 0.0},
]
UPSTREAM = [
    {"project": "sales", "night": "2026-02-01", "action": "hold", "kind": "covariate", "moved": ["price"]},
    {"project": "ranker", "night": None, "action": "", "kind": "", "moved": []},
]
SLICES = [
    {
        "column": "plan",
        "where": "plan is 'pro'",
        "rows": 90,
        "loss": 0.5,
        "expected": 0.25,
        "strain": 2.0,
        "alone": True,
    },
    {
        "column": "plan",
        "where": "plan is 'basic'",
        "rows": 900,
        "loss": 0.2,
        "expected": 0.25,
        "strain": 0.0,
        "alone": True,
    },
]


def section(why: Why, title: str) -> Any:
    return next((each for each in why.sections if each.title == title), None)


def test_every_step_is_shown_with_what_moved_in_it(spec: ProjectSpec, night: Night) -> None:
    found = section(why_lines(night(where_first="rows as delivered (area)", steps=STEPS), spec), "Where first")
    assert found.lines == ("rows as delivered (area)",)
    assert found.table.rows[:2] == (
        ("rows as delivered", "120", "area", "200%"),
        ("rows accepted", "100", "nothing", ""),
    )


def test_where_nothing_moved_the_steps_are_not_listed(spec: ProjectSpec, night: Night) -> None:
    assert section(why_lines(night(steps=[step | {"moved": []} for step in STEPS]), spec), "Where first") is None


def test_projects_up_and_downstream_are_told(spec: ProjectSpec, night: Night) -> None:
    found = section(why_lines(night(upstream=UPSTREAM, downstream=["offers", "report"]), spec), "Where first")
    assert found.lines == (
        "upstream, sales: hold on 2026-02-01; moved there: price",
        "upstream, ranker: no night yet",
        "downstream: offers, report",
    )


def test_slices_are_listed_once_one_of_them_is_past_its_leeway(spec: ProjectSpec, night: Night) -> None:
    found = section(why_lines(night(slices=SLICES), spec), "Does it hurt?")
    assert found.table.rows[0] == ("plan is 'pro'", "90", "0.5", "0.25", "200%", "yes")
    assert section(why_lines(night(slices=SLICES[1:]), spec), "Does it hurt?") is None


def test_how_quickly_the_data_change_is_told_with_how_long_the_leeway_lasts(spec: ProjectSpec, night: Night) -> None:
    told = night(speed={"area": 0.5}, moved=[shifted("area", 2.0)])
    assert section(why_lines(told, spec), "How quickly").lines == (
        "area: 0.5 a month since training; at that pace its leeway of 0.25 lasts 15 days",
    )


def test_harmless_drift_is_called_so_wherever_the_night_is_shown(spec: ProjectSpec, night: Night) -> None:
    said = "harmless: the rows moved, neither answers nor errors did"
    harmless = replace(
        night(answers=[{"question": "which kind?", "answer": said}], action="hold", reason="harmless: area moved"),
        drift="virtual",
    )
    why = why_lines(harmless, spec)
    assert why.headline == "hold (harmless)"
    assert section(why, "Does it hurt?").lines == (said,)
    assert "hold (harmless)" in page(spec, [harmless], None)
    assert "hold (harmless)" in night_markdown(spec, harmless).replace("\\", "")


def test_a_slice_stands_in_its_column_s_place(spec: ProjectSpec, night: Night) -> None:
    moved = [shifted("plan", 2.0, "slice") | {"where": "plan is 'pro'"}]
    table = section(why_lines(replace(night(moved=moved), drift="slice"), spec), "What moved").table
    assert table.rows[0][:2] == ("plan is 'pro'", "slice")
    assert why_lines(replace(night(), drift="slice"), spec).headline == "score (local slice)"
