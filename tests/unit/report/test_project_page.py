from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.report import night_markdown, night_numbers, page
from tasks.spec import ProjectSpec
from tests.unit.report.conftest import FIRST, HOSTILE, bounded, shifted

if TYPE_CHECKING:
    from tests.unit.report.conftest import Event, Night

RIGHT_TO_LEFT = "عدد الغرف"
TURNING = "a\u202etxt.exe"
VOID = {"meta", "br", "path", "rect"}


class Markup(HTMLParser):
    """Every element there is, and whether each that was opened was closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag


def parsed(text: str) -> Markup:
    markup = Markup()
    markup.feed(text)
    markup.close()
    assert markup.open == []
    return markup


def test_the_page_asks_for_nothing_and_runs_nothing(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0), night(1)], 3)
    assert "version 3 serves" in text
    assert not {"script", "link", "img", "iframe", "object"} & set(parsed(text).tags)
    assert not re.search(r"\bon\w+=|url\(|@import|src=", text)


@pytest.mark.parametrize("text", [HOSTILE, "\"><img src=x onerror='1'>", "'/><b>", "]]>--><svg onload=1>", "&lt;b&gt;"])
def test_nothing_that_came_from_data_or_people_becomes_markup(
    text: str, spec: ProjectSpec, night: Night, event: Event
) -> None:
    named = spec.model_copy(update={"scope": spec.scope.model_copy(update={"owner": text, "objective": text})})
    answer = {"question": text, "answer": text, "numbers": {text: text}}
    seen = night(
        0,
        action=text,
        reason=text,
        moved=[shifted(text, 2.0), shifted(text, 0.9, "null_share")],
        answers=[answer],
        batches={text: "quarantined"},
        performance={"loss": bounded(1.0), "bias": bounded(0.0), "end": text},
        speed={text: 1.0},
        waiting={text: 3},
        where_first=text,
        suspicions=[{"column": text, "kind": text}, text],
    )
    told = event("promotion", "promoted", subject=text, reason=text)
    without = parsed(page(named, [night(0, moved=[shifted("a", 2.0)])], 1)).tags
    markup = parsed(page(named, [seen, told], 1, {text: "http://127.0.0.1:1", "it": text}))
    assert set(markup.tags) - set(without) <= {"b", "a", "ul", "li"}
    assert markup.tags.count("b") == 2  # what waits for whom
    assert not [name for name, _ in markup.attributes if name.startswith("on")]
    assert {value for name, value in markup.attributes if name == "href"} == {"http://127.0.0.1:1"}


def test_writing_from_right_to_left_does_not_turn_its_neighbours(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0, moved=[shifted(RIGHT_TO_LEFT, 2.0), shifted(TURNING, 1.5)])], None)
    assert f"<bdi>{RIGHT_TO_LEFT}</bdi>" in text
    assert "\u202e" not in text
    assert "<bdi>a\\u202etxt.exe</bdi>" in text


def test_what_no_file_can_hold_is_shown_as_its_code(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0, reason="half a \ud83d", moved=[shifted("nul\x00", 2.0)])], None)
    assert "half a \\ud83d" in text
    assert "nul\\u0000" in text
    assert text.encode()


def test_only_web_addresses_become_links(spec: ProjectSpec, event: Event) -> None:
    asked = event("retraining", "registered", reason="to answer: http://127.0.0.1:5000/#/models/m?a=b javascript:x")
    text = page(spec, [asked], None, {"MLflow": "https://mlflow.example", "bad": "javascript:alert(1)"})
    linked = {value for name, value in parsed(text).attributes if name == "href"}
    assert linked == {"http://127.0.0.1:5000/#/models/m?a=b", "https://mlflow.example"}


def test_a_project_without_a_night_has_a_page_too(spec: ProjectSpec) -> None:
    text = page(spec, [], None)
    assert "no model serves yet" in text
    assert text.count("none yet") == 2
    assert "Nothing waits for anybody." in text
    assert "<figure" not in text


def test_a_night_decided_twice_stands_once_with_its_last_decision(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0, reason="at first"), night(0, reason="once corrected")], None)
    assert text.count(f"<td class='when'>{FIRST}</td>") == 1
    assert "once corrected" in text
    assert "at first" not in text


def test_every_figure_has_a_title_and_the_same_in_words(spec: ProjectSpec, night: Night, event: Event) -> None:
    measured = {"performance": {"loss": bounded(1.05), "bias": bounded(0.0)}, "estimated": bounded(1.1)}
    moved = [shifted("area", 2.0), shifted("area", 0.75, "null_share")]
    nights = [night(day, moved=moved, deferred_share=0.1, speed=0.5, **measured) for day in range(3)]
    text = page(spec, [*nights, event("promotion", "promoted", 1)], 2)
    assert text.count("<figure>") == text.count("<figcaption><h2>") == 7
    assert "1 of 1 columns were past their leeway in the newest four weeks: area" in text
    assert "realised 1.05 (0.95 to 1.15), tolerated 1.1" in text
    assert "30 rows taken in over 3 nights, 3 set aside (9.1%)" in text
    assert "90.0 % of the newest night" in text
    charts = re.findall(r"<svg [^>]*role='img' aria-label='([^']+)'", text)
    assert len(charts) == 5  # the two heat maps are tables, and hide their strips
    assert text.count("<th scope='row'>") == 2
    assert ">version 2</span>" in text


def test_a_single_night_is_drawn_as_dots(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0, performance={"loss": bounded(1.0), "bias": bounded(0.0)})], None)
    assert "class='dot' d='M0.5 50h0'" in text


def test_beyond_forty_columns_the_others_are_folded_week_by_week(spec: ProjectSpec, night: Night) -> None:
    moved = [shifted(f"column {each:03d}", 1 + each / 100) for each in range(50)]
    text = page(spec, [night(day, moved=moved) for day in range(14)], None)
    top, folded = text.split("10 more columns, the worst night of each week")
    assert "column 049" in top
    assert "column 010" in top
    assert "column 009" in folded
    assert "column 009" not in top


def test_a_year_of_any_number_of_columns_stays_small(spec: ProjectSpec, night: Night) -> None:
    """A noisy year: every cell differs from its neighbour, which is the worst for the strips."""
    moved = [[shifted(f"column {each:03d}", 0.45 + (each + turn) % 2) for each in range(200)] for turn in range(2)]
    text = page(spec, [night(day, moved=moved[day % 2]) for day in range(365)], None)
    assert len(text.encode()) < 300_000


def test_what_waits_is_named_until_it_is_answered(spec: ProjectSpec, night: Night, event: Event) -> None:
    asked = event("retraining", "registered", 0, "version 4")
    held = night(0, batches={"rows a.csv": "quarantined", "rows b.csv": "quarantined", "rows c.csv": "quarantined"})
    healed = night(1, batches={"rows b.csv": "accepted"}, waiting={"review_queue": 12})
    let_in = event("release", "released", 1, "c.csv")
    text = page(spec, [held, asked, healed, let_in], None)
    waiting = text.split("What waits for whom")[1].split("</table>")[0]
    assert "version 4 for approval" in waiting
    assert "review queue: 12" in waiting
    assert "rows a.csv" in waiting
    assert "b.csv" not in waiting
    assert "c.csv" not in waiting
    answered = page(spec, [asked, event("promotion", "promoted", 1, "version 4")], 4)
    assert "version 4 for approval" not in answered


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    *("rows", "labels", "quarantined", "answers", "moved", "batches", "performance", "estimated", "speed"),
    *("deferred_share", "waiting", "where_first", "suspicions", "kind"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING))
def test_whatever_a_night_recorded_it_has_its_page(spec: ProjectSpec, night: Night, details: dict[str, object]) -> None:
    entry = night(0)
    entry.details.clear()
    entry.details.update(json.loads(json.dumps(details)))
    assert parsed(page(spec, [entry, night(1)], None)).open == []
    assert night_markdown(spec, entry)
    assert night_numbers(entry)["rows"] >= -1e400
