"""The plots of a version as one page: static SVG, no script, nothing fetched, the colours of the reader's theme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tasks.render.axes import NumberSpan, padded
from tasks.render.bar_chart import draw_bar_chart
from tasks.render.line_chart import ChartSeries, LineChart, draw_line_chart
from tasks.render.pages import page

Point = tuple[float, float]


def plots(title: str, analysis: Mapping[str, Any], importances: Mapping[str, float]) -> str:
    """Return a version's plots as a page: residuals, calibration, learning curve, importances; those with data.

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
    figures = [
        residuals(errors),
        calibration(errors),
        learning_curve(analysis.get("learning_curve") or {}),
        draw_bar_chart("Importances", "How much worse the model predicts when a column is shuffled.", importances),
    ]
    return page("model_plots.html", title=title, figures=[figure for figure in figures if figure])


def residuals(errors: Mapping[str, Any]) -> Markup:
    """Return the mean residual of rows with similar predictions; without bias, all points are on the zero line."""
    points = [(float(part["prediction"]), float(part["residual"])) for part in _bins(errors, "residual")]
    caption = "Truth minus prediction, on the metric's scale, by prediction; above zero the model predicts too little."
    return _figure("Residuals", caption, points, ("no error", lambda _: 0.0))


def calibration(errors: Mapping[str, Any]) -> Markup:
    """Return the true values against the predictions; a well calibrated model has all points on the diagonal."""
    points = [(float(part["prediction"]), float(part["truth"])) for part in _bins(errors, "truth")]
    return _figure("Calibration", "Mean truth by mean prediction.", points, ("equality", lambda x: x))


def learning_curve(curve: Mapping[str, Any]) -> Markup:
    """Return how the loss falls with the number of training rows."""
    losses = zip(curve.get("rows") or (), curve.get("losses") or (), strict=False)
    points = [(float(rows), float(loss)) for rows, loss in losses if loss is not None]
    return _figure("Learning curve", str(curve.get("answer") or "Mean loss by number of training rows."), points)


def _figure(
    title: str, caption: str, points: Sequence[Point], guide: tuple[str, Callable[[float], float]] | None = None
) -> Markup:
    """Return points joined by a line, and a guide to compare with; nothing when there are fewer than two points."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return Markup()
    ordered = sorted(points)
    span = NumberSpan(*padded(x for x, _ in ordered))
    lines = [ChartSeries("", "", tuple(ordered))]
    if guide is not None:
        name, at = guide
        lines.insert(0, ChartSeries(name, "guide", tuple((x, at(x)) for x in (span.low, span.high))))
    return draw_line_chart(LineChart(title, caption, span, lines=tuple(lines)))


def _bins(errors: Mapping[str, Any], needed: str) -> list[Mapping[str, Any]]:
    """Return the groups of rows for which both numbers are available."""
    bins = errors.get("bins") or ()
    return [part for part in bins if part.get("prediction") is not None and part.get(needed) is not None]
