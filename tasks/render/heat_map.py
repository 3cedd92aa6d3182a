"""A heat map as a table: each column of the data is a row, with its nights as a coloured strip and its numbers.

A strip is a handful of SVG paths, one a level, so that 500 columns over a year stay small. Levels past the leeway are
also taller, for readers who cannot tell the colours apart; the numbers next to the strip say the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from tasks.render.axes import NightSpan
from tasks.render.pages import render

LIMITS = (0.5, 0.8, 1.0, 1.5, 3.0)
LEGEND = ("half of its leeway or more", "0.8 or more", "past it", "past 1.5 times", "past 3 times")
TOP = 40
WEEK = 7
NEW_DAYS = 28


@dataclass(frozen=True, slots=True)
class Strip:
    """One column's strain by night; a night without a value used less than half of the leeway, or was not judged."""

    column: str
    strains: Mapping[date, float]

    @property
    def most(self) -> float:
        """The largest strain of all nights."""
        return max(self.strains.values(), default=0.0)

    @property
    def nights_past(self) -> int:
        """Number of nights past the leeway."""
        return sum(strain > 1 for strain in self.strains.values())

    def newest(self, last: date) -> float:
        """Return the largest strain of the newest four weeks."""
        since = last - timedelta(days=NEW_DAYS)
        return max((strain for night, strain in self.strains.items() if night > since), default=0.0)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """What one heat map shows: a title, the same in words, and the strips over the nights of a span."""

    title: str
    caption: str
    strips: Sequence[Strip]
    nights: Sequence[date]
    span: NightSpan


@dataclass(frozen=True, slots=True)
class _Row:
    column: str
    levels: Sequence[tuple[int, str]]
    newest: float
    most: float
    nights_past: int


def strips(tables: Mapping[date, Mapping[str, float]], last: date) -> list[Strip]:
    """Return a strip for each column that any night measured, the most strained of the newest four weeks first."""
    by_column: dict[str, dict[date, float]] = {}
    for night, table in tables.items():
        for column, strain in table.items():
            by_column.setdefault(column, {})[night] = strain
    unsorted = [Strip(column, nights) for column, nights in by_column.items()]
    return sorted(unsorted, key=lambda strip: (-round(strip.newest(last), 2), -strip.most, strip.column))


def level(strain: float) -> int:
    """Return 0 for calm to 5; 3 and above is past the leeway.

    Examples
    --------
    >>> [level(strain) for strain in (0.2, 0.5, 0.9, 1.0, 1.01, 2, 9)]
    [0, 1, 2, 2, 3, 4, 5]
    """
    if strain in LIMITS[:2]:
        return bisect_left(LIMITS, strain) + 1
    return bisect_left(LIMITS, strain)


def draw_heat_map(chart: HeatMap) -> Markup:
    """Return the figure: the most strained columns night by night, the others, folded, week by week."""
    cells, weeks = _cells(chart.nights, chart.span), _weeks(chart.span)
    return render(
        "heat_map.html",
        chart=chart,
        legend=LEGEND,
        new_days=NEW_DAYS,
        top=[_row(strip, strip.strains, cells, chart.span) for strip in chart.strips[:TOP]],
        rest=[_row(strip, _weekly(strip, chart.span), weeks, chart.span) for strip in chart.strips[TOP:]],
    )


def _cells(nights: Sequence[date], span: NightSpan) -> dict[date, tuple[int, int]]:
    """Return where each night's cell begins and how wide it is: up to the next night, at most a week."""
    ends = [*nights[1:], span.last + timedelta(days=1)]
    return {night: (span.at(night), min((end - night).days, WEEK)) for night, end in zip(nights, ends, strict=True)}


def _weeks(span: NightSpan) -> dict[date, tuple[int, int]]:
    starts = range(0, span.width, WEEK)
    return {span.first + timedelta(days=start): (start, min(WEEK, span.width - start)) for start in starts}


def _weekly(strip: Strip, span: NightSpan) -> dict[date, float]:
    worst: dict[date, float] = {}
    for night, strain in strip.strains.items():
        week = span.first + timedelta(days=span.at(night) // WEEK * WEEK)
        worst[week] = max(strain, worst.get(week, 0.0))
    return worst


def _row(strip: Strip, strains: Mapping[date, float], cells: Mapping[date, tuple[int, int]], span: NightSpan) -> _Row:
    runs: dict[int, list[tuple[int, int]]] = {}
    for night, (start, width) in cells.items():
        grade = level(strains.get(night, 0.0))
        if grade:
            _extend(runs.setdefault(grade, []), start, width)
    levels = [(grade, _path(runs[grade])) for grade in sorted(runs)]
    return _Row(strip.column, levels, strip.newest(span.last), strip.most, strip.nights_past)


def _extend(runs: list[tuple[int, int]], start: int, width: int) -> None:
    if runs and sum(runs[-1]) == start:
        runs[-1] = (runs[-1][0], runs[-1][1] + width)
    else:
        runs.append((start, width))


def _path(runs: Sequence[tuple[int, int]]) -> str:
    """Return a path along the middle of the strip: the distance to each run and its length, step by step.

    >>> _path([(3, 2), (7, 1)])
    'M0 1m3 0h2m2 0h1'
    """
    return "M0 1" + "".join(_steps(runs))


def _steps(runs: Sequence[tuple[int, int]]) -> Iterator[str]:
    end = 0
    for start, width in runs:
        yield f"m{start - end} 0h{width}"
        end = start + width
