"""Shares of a whole as horizontal bars: a table in which each row has its bar."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from tasks.render.pages import render

BARS = 15


def draw_bar_chart(title: str, caption: str, shares: Mapping[str, float]) -> Markup:
    """Return the largest shares as bars, the largest first; nothing where no share is above zero.

    Parameters
    ----------
    caption : str
        What the bars show, in a sentence.
    shares : mapping of str to float
        The share of each name, 0 to 1.
    """
    positive = sorted(((share, name) for name, share in shares.items() if share > 0), key=lambda pair: -pair[0])[:BARS]
    if not positive:
        return Markup()
    longest = positive[0][0]
    rows = [(name, f"{share:.1%}", f"{100 * share / longest:.1f}") for share, name in positive]
    return render("bar_chart.html", title=title, caption=caption, rows=rows)
