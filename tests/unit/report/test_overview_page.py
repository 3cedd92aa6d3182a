"""The page about all projects says first what needs attention, and shows text of others as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.report import ProjectOverview, overview_page
from tasks.spec import ProjectSpec
from tests.recorded_entries import event_entry
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_project_page import parsed

if TYPE_CHECKING:
    from tests.unit.report.conftest import Night

NOW = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)


def test_what_needs_attention_comes_before_all_projects_the_oldest_first(spec: ProjectSpec, night: Night) -> None:
    waits = [*(night(day, action="ask") for day in range(3)), event_entry("retraining", "registered", 2)]
    older = [night(0), event_entry("retraining", "registered", 1)]
    projects = [
        ProjectOverview("trips", spec, waits, "in 3 hours"),
        ProjectOverview("houses", spec, older),
        ProjectOverview("broken", fault="its spec cannot be used"),
    ]
    text = overview_page(projects, NOW)
    attention, cards = text.split("<section", 1)
    assert "3 projects, as of 2026-03-01 07:30 UTC" in attention
    assert attention.index("its spec cannot be used") < attention.index("houses") < attention.index("trips")
    assert cards.count("class='box'") == 3
    assert "in 3 hours" in cards
    assert parsed(text).open == []


def test_each_night_is_a_square_and_all_of_them_a_sentence(spec: ProjectSpec, night: Night) -> None:
    record = [night(day, action="quarantine" if day == 5 else "score") for day in range(40)]
    text = overview_page([ProjectOverview("trips", spec, record)], NOW)
    squares, _legend = text.split("class='keys squares'")
    assert squares.count("<i class='good'") == 30
    assert "the last 30 nights: 30 scored" in text
    assert "<i class='bad' title='2026-02-06: quarantined'></i>" not in text
    shorter = overview_page([ProjectOverview("trips", spec, record[:6])], NOW)
    assert "<i class='bad' title='2026-02-06: quarantined'></i>" in shorter
    assert "the last 6 nights: 5 scored, 1 quarantined" in shorter


def test_text_of_others_is_shown_as_text_and_only_addresses_are_links(spec: ProjectSpec, night: Night) -> None:
    projects = [
        ProjectOverview(HOSTILE, spec, [night(0, reason=HOSTILE)], HOSTILE, "javascript:alert(1)"),
        ProjectOverview("mine", spec, [night(0)], link="file:///lake/mine/objects/report.html"),
        ProjectOverview("his", fault=HOSTILE),
    ]
    text = overview_page(projects, NOW)
    assert "<script" not in text
    assert "javascript:" not in text
    assert text.count("href=") == 1
    assert parsed(text).open == []


def test_without_projects_nothing_needs_attention() -> None:
    text = overview_page([], NOW)
    assert "0 projects" in text
    assert "Nothing needs attention." in text
