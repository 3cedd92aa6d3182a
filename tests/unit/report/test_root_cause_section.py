"""Where it began, which projects it concerns, in which slices it hurts, how quickly: in `leeway why` and the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from tasks.records import LocalError, PipelineStage, Statistic, UpstreamState
from tasks.report import Why, night_markdown, page, why_lines
from tasks.spec import ProjectSpec
from tests.recorded_entries import moved
from tests.unit.report.conftest import Night

STEPS = (
    PipelineStage("rows as delivered", 120, ("area",), 2.0),
    PipelineStage("rows accepted", 100),
    PipelineStage("labels", None),
)
UPSTREAM = (
    UpstreamState("sales", "dataset", date(2026, 2, 1), "hold", "covariate", ("price",), troubled=True),
    UpstreamState("ranker", "model"),
)
SLICES = (
    LocalError("plan", "plan is 'pro'", 90, loss=0.5, expected=0.25, leeway=0.125, alone=True),
    LocalError("plan", "plan is 'basic'", 900, loss=0.2, expected=0.25, leeway=0.125, alone=True),
)


def section(why: Why, title: str) -> Any:
    return next((section for section in why.sections if section.title == title), None)


def test_every_step_is_shown_with_what_moved_in_it(spec: ProjectSpec, night: Night) -> None:
    seen = night(first_step="rows as delivered (area)", steps=STEPS)
    found = section(why_lines(seen, spec), "Where first")
    assert found.lines == ("rows as delivered (area)",)
    assert found.table.rows[:2] == (
        ("rows as delivered", "120", "area", "200%"),
        ("rows accepted", "100", "nothing", "0%"),
    )


def test_where_nothing_moved_the_steps_are_not_listed(spec: ProjectSpec, night: Night) -> None:
    steps = tuple(replace(step, moved=()) for step in STEPS)
    assert section(why_lines(night(steps=steps), spec), "Where first") is None


def test_projects_up_and_downstream_are_named(spec: ProjectSpec, night: Night) -> None:
    found = section(why_lines(night(upstream=UPSTREAM, downstream=("offers", "report")), spec), "Where first")
    assert found.lines == (
        "upstream: sales (hold on 2026-02-01, covariate: price)",
        "upstream, sales: hold on 2026-02-01; moved there: price",
        "upstream, ranker: no night yet",
        "downstream: offers, report",
    )


def test_slices_are_listed_once_one_of_them_is_past_its_leeway(spec: ProjectSpec, night: Night) -> None:
    found = section(why_lines(night(worse=SLICES), spec), "Does it hurt?")
    assert found.table.rows[0] == ("plan is 'pro'", "90", "0.5", "0.25", "200%", "yes")
    assert section(why_lines(night(worse=SLICES[1:]), spec), "Does it hurt?").table is None


def test_how_quickly_the_data_change_is_shown_with_how_long_the_leeway_lasts(spec: ProjectSpec, night: Night) -> None:
    seen = night(drift_per_month={"area": 0.5}, moved=(moved("area", 2.0),))
    assert section(why_lines(seen, spec), "How quickly").lines == (
        "area: 0.5 sd a month since training; at that pace its leeway of 0.25 lasts 15 days",
    )


def test_harmless_drift_is_called_so_wherever_the_night_is_shown(spec: ProjectSpec, night: Night) -> None:
    harmless = night(kind="virtual", moved=(moved("area", 2.0),))
    why = why_lines(harmless, spec)
    assert why.headline == "hold; harmless drift"
    assert "harmless: the rows have changed, neither predictions nor errors have" in section(why, "Does it hurt?").lines
    assert "hold; harmless drift" in page(spec, [harmless], None)
    assert "hold; harmless drift" in night_markdown(spec, harmless)


def test_a_slice_is_shown_in_place_of_its_column(spec: ProjectSpec, night: Night) -> None:
    local = night(kind="slice", moved=(moved("plan", 2.0, Statistic.SLICE, where="plan is 'pro'"),))
    table = section(why_lines(local, spec), "What moved").table
    assert table.rows[0][:2] == ("plan is 'pro'", "slice")
    assert why_lines(local, spec).headline == "hold; drift in a slice"
