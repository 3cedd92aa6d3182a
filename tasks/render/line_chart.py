"""A chart over nights as static SVG: no script, any width, the colours of the reader's theme.

The drawing is stretched to the width there is, so nothing that must keep its shape is in it: axis labels are HTML
beside it, and strokes do not scale. x counts days from the first night drawn (a night is 1 wide), y is 0 at the top and
100 at the bottom.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tasks.render.safe_text import html

HEIGHT = 100
TICKS = 4
LABEL_SHARE = 0.07  # of the width: two marks nearer than this share one label
DOTS = 60  # points: beyond, a line's own bends show where it was measured
HEADROOM = 0.05  # of the range, above and below what is drawn
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class NightSpan:
    """The nights drawn, from the first to the last, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Width of the drawing."""
        return (self.last - self.first).days + 1

    def at(self, night: date) -> int:
        """Return where a night begins."""
        return (night - self.first).days


@dataclass(frozen=True, slots=True)
class Series:
    """A series: its name (none keeps it out of the legend), its look (a class of the page's style), its values."""

    name: str
    look: str
    points: tuple[tuple[date, float], ...]


@dataclass(frozen=True, slots=True)
class LineChart:
    """What one figure shows. `said` is the same in a sentence, for whoever cannot see it.

    `band` holds (night, low, high), `bars` stacked series, `marks` nights with a label, `tips` what pointing at a night
    tells.
    """

    title: str
    said: str
    span: NightSpan
    lines: tuple[Series, ...] = ()
    bars: tuple[Series, ...] = ()
    band: tuple[tuple[date, float, float], ...] = ()
    marks: tuple[tuple[date, str], ...] = ()
    tips: tuple[tuple[date, str], ...] = ()


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers inside a range, about four.

    >>> ticks(0, 1), ticks(0.12, 0.17)
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.12, 0.13, 0.14, 0.15, 0.16, 0.17])
    """
    size = (high - low) / TICKS
    unit = 10 ** math.floor(math.log10(size))
    step = min((unit * each for each in STEPS), key=lambda each: abs(each - size))
    count = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [round(each * step, 12) for each in count]


def drawn(plot: LineChart) -> str:
    """Return the figure as HTML."""
    low, high = _range(plot)
    scale = _Scale(low, high)
    at = ticks(low, high)
    inside = [
        "".join(f"<path class='grid' d='M0 {scale(each)}H{plot.span.days}'/>" for each in at),
        _bars(plot, scale),
        _band(plot, scale),
        *(_line(line, plot.span, scale) for line in plot.lines),
        *(f"<path class='mark' d='M{plot.span.at(night) + 0.5} 0V{HEIGHT}'/>" for night, _ in plot.marks),
        _tips(plot),
    ]
    labels = "".join(f"<span style='top:{scale(each)}%'>{_short(each)}</span>" for each in at)
    return (
        f"<figure><figcaption><h2>{html(plot.title)}</h2><p class='soft'>{html(plot.said)}</p>{_legend(plot)}"
        f"</figcaption><div class='plot'><div class='ys' aria-hidden='true'>{labels}</div><div class='area'>"
        f"<svg viewBox='0 0 {plot.span.days} {HEIGHT}' preserveAspectRatio='none' role='img' "
        f"aria-label='{html(plot.title)}. {html(plot.said)}'>{''.join(inside)}</svg>{_labels(plot)}</div>"
        f"<div class='xs' aria-hidden='true'>{day_labels(plot.span)}</div></div></figure>"
    )


def day_labels(span: NightSpan) -> str:
    """Return the first, the middle and the last night, to be spread over the width."""
    middle = span.first + timedelta(days=span.days // 2)
    return "".join(f"<span>{day}</span>" for day in dict.fromkeys((span.first, middle, span.last)))


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT * (1 - min(max(share, 0.0), 1.0)), 1)


def _range(plot: LineChart) -> tuple[float, float]:
    """Return the axis: all that is drawn, and 0 where there are bars."""
    values = [value for line in plot.lines for _, value in line.points]
    values += [edge for _, low, high in plot.band for edge in (low, high)]
    if plot.bars:
        return 0.0, max([*(sum(each) for each in _stacked(plot.bars)), 1.0]) * (1 + HEADROOM)
    low, high = min(values), max(values)
    room = (high - low) * HEADROOM or abs(high) * HEADROOM or 1.0
    return low - room, high + room


def _stacked(bars: Sequence[Series]) -> Iterable[tuple[float, ...]]:
    return zip(*((value for _, value in line.points) for line in bars), strict=True)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _line(line: Series, span: NightSpan, scale: _Scale) -> str:
    points = [(span.at(night) + 0.5, scale(value)) for night, value in line.points]
    if not points:
        return ""
    path = f"<path class='line {line.look}' d='{_path(points)}'/>"
    if len(points) > DOTS:
        return path
    return path + f"<path class='dot {line.look}' d='{''.join(f'M{x:g} {y:g}h0' for x, y in points)}'/>"


def _band(plot: LineChart, scale: _Scale) -> str:
    if not plot.band:
        return ""
    there = [(plot.span.at(night) + 0.5, scale(high)) for night, _, high in plot.band]
    back = [(plot.span.at(night) + 0.5, scale(low)) for night, low, _ in reversed(plot.band)]
    return f"<path class='band' d='{_path([*there, *back])}Z'/>"


def _bars(plot: LineChart, scale: _Scale) -> str:
    below = [0.0] * len(plot.bars[0].points) if plot.bars else []
    paths = []
    for line in plot.bars:
        tops = [under + value for under, (_, value) in zip(below, line.points, strict=True)]
        shapes = (
            f"M{plot.span.at(night)} {scale(under):g}V{scale(top):g}h1V{scale(under):g}"
            for (night, value), under, top in zip(line.points, below, tops, strict=True)
            if value
        )
        paths.append(f"<path class='bar {line.look}' d='{''.join(shapes)}'/>")
        below = tops
    return "".join(paths)


def _tips(plot: LineChart) -> str:
    shapes = (
        f"<rect x='{plot.span.at(night)}' width='1' height='{HEIGHT}'><title>{night}: {html(text)}</title></rect>"
        for night, text in plot.tips
    )
    return f"<g class='tips'>{''.join(shapes)}</g>" if plot.tips else ""


def _labels(plot: LineChart) -> str:
    shown, last = [], -1.0
    for night, text in sorted(plot.marks):
        share = (plot.span.at(night) + 0.5) / plot.span.days
        if share - last >= LABEL_SHARE:
            shown.append(f"<span class='flag' style='left:{100 * share:.1f}%'>{html(text)}</span>")
            last = share
    return "".join(shown)


def _legend(plot: LineChart) -> str:
    keys = [(line.name, line.look) for line in (*plot.bars, *plot.lines) if line.points and line.name]
    keys += [("interval", "band")] if plot.band else []
    keys += [("change of champion", "mark")] if plot.marks else []
    return (
        "<p class='keys'>" + "".join(f"<span><i class='{look}'></i>{html(name)}</span>" for name, look in keys) + "</p>"
    )


def _short(value: float) -> str:
    """Return an axis label.

    >>> _short(0.15), _short(12500.0)
    ('0.15', '12,500')
    """
    return f"{value:,.0f}" if abs(value) >= HEIGHT else f"{value:g}"
