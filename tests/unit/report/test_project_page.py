from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.records import (
    AutomationCounts,
    BatchVerdict,
    Bounded,
    ColumnDistribution,
    DriftStatistic,
    Estimated,
    GroupGap,
    IntervalCoverage,
    Matters,
    MeasuredMetric,
    Performance,
    PipelineStage,
    SliceCoverage,
    Statistic,
    Suspicion,
    UpstreamState,
    Window,
    WindowDistributions,
)
from tasks.render.png_picture import ShownPicture
from tasks.report import night_markdown, night_numbers, page
from tasks.spec import ProjectSpec
from tests.recorded_entries import FIRST, event_entry, moved, performance
from tests.unit.report.conftest import HOSTILE

if TYPE_CHECKING:
    from tests.unit.report.conftest import Night

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
def test_nothing_that_came_from_data_or_people_becomes_markup(text: str, spec: ProjectSpec, night: Night) -> None:
    named = spec.model_copy(update={"scope": spec.scope.model_copy(update={"owner": text, "objective": text})})
    seen = night(
        0,
        reason=text,
        moved=(moved(text, 2.0), moved(text, 0.9, Statistic.NULLS)),
        batches=(BatchVerdict(text, text, "quarantined"),),
        performance=performance(1.0),
        drift_per_month={text: 1.0},
        first_step=text,
        steps=(PipelineStage(text, 3, (text,), 2.0),),
        upstream=(UpstreamState(text, moved=(text,)),),
        recorded_suspicions=(Suspicion(text, (text,), text, {text: text}),),
    )
    promoted = event_entry("promotion", "promoted", subject=text, reason=text)
    asked = event_entry("retraining", "registered", day=1, subject=text, reason=text)
    without = parsed(page(named, [night(0, moved=(moved("a", 2.0),))], 1)).tags
    markup = parsed(page(named, [seen, promoted, asked], 1, {text: "http://127.0.0.1:1", "it": text}))
    assert set(markup.tags) - set(without) <= {"b", "a", "ul", "li", "code"}
    assert markup.tags.count("b") == 2  # a batch and a version need attention
    assert not [name for name, _ in markup.attributes if name.startswith("on")]
    assert {value for name, value in markup.attributes if name == "href"} == {"http://127.0.0.1:1"}


def test_pictures_are_shown_with_names_that_stay_text(spec: ProjectSpec) -> None:
    shown = [
        ShownPicture(HOSTILE, HOSTILE, "data:image/png;base64,AAAA"),
        ShownPicture("r9", "refused: file_missing:picture", None),
    ]
    html = page(spec, [], None, pictures=shown)
    assert html.count("<img ") == html.count("src='data:image/png;base64,AAAA'") == 1
    assert "no picture that can be shown" in html
    assert "<script" not in html


def test_writing_from_right_to_left_does_not_turn_its_neighbours(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0, moved=(moved(RIGHT_TO_LEFT, 2.0), moved(TURNING, 1.5)))], None)
    assert f"<bdi>{RIGHT_TO_LEFT}</bdi>" in text
    assert "\u202e" not in text
    assert "<bdi>a\\u202etxt.exe</bdi>" in text


def test_what_no_file_can_hold_is_shown_as_its_code(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [replace(night(0, moved=(moved("nul\x00", 2.0),)), reason="half a \ud83d")], None)
    assert "half a \\ud83d" in text
    assert "nul\\u0000" in text
    assert text.encode()


def test_only_web_addresses_become_links(spec: ProjectSpec) -> None:
    asked = event_entry(
        "retraining", "registered", reason="to answer: http://127.0.0.1:5000/#/models/m?a=b javascript:x"
    )
    text = page(spec, [asked], None, {"MLflow": "https://mlflow.example", "bad": "javascript:alert(1)"})
    linked = {value for name, value in parsed(text).attributes if name == "href"}
    assert linked == {"http://127.0.0.1:5000/#/models/m?a=b", "https://mlflow.example"}


def test_a_project_without_a_night_has_a_page_too(spec: ProjectSpec) -> None:
    text = page(spec, [], None)
    assert "no model serves yet" in text
    assert text.count("none yet") == 2
    assert "Nothing needs attention." in text
    assert "<figure" not in text


def test_a_night_decided_twice_is_listed_once_with_its_last_decision(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0, reason="at first"), night(0, reason="once corrected")], None)
    nights = text.partition("<h2>Nights</h2>")[2]
    assert nights.count(f"<td class='when'>{FIRST}</td>") == 1
    assert "once corrected" in nights
    assert "at first" not in text


def test_every_figure_has_a_title_and_the_same_in_words(spec: ProjectSpec, night: Night) -> None:
    facts = {
        "moved": (moved("area", 2.0), moved("area", 0.75, Statistic.NULLS)),
        "performance": performance(1.05),
        "estimated": Estimated(1.1, 0.05, 1.0, trusted=True),
        "automation": AutomationCounts(served_rows=10, deferred_share=0.1),
        "drift_per_month": {"area": 0.5},
    }
    nights = [night(day, **facts) for day in range(3)]
    text = page(spec, [*nights, event_entry("promotion", "promoted", 1)], 2)
    assert text.count("<figure>") == text.count("<figcaption><h2>") == 6
    assert "1 of 1 column used more than the leeway in the newest four weeks: area" in text
    assert "realised 1.05 (0.95 to 1.15), tolerated 1.1" in text
    assert "30 rows accepted in 3 nights, 3 quarantined (9.1%)" in text
    assert "90.0 % of the newest night" in text
    charts = re.findall(r"<svg [^>]*role='img' aria-label='([^']+)'", text)
    assert len(charts) == 4  # the two heat maps are tables, and hide their strips
    assert text.count("<th scope='row'>") == 2
    speed = text.split("<h2>Data speed</h2>")[1].split("</table>")[0]
    assert "<td><bdi>area</bdi></td><td><bdi>0.5</bdi></td>" in speed
    nulls = text.split("<h2>Nulls</h2>")[1].split("</figure>")[0]
    assert "area" in nulls
    assert ">version 2</span>" in text


def test_further_metrics_have_a_figure_and_a_table_of_the_night_and_a_series(spec: ProjectSpec, night: Night) -> None:
    known = MeasuredMetric("roc_auc", higher_is_better=True, value=0.75, low=0.7, high=0.8)
    failed = MeasuredMetric("money.profit", higher_is_better=True, value=None, fault="ValueError: no rows")
    measured = night(1, metrics=(known, failed))
    text = page(spec, [night(0), measured], None)
    assert text.count("<figure>") == 2  # with the rows
    assert "roc auc (higher is better)" in text
    assert "Newest, on 2026-02-02: 0.75 (0.7 to 0.8)" in text
    section = text.split("Other metrics")[1].split("</table>")[0]
    assert "money.profit: ValueError: no rows" in section
    assert "<td><bdi>0.7 to 0.8</bdi></td>" in section
    numbers = {name: value for name, value in night_numbers(measured).items() if name.startswith("metric.")}
    assert numbers == {"metric.roc_auc": 0.75, "metric.roc_auc_low": 0.7, "metric.roc_auc_high": 0.8}


def test_differences_between_groups_have_a_figure_for_each_measure_and_those_past_the_limit_come_first(
    spec: ProjectSpec, night: Night
) -> None:
    near = GroupGap("town", "Ely", "true_positive_rate", 90, 0.9, 0.75, 0.15, 0.05, 0.25, limit=0.1)
    past = GroupGap("town", "Rye", "true_positive_rate", 90, 0.5, 0.75, -0.25, -0.3, -0.2, 0.1, is_past_limit=True)
    plain = GroupGap("town", "Ely", "error", 90, 2.0, 1.5, 0.5)
    text = page(spec, [night(0, fairness=(near, plain)), night(1, fairness=(near, past, plain))], None)
    assert text.count("<figure>") == 3  # with the rows
    assert "1 difference between groups past fairness.limits" in text
    assert "past fairness.limits" not in page(spec, [night(0, fairness=(past,)), night(1, fairness=(near,))], None)
    assert "Newest, on 2026-02-02: true positive rate of town = Rye: 0.5, of the others 0.75" in text
    section = text.split("<h3>Differences between groups</h3>")[1].split("</table>")[0]
    assert section.count("past its limit of 0.1") == 1
    assert section.index("<td><bdi>town = Rye</bdi></td>") < section.index("<td><bdi>town = Ely</bdi></td>")
    numbers = night_numbers(night(1, fairness=(near, past, plain)))
    assert (numbers["fairness.true_positive_rate"], numbers["fairness.error"]) == (0.25, 0.5)


def test_intervals_that_hold_too_few_labels_are_drawn_and_ask_for_something(spec: ProjectSpec, night: Night) -> None:
    right = IntervalCoverage(200, 0.875, 0.9, 0.05, 12.5, 0.8, 0.95)
    past = IntervalCoverage(200, 0.7, 0.9, 0.05, 12.5, 0.65, 0.75, is_past_leeway=True)
    text = page(spec, [night(0, coverage=right), night(1, coverage=past)], None)
    assert text.count("<figure>") == 2  # with the rows
    assert "Labels inside their prediction intervals" in text
    assert "prediction intervals hold too few labels: 70.0 % of 200 labels (65.0 to 75.0)" in text
    assert "hold too few labels" not in page(spec, [night(0, coverage=past), night(1, coverage=right)], None)
    numbers = {name: value for name, value in night_numbers(night(1, coverage=past)).items() if "interval" in name}
    assert numbers == {
        "interval.coverage": 0.7,
        "interval.coverage_low": 0.65,
        "interval.coverage_high": 0.75,
        "interval.coverage_expected": 0.9,
        "interval.width": 12.5,
    }


def test_the_slice_of_intervals_that_holds_too_few_labels_asks_for_something_and_is_first(
    spec: ProjectSpec, night: Night
) -> None:
    right = IntervalCoverage(200, 0.875, 0.9, 0.05, 12.5, 0.8, 0.95)
    past = IntervalCoverage(90, 0.5, 0.9, 0.05, 12.5, 0.4, 0.6, is_past_leeway=True)
    slices = (SliceCoverage("town", "town is 'Ely'", right), SliceCoverage("town", "town is 'Rye'", past))
    text = page(spec, [night(0, coverage=right), night(1, coverage=right, slice_coverage=slices)], None)
    assert "prediction intervals hold too few labels: town is &#39;Rye&#39;: 50.0 % of 90 labels" in text
    section = text.split("<h3>Prediction intervals</h3>")[1].split("</table>")[0]
    assert section.index("<td><bdi>town is &#39;Rye&#39;") < section.index("<td><bdi>town is &#39;Ely&#39;")
    assert night_numbers(night(1, coverage=right, slice_coverage=slices))["interval.coverage_worst_slice"] == 0.5


def test_a_single_night_is_drawn_as_dots(spec: ProjectSpec, night: Night) -> None:
    text = page(spec, [night(0, performance=performance(1.0))], None)
    assert "class='dot' d='M0.5 50h0'" in text


def test_beyond_forty_columns_the_others_are_folded_week_by_week(spec: ProjectSpec, night: Night) -> None:
    columns = tuple(moved(f"column {number:03d}", 1 + number / 100) for number in range(50))
    text = page(spec, [night(day, moved=columns) for day in range(14)], None)
    top, folded = text.split("10 more columns, the worst night of each week")
    assert "column 049" in top
    assert "column 010" in top
    assert "column 009" in folded
    assert "column 009" not in top


def test_the_inputs_of_the_newest_window_are_drawn_with_the_most_moved_first(spec: ProjectSpec, night: Night) -> None:
    columns = tuple(ColumnDistribution(name, (1.0,), (1.0,), ("a",)) for name in ("calm", "area"))
    drawn = WindowDistributions(Window(FIRST, FIRST + timedelta(days=6), 1200), columns)
    text = page(spec, [night(moved=(moved("area", 1.5),))], None, distributions=drawn)
    assert f"The rows of {FIRST} to {FIRST + timedelta(days=6)} (1,200) next to those" in text
    assert text.index("<h3><bdi>area</bdi></h3><p class='soft'>150% of its leeway</p>") < text.index("<bdi>calm</bdi>")
    assert "Inputs, then and now" not in page(spec, [night()], None)


def test_a_year_of_any_number_of_columns_stays_small(spec: ProjectSpec, night: Night) -> None:
    """A noisy year: every cell differs from its neighbour, which is the worst for the strips."""
    columns = [
        tuple(moved(f"column {number:03d}", 0.45 + (number + turn) % 2) for number in range(200)) for turn in range(2)
    ]
    turns = [night(turn, moved=columns[turn]) for turn in range(2)]
    nights = [replace(turns[day % 2], night=FIRST + timedelta(days=day)) for day in range(365)]
    text = page(spec, nights, None)
    assert len(text.encode()) < 300_000


def quarantined(*keys: str) -> tuple[BatchVerdict, ...]:
    return tuple(BatchVerdict("rows", key, "quarantined") for key in keys)


def test_what_needs_attention_is_named_until_it_is_answered(spec: ProjectSpec, night: Night) -> None:
    asked = event_entry("retraining", "registered", 0, "version 4")
    held = night(0, batches=quarantined("a.csv", "b.csv", "c.csv"))
    healed = night(1, batches=(BatchVerdict("rows", "b.csv", "accepted"),))
    released = event_entry("release", "released", 1, "c.csv")
    text = page(spec, [held, asked, healed, released], None)
    attention = text.split("Needs attention")[1].split("</table>")[0]
    assert "version 4 needs approval" in attention
    assert "rows a.csv" in attention
    assert "b.csv" not in attention
    assert "c.csv" not in attention
    answered = page(spec, [asked, event_entry("promotion", "promoted", 1, "version 4")], 4)
    assert "version 4 needs approval" not in answered


NUMBERS = st.floats(-1e300, 1e300) | st.sampled_from([math.nan, math.inf, -math.inf])
BOUNDED = st.builds(Bounded, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
DAY = st.dates()
PERFORMANCE = st.builds(Performance, start=DAY, end=DAY, rows=st.integers(0), loss=BOUNDED, bias=BOUNDED)
MOVED = st.builds(
    DriftStatistic, st.text(max_size=5), st.sampled_from(Statistic), NUMBERS, NUMBERS, where=st.text(max_size=5)
)


MATTERS = st.builds(
    Matters,
    st.just("no"),
    weight_moved=NUMBERS,
    performance=st.none() | PERFORMANCE,
    estimated=st.none() | st.builds(Estimated, NUMBERS, NUMBERS, NUMBERS, trusted=st.booleans()),
)
AUTOMATION = st.builds(AutomationCounts, served_rows=st.integers(0), deferred_share=st.none() | st.floats(0, 1))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    measured=st.fixed_dictionaries(
        {
            "moved": st.lists(MOVED, max_size=3).map(tuple),
            "answers": st.tuples(MATTERS),
            "drift_per_month": st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3),
            "automation": st.none() | AUTOMATION,
        }
    )
)
def test_whatever_a_night_measured_it_has_its_page(spec: ProjectSpec, night: Night, measured: dict[str, Any]) -> None:
    seen = replace(night(0), **measured)
    assert parsed(page(spec, [seen, night(1)], None)).open == []
    assert night_markdown(spec, seen)
    assert all(map(math.isfinite, night_numbers(seen).values()))
