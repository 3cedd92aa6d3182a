"""The plots of a version as one page: static SVG, no script, nothing fetched, the colours of the reader's theme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BELOW, MARGIN = 460, 230, 76, 34, 12
BARS = 15
BAR = 20
MANY = 1000
Point = tuple[float, float]

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#566171;--line:#8a94a366;--blue:#1f6fd0}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a4afbd;--blue:#5b9df0}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);max-width:64rem;margin:0 auto;padding:1rem}
main{display:flex;flex-wrap:wrap;gap:1rem 2rem}figure{margin:0}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:.6rem 0 0}
p{margin:0;color:var(--soft);max-width:29rem}svg{max-width:100%;height:auto}text{fill:var(--soft);font-size:12px}
.axis{stroke:var(--line);fill:none}.zero{stroke:var(--soft);stroke-dasharray:3 3;fill:none}
.line{stroke:var(--blue);stroke-width:2;fill:none}.dot,.bar{fill:var(--blue)}
"""


def plots(title: str, analysis: Mapping[str, Any], importances: Mapping[str, float]) -> str:
    """Return a version's plots as a page: residuals, calibration, learning curve, importances; those there are.

    Parameters
    ----------
    analysis : mapping
        As the version's analysis.json.
    importances : mapping of str to float
        The share of each column, 0 to 1.

    Examples
    --------
    >>> page = plots("houses", {"learning_curve": {"rows": [50, 100], "losses": [0.2, 0.1]}}, {"size": 1.0})
    >>> page.count("<figure>"), "<script" in page
    (2, False)
    """
    errors = analysis.get("errors") or {}
    made = [
        residuals(errors),
        calibration(errors),
        learning(analysis.get("learning_curve") or {}),
        bars("Importances", "How much worse the model gets when a column is dealt out at random.", importances),
    ]
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1>"
        f"<main>{''.join(made) or '<p>There is nothing to draw.</p>'}</main></html>\n"
    )


def residuals(errors: Mapping[str, Any]) -> str:
    """Return the mean residual of rows of similar predictions; without bias, all lie on zero."""
    points = [(float(each["prediction"]), float(each["residual"])) for each in _bins(errors, "residual")]
    said = "Truth minus prediction, on the metric's scale, by prediction; above zero the model says too little."
    return figure("Residuals", said, points, guide=lambda _: 0.0)


def calibration(errors: Mapping[str, Any]) -> str:
    """Return what happened against what was predicted; well calibrated, they are equal."""
    points = [(float(each["prediction"]), float(each["truth"])) for each in _bins(errors, "truth")]
    return figure("Calibration", "Mean truth by mean prediction; the dashed line is equality.", points, lambda x: x)


def learning(curve: Mapping[str, Any]) -> str:
    """Return how the loss falls with the rows that were learned from."""
    losses = zip(curve.get("rows") or (), curve.get("losses") or (), strict=False)
    points = [(float(rows), float(loss)) for rows, loss in losses if loss is not None]
    return figure("Learning curve", str(curve.get("answer") or "Mean loss by rows learned from."), points)


def figure(title: str, said: str, points: Sequence[Point], guide: Callable[[float], float] | None = None) -> str:
    """Return points joined by a line, or nothing when there are fewer than two.

    Parameters
    ----------
    guide : callable, optional
        A line to compare with: from x to y.
    """
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return ""
    ordered = sorted(points)
    guided = [(x, guide(x)) for x, _ in (ordered[0], ordered[-1])] if guide else []
    across, up = _scales([*ordered, *guided])
    line = "L".join(f"{across(x):.1f} {up(y):.1f}" for x, y in ordered)
    dots = "".join(f"<circle class='dot' cx='{across(x):.1f}' cy='{up(y):.1f}' r='3'/>" for x, y in ordered)
    dashed = "L".join(f"{across(x):.1f} {up(y):.1f}" for x, y in guided)
    inside = f"<path class='zero' d='M{dashed}'/>" if guided else ""
    axes = _axes([*ordered, *guided], (across, up))
    return _figure(title, said, HEIGHT, f"{axes}{inside}<path class='line' d='M{line}'/>{dots}")


def bars(title: str, said: str, shares: Mapping[str, float]) -> str:
    """Return the largest shares as bars, the largest first; nothing without any."""
    largest = sorted((each for each in shares.items() if each[1] > 0), key=lambda each: -each[1])[:BARS]
    if not largest:
        return ""
    room = WIDTH - 200 - LEFT
    drawn = "".join(
        f"<text x='190' y='{place * BAR + 14}' text-anchor='end'>{escape(name[:28])}</text>"
        f"<rect class='bar' x='200' y='{place * BAR + 4}' width='{width:.1f}' height='{BAR - 8}'/>"
        f"<text x='{206 + width:.1f}' y='{place * BAR + 14}'>{share:.1%}</text>"
        for place, (name, share) in enumerate(largest)
        for width in (room * share / largest[0][1],)
    )
    return _figure(title, said, len(largest) * BAR + 8, drawn)


def _figure(title: str, said: str, height: int, inside: str) -> str:
    return (
        f"<figure><h2>{escape(title)}</h2><p>{escape(said)}</p><svg width='{WIDTH}' height='{height}' "
        f"viewBox='0 0 {WIDTH} {height}' role='img' aria-label='{escape(title)}. {escape(said)}'>{inside}</svg>"
        "</figure>"
    )


def _scales(points: Sequence[Point]) -> tuple[Callable[[float], float], Callable[[float], float]]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    wide, tall = (max(xs) - min(xs)) or 1.0, (max(ys) - min(ys)) or 1.0

    def across(x: float) -> float:
        return LEFT + (x - min(xs)) / wide * (WIDTH - LEFT - MARGIN)

    def up(y: float) -> float:
        return HEIGHT - BELOW - (y - min(ys)) / tall * (HEIGHT - BELOW - MARGIN)

    return across, up


def _axes(points: Sequence[Point], scales: tuple[Callable[[float], float], Callable[[float], float]]) -> str:
    across, up = scales
    xs, ys = [x for x, _ in points], [y for _, y in points]
    labels = [
        f"<text x='{across(x):.1f}' y='{HEIGHT - 12}' text-anchor='{side}'>{_short(x)}</text>"
        for x, side in ((min(xs), "start"), (max(xs), "end"))
    ]
    labels += [
        f"<text x='{LEFT - 6}' y='{up(y) + 4:.1f}' text-anchor='end'>{_short(y)}</text>" for y in {min(ys), max(ys)}
    ]
    frame = f"<path class='axis' d='M{LEFT} {MARGIN}V{HEIGHT - BELOW}H{WIDTH - MARGIN}'/>"
    return frame + "".join(sorted(labels))


def _short(value: float) -> str:
    """Return an axis label.

    >>> _short(0.15), _short(12500.0)
    ('0.15', '12,500')
    """
    return f"{value:,.0f}" if abs(value) >= MANY else f"{value:.3g}"


def _bins(errors: Mapping[str, Any], needed: str) -> list[Mapping[str, Any]]:
    """Return the groups of rows of which both numbers are known."""
    return [
        each for each in errors.get("bins") or () if each.get("prediction") is not None and each.get(needed) is not None
    ]
