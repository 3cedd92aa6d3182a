from __future__ import annotations

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from tasks.records import ColumnDistribution
from tasks.render.axes import NightSpan, NumberSpan, Scale, padded, ticks
from tasks.render.bar_chart import BARS, draw_bar_chart
from tasks.render.distribution_grid import DrawnColumn, draw_distribution_grid
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart

FIRST = date(2026, 1, 1)
FINITE = st.floats(-1e9, 1e9)


def nights(count: int) -> list[date]:
    return [FIRST + timedelta(days=day) for day in range(count)]


@given(st.lists(FINITE, min_size=1))
def test_an_axis_reaches_all_its_values_and_has_round_numbers_within(values: list[float]) -> None:
    low, high = padded(values)
    assert low <= min(values) <= max(values) <= high
    room = 1e-6 * (high - low)
    assert all(low - room <= tick <= high + room for tick in ticks(low, high))
    assert len(ticks(low, high)) <= 8


def test_a_value_outside_the_scale_is_drawn_at_its_end() -> None:
    scale = Scale(0.0, 10.0)
    assert [scale(value) for value in (-5, 0, 2.5, 10, 99)] == [100, 100, 75, 0, 0]


def test_a_night_is_one_wide_and_the_ends_are_labelled_inside() -> None:
    span = NightSpan(FIRST, FIRST + timedelta(days=9))
    assert (span.width, span.at(FIRST), span.middle(FIRST + timedelta(days=2))) == (10, 0, 2.5)
    assert [(label.text, label.shift) for label in span.labels] == [
        ("2026-01-01", 0),
        ("2026-01-06", 50),
        ("2026-01-10", 100),
    ]
    assert len(NightSpan(FIRST, FIRST).labels) == 1


def test_numbers_are_drawn_from_left_to_right() -> None:
    span = NumberSpan(-5, 15)
    assert [span.middle(x) for x in (-5, 0, 15)] == [0, 25, 100]
    assert [(label.text, label.at) for label in span.labels] == [
        ("-5", 0),
        ("0", 25),
        ("5", 50),
        ("10", 75),
        ("15", 100),
    ]


def test_a_chart_says_what_it_shows_and_names_each_series() -> None:
    days = nights(3)
    chart = LineChart(
        "Error <i>",
        "it rose",
        NightSpan(days[0], days[-1]),
        lines=(
            ChartSeries("realised", "", tuple((day, 1.0) for day in days)),
            ChartSeries("", "limit", ((days[0], 2.0),)),
        ),
        band=tuple((day, 0.5, 1.5) for day in days),
        marks=((days[1], "version 2"), (days[2], "")),
        tips=((days[0], "one"),),
    )
    figure = ET.fromstring(draw_line_chart(chart))  # noqa: S314 - our own text
    drawing = figure.find(".//svg[@role='img']")
    assert drawing is not None
    assert drawing.get("aria-label") == "Error <i>. it rose"
    assert [key.text or "".join(key.itertext()) for key in figure.iterfind(".//p[@class='keys']/span")] == [
        "realised",
        "interval",
        "change of champion",
    ]
    assert len(drawing.findall("path[@class='mark']")) == 2
    assert [flag.text for flag in figure.iterfind(".//span[@class='flag']")] == ["version 2"]
    assert figure.findtext(".//title") == "2026-01-01: one"


def test_charts_to_be_compared_share_an_axis() -> None:
    low, high = (
        draw_line_chart(
            LineChart("x", "", NumberSpan(0, 1), lines=(ChartSeries("", "", ((0, at), (1, at))),), includes=(0.0, 10.0))
        )
        for at in (0.0, 10.0)
    )
    labels = [re.findall(r"top:[\d.]+%'>([^<]+)<", figure) for figure in (low, high)]
    assert labels[0] == labels[1] == ["0", "2.5", "5", "7.5", "10"]


def test_the_largest_shares_are_bars_the_largest_first() -> None:
    shares = {f"column {place}": place / 100 for place in range(30)}
    figure = ET.fromstring(draw_bar_chart("Importances", "", shares))  # noqa: S314 - our own text
    names = ["".join(head.itertext()) for head in figure.iterfind(".//th")]
    assert len(names) == BARS
    assert names[0] == "column 29"
    assert ">29.0%<" in draw_bar_chart("Importances", "", shares)
    assert draw_bar_chart("Importances", "", {"x": 0.0}) == ""


def test_a_distribution_draws_the_reference_as_an_area_and_the_window_as_an_outline() -> None:
    drawn = DrawnColumn(ColumnDistribution("size", (0.5, 0.25), (0.0, 1.0), low=0.0, high=1250.0), "57% of its leeway")
    html = draw_distribution_grid("Inputs", "then and now", [drawn])
    assert "<path class='was' d='M0 100V50h1V75h1V100z'/><path class='is' d='M0 100h1V0h1'/>" in html
    assert "<span>0</span><span>1,250</span>" in html


def test_names_of_a_distribution_are_text_and_their_shares_are_written_out() -> None:
    one = ColumnDistribution("plan", (0.75, 0.25), (0.0, 0.004), ("<b>", "pro"), window_nulls=0.2)
    html = draw_distribution_grid("Inputs", "then and now", [DrawnColumn(one)])
    assert "<bdi>&lt;b&gt;</bdi>" in html
    assert "<td>75 % → 0 %</td>" in html
    assert "<td>25 % → 0.4 %</td>" in html
    assert "empty: 0 % → 20 %" in html


def test_from_the_thirteenth_column_on_distributions_are_folded_and_beyond_500_counted() -> None:
    columns = [DrawnColumn(ColumnDistribution(f"c{at}", (1.0,), (1.0,), ("a",))) for at in range(510)]
    html = draw_distribution_grid("Inputs", "then and now", columns)
    assert "<summary>488 more columns</summary>" in html
    assert "10 more columns are not drawn." in html
    assert len(html) < 300_000


def test_without_columns_no_distribution_is_drawn() -> None:
    assert draw_distribution_grid("Inputs", "then and now", []) == ""
