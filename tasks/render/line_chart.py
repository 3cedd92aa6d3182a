"""A chart of lines, bands and bars as static SVG: no script, any width, the colours of the reader's theme.

The drawing is stretched to the available width. So it holds no text: labels are HTML next to it, and strokes keep their
width. x runs over the span, y from 0 at the top to 100 at the bottom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from markupsafe import Markup

from tasks.render.axes import HEADROOM, HEIGHT, Scale, Span, padded, ticks
from tasks.render.pages import render
from tasks.render.values import axis_label

X = TypeVar("X")
FLAG_SHARE = 0.07  # of the width: of two marks nearer than this, one has a label
DOTS = 60  # points: beyond, the bends of a line show where it was measured


@dataclass(frozen=True, slots=True)
class ChartSeries(Generic[X]):
    """A series: its name (empty: not in the legend), its look (a class of the stylesheet, or empty), its values."""

    name: str
    look: str
    points: tuple[tuple[X, float], ...]


@dataclass(frozen=True, slots=True)
class LineChart(Generic[X]):
    """What one figure shows.

    Attributes
    ----------
    caption : str
        The same in a sentence, for readers who cannot see the drawing.
    bars : tuple of ChartSeries
        Stacked; all have a value for the same nights.
    band : tuple
        The interval of the first line: (x, low, high).
    marks : tuple
        Vertical lines with a label, which may be empty; `mark_name` is their name in the legend.
    tips : tuple
        What pointing at a night shows.
    includes : tuple of float
        Values that the vertical axis includes in any case, such as the range of a chart to compare with.
    """

    title: str
    caption: str
    span: Span[X]
    lines: tuple[ChartSeries[X], ...] = ()
    bars: tuple[ChartSeries[X], ...] = ()
    band: tuple[tuple[X, float, float], ...] = ()
    marks: tuple[tuple[X, str], ...] = ()
    tips: tuple[tuple[X, str], ...] = ()
    mark_name: str = "change of champion"
    includes: tuple[float, ...] = ()


class _Shape(NamedTuple):
    look: str
    path: str


def draw_line_chart(chart: LineChart[X]) -> Markup:
    """Return the figure as HTML."""
    scale = _scale(chart)
    levels = ticks(scale.low, scale.high)
    grid = [_Shape("grid", f"M0 {scale(level)}H{chart.span.width}") for level in levels]
    marks = [_Shape("mark", f"M{chart.span.middle(x):g} 0V{HEIGHT}") for x, _ in chart.marks]
    return render(
        "line_chart.html",
        chart=chart,
        height=HEIGHT,
        keys=_keys(chart),
        levels=[(scale(level), axis_label(level)) for level in levels],
        shapes=[*grid, *_bars(chart, scale), *_band(chart, scale), *_lines(chart, scale), *marks],
        tips=[(chart.span.middle(x) - 0.5, x, text) for x, text in chart.tips],
        flags=_flags(chart),
    )


def _scale(chart: LineChart[X]) -> Scale:
    """Return the vertical axis: all that is drawn, and 0 where there are bars."""
    if chart.bars:
        return Scale(0.0, max([*map(sum, _stacked(chart.bars)), 1.0]) * (1 + HEADROOM))
    values = [value for line in chart.lines for _, value in line.points]
    values += [limit for _, low, high in chart.band for limit in (low, high)]
    return Scale(*padded([*values, *chart.includes]))


def _stacked(bars: Sequence[ChartSeries[X]]) -> Iterable[tuple[float, ...]]:
    return zip(*((value for _, value in line.points) for line in bars), strict=True)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _lines(chart: LineChart[X], scale: Scale) -> Iterable[_Shape]:
    for line in chart.lines:
        points = [(chart.span.middle(x), scale(value)) for x, value in line.points]
        if points:
            yield _Shape(f"line {line.look}".rstrip(), _path(points))
        if 0 < len(points) <= DOTS:
            yield _Shape(f"dot {line.look}".rstrip(), "".join(f"M{x:g} {y:g}h0" for x, y in points))


def _band(chart: LineChart[X], scale: Scale) -> list[_Shape]:
    if not chart.band:
        return []
    upper = [(chart.span.middle(x), scale(high)) for x, _, high in chart.band]
    lower = [(chart.span.middle(x), scale(low)) for x, low, _ in reversed(chart.band)]
    return [_Shape("band", _path([*upper, *lower]) + "Z")]


def _bars(chart: LineChart[X], scale: Scale) -> Iterable[_Shape]:
    floors = [0.0] * len(chart.bars[0].points) if chart.bars else []
    for series in chart.bars:
        tops = [floor + value for floor, (_, value) in zip(floors, series.points, strict=True)]
        boxes = (
            f"M{chart.span.middle(x) - 0.5:g} {scale(floor):g}V{scale(top):g}h1V{scale(floor):g}"
            for (x, value), floor, top in zip(series.points, floors, tops, strict=True)
            if value
        )
        yield _Shape(f"bar {series.look}", "".join(boxes))
        floors = tops


def _flags(chart: LineChart[X]) -> list[tuple[float, str]]:
    """Return the labels of marks, as far as there is room: how far from the left in percent, and the text."""
    shown: list[tuple[float, str]] = []
    for x, text in sorted(chart.marks, key=lambda mark: chart.span.middle(mark[0])):
        share = 100 * chart.span.middle(x) / chart.span.width
        if text and (not shown or share - shown[-1][0] >= 100 * FLAG_SHARE):
            shown.append((round(share, 1), text))
    return shown


def _keys(chart: LineChart[X]) -> list[tuple[str, str]]:
    """Return the legend: look and name."""
    keys = [(f"bar {series.look}", series.name) for series in chart.bars if series.points and series.name]
    keys += [(f"line {series.look}", series.name) for series in chart.lines if series.points and series.name]
    keys += [("band", "interval")] if chart.band else []
    return keys + ([("mark", chart.mark_name)] if chart.marks else [])
