"""A grid of small drawings, one a column: how its values were distributed, and how they are now.

Each is two SVG paths, so that 500 columns stay small. The reference is a filled area, the window an outline, which
also readers who cannot tell the colours apart can see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tasks.records import ColumnDistribution
from tasks.render.pages import render

HEIGHT = 100
FOLDED_FROM = 12
MOST = 500
NOTHING = 1e-6  # of the range: an end as near to 0 is 0
WHOLE = 0.0995  # from here on a share is shown without a decimal
MOST_DIGITS = 9  # before and after the point
TRIFLE = 0.0005  # of the rows: a share below is shown as none


@dataclass(frozen=True, slots=True)
class DrawnColumn:
    """A column to draw, with a remark such as the share of its leeway that is used."""

    distribution: ColumnDistribution
    remark: str = ""


@dataclass(frozen=True, slots=True)
class _Name:
    """A value with its shares in the reference and in the window, as lengths 0 to 100 and as text."""

    name: str
    before: float
    now: float
    shares: str


@dataclass(frozen=True, slots=True)
class _Cell:
    column: str
    remark: str
    said: str
    nulls: str
    ends: tuple[str, str] | None
    before: str
    now: str
    names: Sequence[_Name]


def draw_distribution_grid(title: str, caption: str, columns: Sequence[DrawnColumn]) -> Markup:
    """Return the grid: the first twelve columns open, the others folded; nothing without columns.

    Parameters
    ----------
    caption : str
        What is compared with what, in a sentence.
    columns : sequence of DrawnColumn
        In the order in which they are drawn; of more than 500 the first 500.
    """
    if not columns:
        return Markup()
    cells = [_cell(column) for column in columns[:MOST]]
    return render(
        "distribution_grid.html",
        title=title,
        caption=caption,
        height=HEIGHT,
        top=cells[:FOLDED_FROM],
        rest=cells[FOLDED_FROM:],
        left_out=max(0, len(columns) - MOST),
    )


def _cell(drawn: DrawnColumn) -> _Cell:
    one = drawn.distribution
    highest = max((*one.reference, *one.window), default=0.0) or 1.0
    has_names = bool(one.names)
    return _Cell(
        column=one.column,
        remark=drawn.remark,
        said=f"{one.column}: distribution in the reference and in the newest window",
        nulls=_nulls(one),
        ends=None if has_names else (_end(one.low, one.high - one.low), _end(one.high, one.high - one.low)),
        before="" if has_names else area(one.reference, highest),
        now="" if has_names else outline(one.window, highest),
        names=[
            _Name(name, 100 * before / highest, 100 * now / highest, f"{_percent(before)} → {_percent(now)}")
            for name, before, now in zip(one.names, one.reference, one.window, strict=True)
        ]
        if has_names
        else (),
    )


def area(shares: Sequence[float], highest: float) -> str:
    """Return the path of an area under steps of width 1, `highest` reaching the top.

    >>> area([0.5, 0.25], highest=0.5)
    'M0 100V0h1V50h1V100z'
    """
    steps = "".join(f"V{_height(share, highest)}h1" for share in shares)
    return f"M0 {HEIGHT}{steps}V{HEIGHT}z"


def outline(shares: Sequence[float], highest: float) -> str:
    """Return the path of the upper edge of steps of width 1.

    >>> outline([0.5, 0.25], highest=0.5)
    'M0 0h1V50h1'
    """
    first, *others = (_height(share, highest) for share in shares)
    return f"M0 {first}h1" + "".join(f"V{each}h1" for each in others)


def _height(share: float, highest: float) -> str:
    return f"{HEIGHT - HEIGHT * share / highest:.3g}"


def _nulls(one: ColumnDistribution) -> str:
    if max(one.reference_nulls, one.window_nulls) < TRIFLE:
        return ""
    return f"empty: {_percent(one.reference_nulls)} → {_percent(one.window_nulls)}"


def _percent(share: float) -> str:
    """Return a share in per cent, with a decimal below 10 %.

    >>> [_percent(share) for share in (0.0, 0.0123, 0.25, 0.9999)]
    ['0 %', '1.2 %', '25 %', '100 %']
    """
    if share < TRIFLE:
        return "0 %"
    return f"{100 * share:.0f} %" if share >= WHOLE else f"{100 * share:.1f} %"


def _end(value: float, width: float) -> str:
    """Return an end of a range, to three digits or to a hundredth of the width, whichever is finer.

    A width of 1.2 has hundredths of about 0.01; one of 114, of about 1; three digits of 1,203 are tens.

    >>> [_end(value, width) for value, width in ((-122.4061, 1.2), (2014.0, 114.0), (1203.0, 144e3), (1e-9, 3.0))]
    ['-122.41', '2,014', '1,200', '0']
    """
    if abs(value) < NOTHING * width or value == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(size)) for size in (abs(value), width) if size > 0)
    if digits > MOST_DIGITS or abs(value) >= 10**MOST_DIGITS:
        return f"{value:.3g}"
    text = f"{round(value, digits):,.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
