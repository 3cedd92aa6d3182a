"""A heat map as a table: a column of the data a row, its nights a coloured strip, its numbers beside it.

The strip is a handful of SVG paths, one a level, so that 500 columns over a year stay small. Levels past the leeway are
also taller, for whoever cannot tell the colours apart; the numbers beside say the same again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tasks.render.line_chart import NightSpan, day_labels
from tasks.render.safe_text import own

LIMITS = (0.5, 0.8, 1.0, 1.5, 3.0)
LEGEND = ("half of its leeway or more", "0.8 or more", "past it", "past 1.5 times", "past 3 times")
TOP = 40
WEEK = 7
NEW_DAYS = 28


@dataclass(frozen=True, slots=True)
class Strip:
    """One column's strain by night; a night that is not in it used less than half of the leeway, or was not judged."""

    column: str
    strains: Mapping[date, float]

    @property
    def most(self) -> float:
        """The largest strain there was."""
        return max(self.strains.values(), default=0.0)

    @property
    def nights_past(self) -> int:
        """Nights on which the leeway was used up."""
        return sum(strain > 1 for strain in self.strains.values())

    def newest(self, last: date) -> float:
        """Return the largest strain of the newest four weeks."""
        since = last - timedelta(days=NEW_DAYS)
        return max((strain for night, strain in self.strains.items() if night > since), default=0.0)


def strips(tables: Mapping[date, Mapping[str, float]], last: date) -> list[Strip]:
    """Return a strip for each column that any night measured, the most strained of the newest four weeks first."""
    found: dict[str, dict[date, float]] = {}
    for night, table in tables.items():
        for column, strain in table.items():
            found.setdefault(column, {})[night] = strain
    made = [Strip(column, nights) for column, nights in found.items()]
    return sorted(made, key=lambda strip: (-round(strip.newest(last), 2), -strip.most, strip.column))


def level(strain: float) -> int:
    """Return 0 for calm to 5; 3 and above is past the leeway.

    >>> [level(strain) for strain in (0.2, 0.5, 0.9, 1.0, 1.01, 2, 9)]
    [0, 1, 2, 2, 3, 4, 5]
    """
    if strain in LIMITS[:2]:
        return bisect_left(LIMITS, strain) + 1
    return bisect_left(LIMITS, strain)


def heat_map(found: Sequence[Strip], span: NightSpan, nights: Sequence[date]) -> str:
    """Return the table: the most strained columns night by night, the others, folded, week by week."""
    cells = _cells(nights, span)
    top = _table([_row(strip, strip.strains, cells, span) for strip in found[:TOP]], span)
    rest = found[TOP:]
    if not rest:
        return top
    weeks = _weeks(span)
    rows = [_row(strip, _weekly(strip, span), weeks, span) for strip in rest]
    said = f"{len(rest)} more columns, the worst night of each week"
    return f"{top}<details><summary>{said}</summary>{_table(rows, span)}</details>"


def legend() -> str:
    """Return what the levels mean."""
    keys = "".join(f"<span><i class='h{place}'></i>{text}</span>" for place, text in enumerate(LEGEND, 1))
    return f"<p class='keys'>{keys}</p>"


def _cells(nights: Sequence[date], span: NightSpan) -> dict[date, tuple[int, int]]:
    """Return where each night's cell begins and how wide it is: up to the next night, at most a week."""
    after = [*nights[1:], span.last + timedelta(days=1)]
    return {
        night: (span.at(night), min((following - night).days, WEEK))
        for night, following in zip(nights, after, strict=True)
    }


def _weeks(span: NightSpan) -> dict[date, tuple[int, int]]:
    starts = range(0, span.days, WEEK)
    return {span.first + timedelta(days=start): (start, min(WEEK, span.days - start)) for start in starts}


def _weekly(strip: Strip, span: NightSpan) -> dict[date, float]:
    worst: dict[date, float] = {}
    for night, strain in strip.strains.items():
        week = span.first + timedelta(days=span.at(night) // WEEK * WEEK)
        worst[week] = max(strain, worst.get(week, 0.0))
    return worst


def _row(strip: Strip, strains: Mapping[date, float], cells: Mapping[date, tuple[int, int]], span: NightSpan) -> str:
    runs: dict[int, list[tuple[int, int]]] = {}
    for night, (start, width) in cells.items():
        grade = level(strains.get(night, 0.0))
        if grade:
            _extend(runs.setdefault(grade, []), start, width)
    paths = "".join(f"<path class='h{grade}' d='{_moves(runs[grade])}'/>" for grade in sorted(runs))
    return (
        f"<tr><th scope='row'>{own(strip.column)}</th><td class='strip'>"
        f"<svg viewBox='0 0 {span.days} 2' preserveAspectRatio='none' aria-hidden='true'>{paths}</svg></td>"
        f"<td>{strip.newest(span.last):.2f}</td><td>{strip.most:.2f}</td><td>{strip.nights_past}</td></tr>"
    )


def _extend(runs: list[tuple[int, int]], start: int, width: int) -> None:
    if runs and sum(runs[-1]) == start:
        runs[-1] = (runs[-1][0], runs[-1][1] + width)
    else:
        runs.append((start, width))


def _moves(runs: Sequence[tuple[int, int]]) -> str:
    """Return a path along the middle of the strip: where each run begins and how long it is, step by step.

    >>> _moves([(3, 2), (7, 1)])
    'M0 1m3 0h2m2 0h1'
    """
    return "M0 1" + "".join(_steps(runs))


def _steps(runs: Sequence[tuple[int, int]]) -> Iterator[str]:
    here = 0
    for start, width in runs:
        yield f"m{start - here} 0h{width}"
        here = start + width


def _table(rows: Sequence[str], span: NightSpan) -> str:
    return (
        "<div class='wide'><table class='heat'><thead><tr><th scope='col'>column</th>"
        f"<th scope='col' class='strip'><span class='xs'>{day_labels(span)}</span></th>"
        f"<th scope='col'>{NEW_DAYS} days</th><th scope='col'>most</th><th scope='col'>nights past</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
